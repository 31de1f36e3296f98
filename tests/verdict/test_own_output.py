"""No own output is called memorised: what excludes one, and the one answer for the file."""

from dataclasses import replace

import pytest
from cases import CASE, FAR, MADE, SETTINGS
from whole_scans import make_scan

from seedwitness.records.findings import CaseFindings
from seedwitness.records.placement import Placement
from seedwitness.records.seed_scan import SeedScan
from seedwitness.records.target import Provenance
from seedwitness.verdict.case_data import CaseData
from seedwitness.verdict.judgement import judge_cases
from seedwitness.verdict.own_output import find_scanned_share

UNKNOWN = replace(CASE, target=CASE.target.model_copy(update={"provenance": None}))


def judge(case: CaseData) -> CaseFindings:
    return judge_cases([case], SETTINGS)[0]


MIRRORED = Placement(
    width=128,
    height=128,
    box=(0, 0, 128, 128),
    left=0,
    top=0,
    part_width=128,
    part_height=128,
    mirrored=True,
)


@pytest.mark.parametrize(
    ("found", "share", "step_share", "missing"),
    [
        (CASE.scan, 0.0, 0.0, 3),
        (make_scan(first=2**22), 2**-10, 1.0, 0),
        (make_scan(step=2**20), 1.0, 2**-12, 0),
        (make_scan(rng_algorithms=["torch-cpu", "philox-nv"]), 1.0, 1.0, 2),
        (make_scan(seen=False), 0.0, 0.0, 0),
        (make_scan(placement=MIRRORED), 0.0, 0.0, 0),  # never looked at as it is
    ],
)
def test_without_a_whole_scan_nothing_is_supported(
    found: SeedScan, share: float, step_share: float, missing: int
) -> None:
    memorised = judge(replace(UNKNOWN, scan=found)).memorised
    assert memorised.finding == "inconclusive"
    reason = memorised.reasons[0]
    assert reason.code == "own-output-not-excluded"
    assert (reason.values["share"], reason.values["step_share"]) == (share, step_share)
    assert len(reason.values["missing"]) == missing  # type: ignore[arg-type]
    assert {each.finding for each in memorised.sensitivity} <= {"inconclusive", "not supported"}


def test_a_whole_scan_without_a_seed_excludes_an_output() -> None:
    found = judge(replace(UNKNOWN, scan=make_scan()))
    assert found.memorised.finding == "supported"
    assert found.origin == "seen"
    assert find_scanned_share(make_scan(), "step-noise") == 1


@pytest.mark.parametrize(
    ("date", "published", "finding"),
    [
        ("2019-05-01", {"memorised": "2026-01-01"}, "supported"),
        ("2026-01-01", {"memorised": "2026-01-01"}, "inconclusive"),
        ("2019-05-01", {"another": "2026-01-01"}, "inconclusive"),
    ],
)
def test_a_stated_source_from_before_the_checkpoint_is_shown_as_a_claim(
    date: str, published: dict[str, str], finding: str
) -> None:
    stated = Provenance(date=date, source="a catalogue")
    case = replace(CASE, target=CASE.target.model_copy(update={"provenance": stated}))
    settings = SETTINGS.model_copy(update={"published": published})
    found = judge_cases([case], settings)[0].memorised
    assert found.finding == finding
    claims = [reason for reason in found.limits if reason.code == "provenance-stated"]
    assert len(claims) == (finding == "supported")


def test_no_other_finding_changes() -> None:
    assert judge(replace(UNKNOWN, scores=FAR)).memorised.reasons[0].code == "rank-above-alpha"


@pytest.mark.parametrize(
    ("case", "origin"),
    [
        (CASE, "seen"),
        (replace(CASE, scores=FAR), "neither"),
        (replace(CASE, scores=FAR, scan=MADE), "made"),
        # However close its own output comes: without an earlier source it is made, and no more.
        (replace(UNKNOWN, scan=MADE), "made"),
        (replace(CASE, scan=MADE), "both"),
    ],
)
def test_one_answer_for_the_file(case: CaseData, origin: str) -> None:
    found = judge(case)
    assert found.origin == origin
    if origin in ("made", "both"):
        assert found.generated.finding == "supported"
        assert found.memorised.finding == "inconclusive"
