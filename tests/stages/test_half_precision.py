"""A checkpoint of 16 bits goes through every stage, beside a reference of 32."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from seedwitness import records
from seedwitness.stages import place


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
        trials = records.read_table(place(stage, "owl", "own") / "trials.parquet", records.TRIALS)
        assert set(trials["dtype"]) == {"bfloat16"}
    own = records.read_table(place("search", "owl", "clean") / "trials.parquet", records.TRIALS)
    assert set(own["dtype"]) == {"float32"}
    found = records.read(records.Case, place("judge", "owl", "own") / "finding.json")
    assert found.memorised.reference is not None
    assert Path("reports/owl/report.html").exists()
