"""A detector's rank among controls, also where a value is no number."""

from dataclasses import replace
from pathlib import Path

import pytest

from seedwitness.report.detector_ranks import rank_detectors
from seedwitness.report.sources import read_target_source


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_what_is_no_number_is_no_evidence(project: Path, value: float) -> None:
    (case,) = [
        each
        for each in read_target_source(project / "data", "owl").cases
        if each.case.checkpoint == "memorised"
    ]
    (first, _) = rank_detectors(replace(case, detected=case.detected.assign(value=value)))
    assert (first.value, first.controls_as_high, first.share) == (None, 6, 1)
    theirs = case.controls_detected.assign(value=float("nan"))
    (first, _) = rank_detectors(replace(case, controls_detected=theirs))
    assert (first.controls_as_high, first.share) == (6, 1)
