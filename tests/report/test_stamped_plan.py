"""A report of a plan that an authority has stamped, and of one that none has."""

import shutil
from pathlib import Path

import pytest
from reading import evidence, parsed
from time_stamping import make_authority

from seedwitness.errors import RecordError
from seedwitness.records.attempts import PLANS
from seedwitness.records.time_stamps import keep_answer, make_request, read_stamps
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import report
from seedwitness.stages.plan import PLAN


@pytest.fixture
def stamped(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project whose plan is stamped; the working directory is there."""
    root = tmp_path / "stamped"
    shutil.copytree(project, root)
    monkeypatch.chdir(root)
    authority = make_authority(tmp_path / "authority", "One <i>, Ltd")
    request = make_request(PLAN)
    answer = authority.stamp(request.as_bytes())
    keep_answer(root, sha256_file(PLAN), answer, request, authority.root)
    return root


def test_without_a_stamp_the_report_says_so(project: Path) -> None:
    assert evidence(project, "heron")["plan"]["stamps"] == []
    text = parsed(project / "reports/heron/report.html").text
    assert "No authority has stamped this plan: when it was written rests on" in text


def test_the_report_says_when_the_plan_existed_and_by_whom(stamped: Path) -> None:
    report.run("heron")
    (stamp,) = evidence(stamped, "heron")["plan"]["stamps"]
    (expected,) = read_stamps(PLANS, sha256_file(PLAN))
    assert stamp == expected.model_dump()
    text = parsed(stamped / "reports/heron/report.html").text
    assert f"That this plan existed at {stamp['time']} (± 1.5 s) was stamped by" in text
    assert "One" in stamp["authority"]
    assert stamp["authority"] in text
    assert stamp["root_sha256"] in text
    assert "No authority has stamped this plan" not in text
    inputs = {each["path"]: each["sha256"] for each in evidence(stamped, "heron")["inputs"]}
    path = f"data/plans/{stamp['file']}"
    assert inputs[path] == sha256_file(stamped / path)


def test_an_altered_stamp_stops_the_report(stamped: Path) -> None:
    (path,) = PLANS.glob("*.tsr")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RecordError, match=f"{path} was altered"):
        report.run("heron")
    assert stamped == Path.cwd()
