"""The question *exposed* in a report: its own answer, limits and figures; none where it is off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from finished_reports import write_settings, write_shared_outputs, write_target_outputs
from invented import CHECKPOINTS, SETTINGS, identity, scene
from invented_attempts import enter_attempt, write_outcome

from seedwitness.bundle.recomputation import recompute_findings
from seedwitness.config.stage_settings import ExposeStage, load_stage_settings
from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.records.exposure import (
    CONTROL_LOSSES,
    FEATURES,
    TARGET_LOSSES,
    ExposedFindings,
    OverlapReport,
)
from seedwitness.records.tables import write_table
from seedwitness.report.evidence import Evidence
from seedwitness.report.evidence_file import read_evidence
from seedwitness.stages import report
from seedwitness.verdict.exposed import judge_exposed
from seedwitness.verdict.exposure_data import read_exposure

CONTROLS = 99
GAIN = {"memorised": 0.5, "clean": 0.0}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a report of one target, the question turned on."""
    root = tmp_path_factory.mktemp("exposed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        prepare = dict.fromkeys(SETTINGS["prepare"], 0.0)  # the invented image is of no content
        write_settings(SETTINGS | {"prepare": prepare, "expose": {"enabled": True}})
        data = Path("data")
        write_shared_outputs(data)
        about = write_target_outputs(data, "owl", scene(1), back=True, seed=1)
        write_target("owl", TargetSettings(image="owl.png", pixels_sha256=about.pixels_sha256))
        write_exposure(data)
        write_outcome(data, about, enter_attempt(data, about, 1))
        report.run("owl")
    return root


def write_exposure(data: Path) -> None:
    rng = np.random.default_rng(1)
    ease = rng.normal(1, 0.2, CONTROLS + 1)
    own = []
    for name in CHECKPOINTS:
        losses = ease + rng.normal(0, 0.02, CONTROLS + 1)
        rows = [
            {"control": f"c{k:03}", "pixels_sha256": f"{k:064x}", "prompt": prompt}
            | {"timestep": 300, "noise_seed": 0, "loss": loss}
            for k, loss in enumerate(losses[1:])
            for prompt in (f"caption {k}", "")
        ]
        write_table(data / "losses" / name / "losses.parquet", rows, CONTROL_LOSSES)
        own.append(
            {
                "checkpoint": name,
                "checkpoint_sha256": identity(name).sha256,
                "objective": "epsilon",
                "prompt": "",
                "timestep": 300,
                "noise_seed": 0,
                "loss": losses[0] - GAIN[name],
            }
        )
    folder = data / "expose" / "owl"
    write_table(folder / "losses.parquet", own, TARGET_LOSSES)
    features = [
        {"image": name, "group": "colour", "feature": "red", "value": value}
        for name, value in zip(
            ["", *(f"c{k:03}" for k in range(CONTROLS))],
            [0.0, *rng.normal(size=CONTROLS)],
            strict=True,
        )
    ]
    write_table(folder / "features.parquet", features, FEATURES)
    OverlapReport(overlaps=[]).write(folder / "overlaps.json")
    settings = load_stage_settings("expose", ExposeStage)
    cases = judge_exposed(read_exposure(data, "owl", settings), settings)
    ExposedFindings(target="owl", cases=cases).write(folder / "exposed.json")


@pytest.fixture(scope="module")
def evidence(root: Path) -> Evidence:
    return read_evidence(root / "reports/owl/evidence.json")


def test_the_evidence_holds_the_finding_of_each_case(evidence: Evidence) -> None:
    found = {case.checkpoint: case.exposed for case in evidence.cases}
    examined, reference = found["memorised"], found["clean"]
    assert examined is not None
    assert reference is not None
    # The seeds were scanned in part, and a source from before the checkpoint is stated.
    assert examined.finding == "supported"
    assert [reason.code for reason in examined.reasons] == ["exposed-gain-at-most-alpha"]
    assert examined.limits[-1].code == "provenance-stated"
    assert examined.losses.rank is not None
    assert examined.losses.rank.p == 1 / (CONTROLS + 1)
    assert reference.reasons[-1].code == "exposed-without-reference"
    assert {"data/expose/owl/exposed.json", "data/losses/clean/losses.parquet"} <= {
        each.path for each in evidence.inputs
    }


def test_the_page_asks_the_question_and_says_that_it_is_no_evidence_of_copying(root: Path) -> None:
    page = (root / "reports/owl/report.html").read_text(encoding="utf-8")
    assert "know this picture better than pictures it never saw?" in page
    assert page.count("This is no evidence of copying") >= 3
    assert "Exposed: Any difference between target and controls" in page
    assert "Without any checkpoint" in page


def test_where_it_is_off_the_report_does_not_mention_it(project: Path) -> None:
    page = (project / "reports/owl/report.html").read_text(encoding="utf-8")
    assert "xposed" not in page
    assert all(
        case.exposed is None for case in read_evidence(project / "reports/owl/evidence.json").cases
    )


def test_the_recipient_computes_the_finding_again(root: Path) -> None:
    differences = recompute_findings(root, "owl")
    assert differences["data/expose/owl/exposed.json"] == []
    path = root / "data/expose/owl/exposed.json"
    honest = path.read_text(encoding="utf-8")
    path.write_text(honest.replace('"exposed-gain-at-most-alpha"', '"exposed-gain-above-alpha"'))
    try:
        assert recompute_findings(root, "owl")["data/expose/owl/exposed.json"]
    finally:
        path.write_text(honest, encoding="utf-8")
