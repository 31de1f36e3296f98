"""A checkpoint of 16 bits goes through every stage, beside a reference of 32."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings
from seedwitness.records.tables import TRIALS, read_table
from seedwitness.stages import output_path


@pytest.mark.slow
def test_every_stage_takes_a_checkpoint_of_16_bits(
    small_project: Callable[[Path], None],
    every_stage: Callable[[], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["checkpoints"]["own"]["dtype"] = "bfloat16"
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    every_stage()
    for stage in ("search", "replay"):
        trials = read_table(output_path(stage, "owl", "own") / "trials.parquet", TRIALS)
        assert set(trials["dtype"]) == {"bfloat16"}
    own = read_table(output_path("search", "owl", "clean") / "trials.parquet", TRIALS)
    assert set(own["dtype"]) == {"float32"}
    found = read_document(CaseFindings, output_path("judge", "owl", "own") / "finding.json")
    assert found.memorised.reference is not None
    assert Path("reports/owl/report.html").exists()
