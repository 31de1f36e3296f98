"""The written pages: all escaped, nothing fetched, every figure there, the same each time."""

from __future__ import annotations

import csv
import os
import re
import shutil
from contextlib import chdir
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from reading import TARGETS, evidence, leaves, pages, parsed

from seedwitness.config.stage_settings import ReportStage, load_stage_settings
from seedwitness.errors import RecordError
from seedwitness.records.document import read_document
from seedwitness.records.recipe import OWN_GENERATOR, Recipe
from seedwitness.report.building import build_evidence
from seedwitness.report.evidence import Evidence
from seedwitness.report.sources import read_target_source
from seedwitness.runtime.hashes import sha256_file
from seedwitness.stages import overview, report

CONCLUDED = ("owl", "heron")
"""The other report is refused, and stops after its findings."""


def test_pages_are_well_formed_and_their_headings_in_order(project: Path) -> None:
    for path in pages(project):
        page = parsed(path)
        assert not page.open
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        named = [each["id"] for _, each in page.elements if "id" in each]
        assert len(named) == len(set(named))
        assert {each["href"][1:] for _, each in page.elements if _link(each)} <= set(named)


def _link(attributes: dict[str, str]) -> bool:
    return attributes.get("href", "").startswith("#")


def test_nothing_leaves_the_file(project: Path) -> None:
    for path in pages(project):
        page = parsed(path)
        for tag, attributes in page.elements:
            for key in ("src", "srcset", "href", "xlink:href", "action", "poster", "data"):
                if tag == "use":
                    assert re.fullmatch(r"#picture-\d+", attributes["href"])
                elif tag == "img":
                    assert re.fullmatch(r"index_files/[\w/-]+\.webp", attributes["src"])
                    assert (path.parent / attributes["src"]).is_file()
                elif key in attributes and tag != "a":
                    assert attributes[key].startswith("data:"), (path, tag, attributes[key][:80])
            if tag == "a":
                assert re.match(r"#|\w+/report\.html$|index\.csv$", attributes["href"])
            assert not any(key.startswith("on") for key in attributes)
        style = path.read_text("utf-8").split("<style>")[1].split("</style>")[0]
        assert "url(" not in style
        assert "@import" not in style
        (policy,) = [
            each["content"]
            for tag, each in page.elements
            if each.get("http-equiv") == "Content-Security-Policy"
        ]
        allowed = "'self' file: data:" if path.name == "index.html" else "data:"
        assert policy.startswith(f"default-src 'none'; img-src {allowed};")
        assert [tag for tag, _ in page.elements].count("script") == 1


def test_foreign_text_is_escaped(project: Path) -> None:
    written = (project / "reports" / "owl" / "report.html").read_text("utf-8")
    assert "<script>alert" not in written
    assert "<img src=x" not in written
    assert "<b>été" not in written
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in written
    assert "{{ 7 * 7 }}" in parsed(project / "reports" / "owl" / "report.html").text
    for character in "\u202e\u202c\x07":
        assert character not in written
        assert f"⟨U+{ord(character):04X}⟩" in written
    assert "Evidence report &lt;case 12&gt;" in written


def test_a_long_caption_is_folded_and_whole(project: Path) -> None:
    written = (project / "reports" / "owl" / "report.html").read_text("utf-8")
    assert "(10000 characters)" in written
    assert written.count("feather " * 1250) >= 3  # prompt, searched prompt, caption of a match


@pytest.mark.parametrize("target", CONCLUDED)
def test_every_figure_of_the_evidence_is_on_the_page(project: Path, target: str) -> None:
    page = parsed(project / "reports" / target / "report.html")
    shown = page.numbers() | {float(n) for n in re.findall(r"\d+", page.text)}
    missing = {
        path: value
        for path, value in leaves(evidence(project, target))
        if isinstance(value, int | float) and not isinstance(value, bool) and value not in shown
        # Of the usual case there is nothing to say.
        if not (path.endswith("step_seed") and value == OWN_GENERATOR)
        if not (path.endswith("recipe.batch_size") and value == 0)
    }
    assert missing == {}


ON_THE_PAGE = (
    *("sha256", ".command", ".trial", ".path"),
    *("reasons.code", "limits.code", "reasons.text"),
)


@pytest.mark.parametrize("target", CONCLUDED)
def test_every_hash_and_command_of_the_evidence_is_on_the_page(project: Path, target: str) -> None:
    text = parsed(project / "reports" / target / "report.html").text
    found = [
        value
        for path, value in leaves(evidence(project, target))
        if value and path.endswith(ON_THE_PAGE)
    ]
    assert len(found) > 30
    assert [value for value in found if value not in text] == []


def test_lab_weights_are_named_wherever_their_metric_is(project: Path) -> None:
    for target in TARGETS:
        text = parsed(project / "reports" / target / "report.html").text
        named = [found.end() for found in re.finditer(r"\bdescriptor\b(?! distance)", text)]
        assert len(named) > 10
        # The judge's own sentence lists the metrics after saying so.
        listed = text.count("Measured with lab weights, not with published ones: descriptor")
        said = [text[end:].startswith(" (lab weights)") for end in named]
        assert said.count(False) == listed


def test_every_picture_has_a_text_alternative_and_a_size(project: Path) -> None:
    for path in pages(project):
        elements = parsed(path).elements
        found = [each for tag, each in elements if tag == "img"]
        drawn = [each for tag, each in elements if each.get("class", "").startswith("picture")]
        assert found or drawn
        for each in found:
            assert each["alt"].strip()
        for each in drawn:
            assert (each["role"], bool(each["aria-label"].strip())) == ("img", True)
        for each in (*found, *drawn):
            assert int(each["width"]) > 0
        plots = [each for _, each in parsed(path).elements if each.get("class") == "plot"]
        said = [each["aria-label"].lower() for each in plots]
        assert all("closest" in each or "bits" in each for each in said)


def test_each_picture_is_in_the_page_once(project: Path) -> None:
    for target in TARGETS:
        path = project / "reports" / target / "report.html"
        stored = [each["href"] for tag, each in parsed(path).elements if tag == "image"]
        assert len(stored) == len(set(stored)) > 5
        assert path.read_text("utf-8").count("data:image") == len(stored)
        assert path.stat().st_size < 4_000_000


def test_the_closest_trial_is_cited_also_without_its_picture(project: Path) -> None:
    for case in evidence(project, "owl")["cases"]:
        first, *others = case["cited"]
        assert first["image"] is None
        assert first["why"][0] == {
            "code": "closest-trial",
            "values": {"metric": "descriptor", "label": "lab weights"},
            "text": "the closest of all trials by descriptor (lab weights)",
        }
        assert len(others) == 3
        assert first["command"] == (
            "seedwitness render reports/owl/evidence.json "
            f"--checkpoint {case['checkpoint']} --trial {first['trial']}"
        )
        scores = [_score(each, "descriptor") for each in case["cited"]]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] == case["memorised"]["statistic"]["value"]
        for each in others:
            picture = project / "reports" / "owl" / each["image"]
            assert sha256_file(picture) == each["image_sha256"]


def _score(cited: Any, metric: str) -> float:
    (found,) = [each["score"] for each in cited["scores"] if each["metric"] == metric]
    return float(found)


def test_a_cited_recipe_is_the_trials_own(project: Path) -> None:
    for case in evidence(project, "owl")["cases"]:
        for cited in case["cited"]:
            assert Recipe(**cited["recipe"]).id == cited["trial"]


def test_what_was_not_measured_is_null(project: Path) -> None:
    found = evidence(project, "owl")
    assert [each["score"] for each in found["prompts"]] == [0.3123, None]
    (clean,) = [each for each in found["cases"] if each["checkpoint"] == "clean"]
    assert clean["memorised"]["reference"] is None
    assert {each["reference_score"] for cited in clean["cited"] for each in cited["scores"]} == {
        None
    }
    assert [each["image"] for each in found["matches"]] == ["images/matches/1.png", None]


def test_a_target_without_matches_or_claims_says_so(project: Path) -> None:
    text = parsed(project / "reports" / "heron" / "report.html").text
    assert "The lookup found no match." in text
    assert "claims nothing about how it was made" in text


def test_inputs_are_the_files_by_their_place_in_the_project(project: Path) -> None:
    found = evidence(project, "owl")["inputs"]
    assert [each["path"] for each in found] == sorted(each["path"] for each in found)
    for each in found:
        assert sha256_file(project / each["path"]) == each["sha256"]
    assert "data/controls/memorised/controls.parquet" in {each["path"] for each in found}


def test_the_same_inputs_give_the_same_bytes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project / "data", tmp_path / "data")
    shutil.copy(project / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    report.run("heron")
    one, two = project / "reports" / "heron", tmp_path / "reports" / "heron"
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    for name in files:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    assert str(tmp_path) not in (two / "report.html").read_text("utf-8")
    overview.run()  # from the same files, whatever reports there are
    assert (tmp_path / "reports/index.html").read_bytes() == (
        project / "reports/index.html"
    ).read_bytes()
    shutil.rmtree(tmp_path / "data" / "judge" / "owl")
    with pytest.raises(RecordError, match=re.escape(os.path.join("judge", "owl"))):
        overview.run()


def test_the_evidence_reads_back_as_it_was_written(project: Path) -> None:
    path = project / "reports" / "owl" / "evidence.json"
    again = read_document(Evidence, path).model_dump_json(indent=1) + "\n"
    assert again == path.read_text("utf-8")
    assert not re.search(r"\b(NaN|Infinity)\b", again)


def test_a_missing_file_is_named(project: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(project / "data", data)
    (data / "score" / "owl" / "clean" / "reference.parquet").unlink()
    with pytest.raises(RecordError, match=re.escape("owl/clean/reference.parquet is missing")):
        read_target_source(data, "owl")
    shutil.rmtree(data / "judge" / "owl")
    with pytest.raises(RecordError, match="nothing to report for owl"):
        read_target_source(data, "owl")


def test_the_order_of_rows_changes_nothing_cited(project: Path) -> None:
    source = read_target_source(project / "data", "owl")
    with chdir(project):
        settings = load_stage_settings("report", ReportStage)
    mixed = replace(
        source,
        cases=[
            replace(
                each,
                scores=each.scores.sample(frac=1, random_state=1),
                controls=each.controls.sample(frac=1, random_state=2),
            )
            for each in source.cases
        ],
    )
    one, two = (build_evidence(each, settings) for each in (source, mixed))
    assert [each.cited[0].trial for each in one.cases] == [
        each.cited[0].trial for each in two.cases
    ]
    assert [each.controls_copied for each in one.cases] == [
        each.controls_copied for each in two.cases
    ]


def test_the_overview_links_to_every_report(project: Path) -> None:
    page = parsed(project / "reports" / "index.html")
    links = [each["href"] for tag, each in page.elements if tag == "a" and not _link(each)]
    reports = [f"{name}/report.html" for name in sorted(TARGETS) for _ in range(2)]
    assert links == ["index.csv", *reports]
    assert all((project / "reports" / link).is_file() for link in links)


def test_the_csv_of_the_overview_has_the_figures_of_the_reports(project: Path) -> None:
    with (project / "reports" / "index.csv").open(encoding="ascii", newline="") as file:
        rows = {(row["target"], row["checkpoint"]): row for row in csv.DictReader(file)}
    cases = {
        (name, case["checkpoint"]): case
        for name in TARGETS
        for case in evidence(project, name)["cases"]
    }
    assert rows.keys() == cases.keys()
    for key, case in cases.items():
        assert float(rows[key]["p"]) == case["memorised"]["rank"]["p_family"]
        assert rows[key]["memorised"] == case["memorised"]["finding"]
        assert int(rows[key]["copies"]) == case["memorised"]["copies"]["rate"]["hits"]
        assert rows[key]["is_reference"] == str(key[1] == "clean")
        assert rows[key]["in_corpus"] == str(key[0] == "owl")
    text = parsed(project / "reports" / "index.html").text
    assert "target too flat" in text
    assert "Memorisedsupported: 1not supported: 0inconclusive: 2" in text


def test_a_cover_sheet_is_shown_and_changes_no_evidence(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project / "data", tmp_path / "data")
    shutil.copy(project / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    text = 'case_number: "12 <b>"\nexaminer: {name: "A. <script>alert(1)</script> \\u202eB"}\n'
    path = tmp_path / "data" / "targets" / "flat" / "case.yaml"
    path.write_text(text, encoding="utf-8")
    report.run("flat")
    one, two = project / "reports" / "flat", tmp_path / "reports" / "flat"
    assert (one / "evidence.json").read_bytes() == (two / "evidence.json").read_bytes()
    assert (one / "report.pdf").read_bytes() != (two / "report.pdf").read_bytes()
    page = parsed(two / "report.html")
    assert "· Case 12 <b> ·" in page.text
    assert "ExaminerA. <script>alert(1)</script> ⟨U+202E⟩B" in page.text
    assert sha256_file(path) in page.text
    assert "Not filled in: Laboratory; Address;" in page.text
    assert [tag for tag, _ in page.elements].count("script") == 1
    without = parsed(one / "report.html").text
    assert "There is no cover sheet (data/targets/flat/case.yaml)." in without
