"""Three walks through the rooms, as docs/structure.md draws them: every call goes down.

The calls are those of a run of the stages. Where a walk has changed, the test that fails shows its
new picture.
"""

import shutil
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from walking import recorded_calls

from seedwitness.stages import run_stage

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "structure.md"
OWN = ["owl", "own"]
WALKS: dict[str, list[tuple[str, list[str]]]] = {
    "A target, from its file to the report": [
        ("prepare", ["owl"]),
        ("recover", ["owl"]),
        ("lookup", ["owl"]),
        ("report", ["owl"]),
    ],
    "A seed, from the scan to the finding": [("scan", OWN), ("judge", ["owl"])],
    "A score, from the trial to the verdict": [
        ("search", OWN),
        ("replay", OWN),
        ("score", OWN),
        ("judge", ["owl"]),
    ],
}
Calls = Counter[tuple[str, str]]


@pytest.fixture(scope="module")
def walks(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Calls]:
    """The calls between files of each walk, in a project whose latents and scans are not cached."""
    root = tmp_path_factory.mktemp("walks") / "project"
    shutil.copytree(whole, root, ignore=shutil.ignore_patterns(".ledger"))
    calls = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for walk, steps in WALKS.items():
            with recorded_calls() as calls[walk]:
                for stage, keys in steps:
                    run_stage(stage, keys)
    return calls


def floors() -> dict[str, int]:
    """The floor of each room, 0 for the ground, from the contract that import-linter checks."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [each["layers"] for each in contracts["contracts"] if each["id"] == "floors"]
    return {
        room: number for number, layer in enumerate(reversed(layers)) for room in layer.split(" | ")
    }


def room_of(file: str) -> str:
    return file.split("/")[0].removesuffix(".py")


@pytest.mark.parametrize("walk", WALKS)
def test_no_call_of_a_walk_goes_up(walk: str, walks: dict[str, Calls]) -> None:
    floor = floors()
    upward = [
        f"{caller} calls {called}"
        for caller, called in walks[walk]
        if room_of(caller) != room_of(called) and floor[room_of(caller)] <= floor[room_of(called)]
    ]
    assert upward == []
    assert len(walks[walk]) > 50  # the calls were seen


@pytest.mark.parametrize("walk", WALKS)
def test_the_page_draws_the_rooms_that_a_walk_passes(walk: str, walks: dict[str, Calls]) -> None:
    picture = draw_walk(walks[walk])
    assert picture in PAGE.read_text(encoding="utf-8"), f"{walk} is now:\n{picture}"


def draw_walk(calls: Iterable[tuple[str, str]]) -> str:
    """A Mermaid flow chart: one arrow from each room to those that it calls, top floor first."""
    floor = floors()
    arrows = {(room_of(caller), room_of(called)) for caller, called in calls}
    hidden = {"config", "records", "runtime", "errors"}  # every room reads and writes by them
    lines = [
        f"    {caller} --> {called}"
        for caller, called in sorted(arrows, key=lambda pair: [(-floor[r], r) for r in pair])
        if caller != called and not hidden & {caller, called}
    ]
    return "\n".join(["flowchart TD", *lines])
