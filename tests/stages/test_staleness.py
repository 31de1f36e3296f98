"""A change of one line of behaviour makes the stages stale that run it, and no others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
SCRIPT = """
import json
from seedwitness.runtime.code_graph import code_files
from seedwitness.stages import stage_names
print(json.dumps({name: code_files(f"seedwitness.stages.{name}") for name in stage_names()}))
"""

SAMPLING = {"controls", "expose", "losses", "reach", "replay", "scan", "score", "search"}
REPORTING = {"overview", "report"}
ROOMS: dict[str, tuple[str, set[str]]] = {
    "attribution": ("attribution/recipe_fitting.py", {"scan"}),
    "bundle": ("bundle/statement.py", set()),
    "checkpoints": ("checkpoints/loading.py", SAMPLING),
    "cli": ("cli/results.py", set()),
    "commands": ("commands/render.py", set()),
    "compare": ("compare/paired.py", set()),
    "config": ("config/composition.py", set()),
    "controls": ("controls/selection.py", {"controls", "expose", "losses"}),
    "corpus": ("corpus/lookup.py", {"controls", "lookup", "recover"}),
    "detectors": ("detectors/preselection.py", {"controls", "search"}),
    "engine": ("engine/latent_io.py", {"controls", "score"}),
    "exposure": ("exposure/denoising_loss.py", {"expose", "losses"}),
    "imaging": ("imaging/alignment.py", {"index", "lookup", "recover", *SAMPLING}),
    "metrics": ("metrics/codec_scores.py", {"score"}),
    # The package lists its methods, so that whoever selects prompts runs all of them.
    "prompts": (
        "prompts/phrases.py",
        {"controls", "lookup", "reach", "recover", "scan", "search"},
    ),
    "reachability": ("reachability/ladder.py", {"controls", "reach"}),
    "records": ("records/copy_map.py", {"score", *REPORTING}),
    "report": ("report/plots.py", REPORTING),
    "search": ("search/halving.py", {"controls", "replay", "score", "search"}),
    "seeds": ("seeds/variation.py", SAMPLING),
    "seedscan": ("seedscan/cascade.py", {"scan"}),
    "stages": ("stages/judge.py", {"judge"}),
    "statistics": ("statistics/likelihood_ratio.py", {"judge", *REPORTING}),
    "targets": ("targets/claims/a1111.py", {"prepare"}),
    "tracking": ("tracking/store.py", {"publish"}),
    "verdict": ("verdict/exclusions.py", {"expose", "judge", *REPORTING}),
}
"""By room: a file of it, and the stages that may run it (all that do have to be among these)."""


def hashes(source: Path) -> dict[str, dict[str, str]]:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(ended.stdout))


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """By room, the stages whose code differs once one line of the room's file has changed."""
    source = tmp_path_factory.mktemp("source") / "src"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    before = hashes(source)
    found = {}
    for room, (file, _) in ROOMS.items():
        path = source / "seedwitness" / file
        text = path.read_text()
        path.write_text(text + "\nEXTRA = 1\n")
        after = hashes(source)
        found[room] = {stage for stage in before if after[stage] != before[stage]}
        path.write_text(text)
    assert hashes(source) == before
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_line_of_behaviour_makes_the_right_stages_stale(
    room: str, changed: dict[str, set[str]]
) -> None:
    file, may = ROOMS[room]
    assert changed[room] <= may, file
    assert bool(changed[room]) == bool(may), file


def test_every_room_is_tried(changed: dict[str, set[str]]) -> None:
    rooms = {
        path.name for path in (SOURCE / "seedwitness").iterdir() if (path / "__init__.py").exists()
    }
    assert rooms - {"runtime"} == set(changed)  # what runtime holds, every stage runs


def test_runtime_makes_every_stage_stale(tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    before = hashes(source)
    path = source / "seedwitness/runtime/files.py"
    path.write_text(path.read_text() + "\nEXTRA = 1\n")
    after = hashes(source)
    assert all(after[stage] != before[stage] for stage in before)


def test_a_comment_and_a_docstring_make_no_stage_stale(tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
    before = hashes(source)
    path = source / "seedwitness/engine/sampling.py"
    path.write_text("# A comment.\n" + path.read_text().replace('"""', '"""Reworded: ', 1))
    assert hashes(source) == before
