"""Rates of prompt classes in a report: counted by hand from the tables, and shown on the page."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from invented import METRICS, scored

from seedwitness.records.tables import CONTROL_REACH, REACH, read_table, write_table
from seedwitness.report.class_rates import list_class_rates
from seedwitness.report.sources import read_target_source
from seedwitness.stages import report
from seedwitness.statistics.ranks import holm_adjust

SEEDS = 16
CLASSES = {"class: verbatim": 12, "class: generic": 3, "class: recovered": 9, "words: empty": 0}
"""How many of the seeds give a copy on the checkpoint ``memorised``."""


def tried(hits: dict[str, int]) -> list[dict[str, object]]:
    """Rows of REACH: the first ``hits`` seeds of each class are copies by every metric."""
    rows = []
    for rung, count in hits.items():
        for seed in range(SEEDS):
            scores = (0.98, 0.01) if seed < count else (0.2, 0.9)
            for metric, score in zip(METRICS, scores, strict=True):
                row = scored("", metric, score)
                del row["trial"]
                prompt = "" if rung == "words: empty" else f"<b>{rung}</b>"
                about = {"rung": rung, "strength": 0.0, "seed": seed, "prompt": prompt}
                rows.append({**about, **row})
    return rows


@pytest.fixture(scope="module")
def examined(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The owl's report, with classes on both checkpoints and for the controls."""
    root = tmp_path_factory.mktemp("classes") / "project"
    shutil.copytree(project, root)
    for name, hits in (("memorised", CLASSES), ("clean", dict.fromkeys(CLASSES, 1))):
        folder = root / "data/reach/owl" / name
        ladder = read_table(folder / "reach.parquet", REACH)
        numbers = ladder.groupby(["rung", "strength"], sort=False).ngroups
        rows = pd.concat([ladder, pd.DataFrame(tried(hits))])
        write_table(folder / "reach.parquet", rows, REACH)
        for number in range(len(CLASSES)):
            shutil.copy(folder / "images/0.png", folder / f"images/{numbers + number}.png")
        path = root / "data/controls" / name / "reach.parquet"
        controls = read_table(path, CONTROL_REACH)
        own = [
            {"control": control, "pixels_sha256": "ab" * 32, **row}
            for number, control in enumerate(("control-000", "control-001", "control-002"))
            for row in tried(dict.fromkeys(CLASSES, 2 if number == 1 else 0))
        ]
        write_table(path, pd.concat([controls, pd.DataFrame(own)]), CONTROL_REACH)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        report.run("owl")
    return root


def test_rates_pair_by_seed_with_the_first_class_and_the_reference(examined: Path) -> None:
    cases = read_target_source(examined / "data", "owl").cases
    own, reference = sorted(cases, key=lambda each: each.case.checkpoint != "memorised")
    rates = list_class_rates(own, cases)
    assert [each.rung for each in rates] == list(CLASSES)
    assert [(each.copies.hits, each.copies.n) for each in rates] == [
        (hits, SEEDS) for hits in CLASSES.values()
    ]
    assert [each.controls_copied for each in rates] == [1] * 4
    assert [each.controls for each in rates] == [3] * 4
    assert [each.reference_copies.hits for each in rates if each.reference_copies] == [1] * 4
    assert rates[0].difference is None
    generic = rates[1].difference
    assert generic is not None
    assert (generic.first_only, generic.second_only, generic.difference) == (0, 9, -9 / 16)
    family = [each.difference.p for each in rates if each.difference]
    family += [each.reference_difference.p for each in rates if each.reference_difference]
    assert len(family) == 7
    adjusted = [each.p_family for each in rates if each.p_family is not None]
    adjusted += [each.reference_p_family for each in rates if each.reference_p_family is not None]
    np.testing.assert_allclose(adjusted, holm_adjust(family))
    of_reference = list_class_rates(reference, cases)
    assert [each.copies.hits for each in of_reference] == [1] * 4
    assert all(each.reference_copies is None for each in of_reference)


def test_the_page_shows_the_table_and_escapes_prompts(examined: Path) -> None:
    page = (examined / "reports/owl/report.html").read_text()
    assert page.count("how often words of each kind bring the target back") == 2
    assert "&lt;b&gt;class: generic&lt;/b&gt;" in page
    assert "<b>class: generic" not in page
    assert ">Class: generic</th>" in page
    assert '<td class="wide">empty</td>' in page


def test_without_classes_there_is_no_table(project: Path) -> None:
    cases = read_target_source(project / "data", "owl").cases
    assert all(list_class_rates(each, cases) == [] for each in cases)
    page = (project / "reports/owl/report.html").read_text()
    assert "how often words of each kind" not in page
