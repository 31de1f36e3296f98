"""`seedwitness portfolio` on the lab: planted works, works that were never seen, bad input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from PIL import Image, ImageOps
from typer.testing import CliRunner

from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import Lab, open_lab
from seedwitness.cli import app
from seedwitness.records.document import read_document
from seedwitness.records.exposure import PortfolioFinding

ROOT = Path(__file__).parents[2]
HELD_OUT = 24
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab() -> Lab:
    return open_lab(ROOT / "data/lab")


def choose(lab: Lab, split: str, count: int, times: int = 0) -> list[PictureRecord]:
    rows = [row for row in lab.rows if row.split == split and row.multiplicity == times]
    return rows[:count]


def write_folder(lab: Lab, rows: Sequence[PictureRecord], folder: Path, **more: object) -> None:
    folder.mkdir(parents=True)
    lines = []
    for row, pixels in zip(rows, lab.load_or_draw(list(rows)), strict=True):
        name = f"{row.id}.png"
        Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(folder / name)
        lines.append(json.dumps({"file_name": name, "text": row.caption, **more}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def project(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("portfolio")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for checkpoint in params["checkpoints"].values():
        checkpoint["path"] = str(ROOT / checkpoint["path"])
        checkpoint["watch"] = str(ROOT / checkpoint["watch"])
    params["expose"] |= {"levels": [0.3, 0.6], "noises": 2}
    params["controls"] |= {"path": "controls", "watch": None, "learned": None}
    params["controls"]["watch"] = "controls"
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    write_folder(lab, choose(lab, "held_out", HELD_OUT), root / "controls")
    return root


def run(project: Path, works: str, *more: str) -> PortfolioFinding:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        arguments = ["portfolio", works, "--checkpoint", "lab-memorised", "--out", "p.json", *more]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        found = read_document(PortfolioFinding, Path("p.json"))
    assert f"{found.works} works on lab-memorised: {found.finding}" in result.output
    assert "no evidence of copying" in result.output
    return found


def test_planted_works_are_known_and_others_are_not(lab: Lab, project: Path) -> None:
    write_folder(lab, choose(lab, "planted", 8, 32), project / "planted")
    known = run(project, "planted")
    assert known.p is not None
    assert known.p <= 0.001
    assert known.held_out == HELD_OUT
    assert known.nfe == 2 * 2 * 2 * (8 + HELD_OUT)
    rows = choose(lab, "held_out", HELD_OUT + 8)[HELD_OUT:]
    write_folder(lab, rows, project / "unseen")
    unseen = run(project, "unseen")
    assert unseen.p is not None
    assert unseen.p > 0.01
    assert unseen.finding != "supported"
    assert known.gain is not None
    assert unseen.gain is not None
    assert known.gain > 2 > unseen.gain
    alone = run(project, "planted", "--reference", "none")
    assert [reason.code for reason in alone.reasons][-1] == "exposed-without-reference"


def test_repeats_mirror_images_and_held_out_works_are_found(lab: Lab, project: Path) -> None:
    folder = project / "repeated"
    write_folder(lab, choose(lab, "planted", 5, 32), folder)
    lines = (folder / "metadata.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    name = str(first["file_name"])
    shutil.copy(folder / name, folder / "z-again.png")
    ImageOps.mirror(Image.open(folder / name)).save(folder / "z-mirrored.png")
    control = choose(lab, "held_out", 1)[0]
    shutil.copy(project / "controls" / f"{control.id}.png", folder / "z-control.png")
    lines += [
        json.dumps({**first, "file_name": f"z-{kind}.png"})
        for kind in ("again", "mirrored", "control")
    ]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    found = run(project, "repeated")
    assert found.works == 5
    assert found.duplicates == [f"works/z-{kind}.png" for kind in ("again", "control", "mirrored")]
    assert found.reasons[0].code == "portfolio-work-held-out"


def test_an_unknown_checkpoint_and_a_missing_folder_are_named(project: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for arguments, message in (
            (["controls", "--checkpoint", "lab-cleen"], "no checkpoint `lab-cleen`"),
            (["nowhere", "--checkpoint", "lab-memorised"], "There is no folder nowhere"),
        ):
            result = CliRunner().invoke(app, ["portfolio", *arguments])
            assert result.exit_code != 0
            assert message in str(result.exception) + result.output
