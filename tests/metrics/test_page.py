"""docs/metrics.md agrees with the code for every metric."""

import re
from pathlib import Path

import pytest

from seedwitness.config import verdicts
from seedwitness.metrics.scoring import WEIGHTED_METRICS, WEIGHTLESS_METRICS

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip("` "): [each.strip() for each in cells[1:]]
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [line.strip("|").split("|")]
}


def test_every_metric_has_its_line_and_its_failures() -> None:
    assert set(ROWS) == {*WEIGHTED_METRICS, *WEIGHTLESS_METRICS}
    assert set(WEIGHTED_METRICS) == verdicts.METRICS_WITH_WEIGHTS
    failures = PAGE.split("## Known failures")[1].split("\n## ")[0]
    assert {*WEIGHTED_METRICS, *WEIGHTLESS_METRICS} == set(
        re.findall(r"`([a-z0-9-]+)`(?=[,:])", failures)
    )


@pytest.mark.parametrize("name", WEIGHTLESS_METRICS)
def test_range_direction_and_line_are_those_of_the_code(name: str) -> None:
    info = WEIGHTLESS_METRICS[name].info
    _, spans, closer, line, source = ROWS[name]
    assert spans == f"{info.lowest:g} to {info.highest:g}"
    assert closer == ("higher" if info.higher_is_closer else "lower")
    assert line == ("none" if info.copy_threshold is None else f"{info.copy_threshold:g}")
    assert source.split(",")[0] in info.source
