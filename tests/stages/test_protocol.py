"""The protocol: what a stage reads was written down, and is what dvc.yaml says that it reads."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from settling import COMMITTED, bring, change, settle

from seedwitness.errors import ConfigError
from seedwitness.stages import PROTOCOL, frozen, output_path, run_stage
from seedwitness.stages.protocol import HISTORY, OPEN, READS

PIPELINE = yaml.safe_load((Path(__file__).parents[2] / "dvc.yaml").read_text())["stages"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    settle(tmp_path)
    return tmp_path


def test_a_stage_gets_what_it_reads_and_no_more(project: Path) -> None:
    read = yaml.safe_load(frozen("search").read_text())
    assert set(read) == {"judge", "score", "search"}
    assert read["judge"] == {"copies": COMMITTED["judge"]["copies"]}
    assert set(read["score"]) == {"batch", "mirrored", "shift", "weights"}
    assert read["search"] == COMMITTED["search"]


def test_what_the_user_left_out_is_written_down_too(project: Path) -> None:
    settle(project, lookup={})
    assert json.loads(PROTOCOL.read_text())["lookup"] == {"neighbours": 10, "near_duplicate": 0.9}


def test_its_hash_is_that_of_what_decides_a_finding(project: Path) -> None:
    before = PROTOCOL.read_bytes()
    assert set(json.loads(before)) == set(COMMITTED) - set(OPEN) | {"materials"}
    change(project, "report", images=COMMITTED["report"]["images"] + 1)
    change(project, "tracking", experiment="another")
    change(project, "targets", one_more={"path": "one.png"})
    assert PROTOCOL.read_bytes() == before
    change(project, "judge", alpha=COMMITTED["judge"]["alpha"] / 2)
    assert PROTOCOL.read_bytes() != before


def test_other_controls_are_another_protocol(project: Path) -> None:
    def picture(colour: str) -> None:
        Image.new("RGB", (8, 8), colour).save("controls/a.png")

    Path("controls").mkdir()
    Path("controls/metadata.jsonl").write_text('{"file_name": "a.png", "text": "a sheet"}\n')
    Path("clip").mkdir()
    Path("clip/weights").write_bytes(b"none")
    picture("red")
    here = {"path": "controls", "watch": "controls", "known": None}
    change(project, "controls", **here)
    change(project, "corpus", path="controls")
    change(project, "clip", path="clip", watch="clip")
    for name in COMMITTED["score"]["weights"]:
        output_path("weights", name).mkdir(parents=True)
        (output_path("weights", name) / "weights.json").write_text("{}")

    def protocol() -> dict[str, Any]:
        run_stage("materials", [])
        run_stage("protocol", [])
        return dict(json.loads(PROTOCOL.read_bytes()))

    first = protocol()
    picture("blue")
    second = protocol()
    assert first["materials"]["controls"] != second["materials"]["controls"]
    assert {**first, "materials": None} == {**second, "materials": None}
    picture("red")
    assert protocol() == first


def test_other_phrases_are_another_protocol(project: Path) -> None:
    """What they are goes to the stages that ask by them, so that those run again."""
    settings = frozen("recover").read_text(), frozen("controls").read_text()
    others = yaml.safe_load(frozen("search").read_text())
    bring(project, phrases="f00")
    run_stage("protocol", [])
    assert frozen("recover").read_text() != settings[0]
    assert frozen("controls").read_text() != settings[1]
    assert yaml.safe_load(frozen("search").read_text()) == others


def test_every_protocol_that_was_tried_stays_listed(project: Path) -> None:
    def kept() -> list[str]:
        return sorted(path.name[:5] for path in HISTORY.iterdir())

    first = PROTOCOL.read_bytes()
    assert kept() == ["0001-"]
    alpha = COMMITTED["judge"]["alpha"]
    change(project, "judge", alpha=alpha / 2)
    assert kept() == ["0001-", "0002-"]
    change(project, "judge", alpha=alpha)  # back again: that one is there already
    assert PROTOCOL.read_bytes() == first
    assert kept() == ["0001-", "0002-"]
    (earliest,) = HISTORY.glob("0001-*")
    assert earliest.read_bytes() == first


def test_settings_that_do_not_hold_together_are_no_protocol(project: Path) -> None:
    before = PROTOCOL.read_bytes()
    with pytest.raises(ConfigError, match="no checkpoint is called 'lab-cleen'"):
        change(project, "judge", reference="lab-cleen")
    assert PROTOCOL.read_bytes() == before


def test_without_a_protocol_no_stage_runs(project: Path) -> None:
    frozen("judge").unlink()
    with pytest.raises(ConfigError, match=r"`dvc repro protocol` writes it"):
        run_stage("judge", ["owl"])


def test_dvc_watches_for_each_stage_what_it_reads() -> None:
    watched = {}
    for name, stage in PIPELINE.items():
        inner = stage.get("do", stage)
        files = [each for each in inner["deps"] if each.startswith(f"{PROTOCOL.parent}/")]
        watched[name] = {Path(each).stem for each in files} - {PROTOCOL.stem}
    own = {name: {name} if name in READS else set() for name in PIPELINE}
    assert watched == {**own, "overview": {"report"}}
    assert set(READS) <= set(PIPELINE)
    read = {name.partition(".")[0] for names in READS.values() for name in names}
    assert set(PIPELINE["protocol"]["params"]) == set(COMMITTED) - set(OPEN) | read - {"materials"}
