"""The written pages: all escaped, nothing fetched, every figure there, the same each time."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seedwitness import config, records
from seedwitness.errors import RecordError
from seedwitness.files import sha256_file
from seedwitness.report import building, sources
from seedwitness.report.evidence import Evidence
from seedwitness.stages import overview, report

TARGETS = ("owl", "heron", "flat")
VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """What a browser would make of a page: its elements in order, its text, its open elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def numbers(self) -> set[float]:
        """Exact values of ``<data>`` elements."""
        return {float(each["value"]) for tag, each in self.elements if tag == "data"}


def pages(project: Path) -> list[Path]:
    return [project / "reports" / name / "report.html" for name in TARGETS] + [
        project / "reports" / "index.html"
    ]


def parsed(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def evidence(project: Path, target: str) -> Any:
    return json.loads((project / "reports" / target / "evidence.json").read_text("utf-8"))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


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
                if key in attributes and tag != "a":
                    assert attributes[key].startswith("data:"), (path, tag, attributes[key][:80])
            if tag == "a":
                assert re.match(r"#|\w+/report\.html$", attributes["href"])
            assert not any(key.startswith("on") for key in attributes)
        style = path.read_text("utf-8").split("<style>")[1].split("</style>")[0]
        assert "url(" not in style
        assert "@import" not in style
        (policy,) = [
            each["content"]
            for tag, each in page.elements
            if each.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy.startswith("default-src 'none'; img-src data:;")
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


@pytest.mark.parametrize("target", TARGETS)
def test_every_figure_of_the_evidence_is_on_the_page(project: Path, target: str) -> None:
    page = parsed(project / "reports" / target / "report.html")
    shown = page.numbers() | {float(n) for n in re.findall(r"\d+", page.text)}
    missing = {
        path: value
        for path, value in leaves(evidence(project, target))
        if isinstance(value, int | float) and not isinstance(value, bool) and value not in shown
    }
    assert missing == {}


@pytest.mark.parametrize("target", TARGETS)
def test_every_hash_and_command_of_the_evidence_is_on_the_page(project: Path, target: str) -> None:
    text = parsed(project / "reports" / target / "report.html").text
    found = [
        value
        for path, value in leaves(evidence(project, target))
        if value and (path.endswith(("sha256", ".command", ".trial", ".path", ".reasons")))
    ]
    assert len(found) > 30
    assert [value for value in found if value not in text] == []


def test_findings_are_words_and_come_first(project: Path) -> None:
    expected = {
        "owl": {"memorised": "supported", "clean": "not supported"},
        "heron": {"memorised": "not supported", "clean": "not supported"},
        "flat": {"memorised": "inconclusive", "clean": "inconclusive"},
    }
    for target, words in expected.items():
        cases = {each["checkpoint"]: each for each in evidence(project, target)["cases"]}
        assert {name: each["memorised"]["finding"] for name, each in cases.items()} == words
        found = {name: each["generated"]["finding"] for name, each in cases.items()}
        assert found == words  # in this project a picture that comes back is an output, too
        text = parsed(project / "reports" / target / "report.html").text
        assert text.index("Findings and their limits ") < text.index("The target beside its")
        for case in cases.values():
            for said in (*case["memorised"]["reasons"], *case["memorised"]["limits"]):
                assert said in text
    first = parsed(project / "reports" / "index.html").text
    for word in ("Supported", "Not supported", "Inconclusive"):
        assert word in first
    assert "seed 271828, p = 1 × 10⁻¹²⁰" in first  # beside its own question, not the other's


def test_a_recovered_seed_is_named_and_its_picture_shown(project: Path) -> None:
    owl, heron = (evidence(project, name)["cases"][0] for name in ("owl", "heron"))
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "The noise of seed 271828 by torch-cpu is in the target: z = 24.5" in text
    assert "271,828" in text or "271828" in text
    assert owl["recovered"]["command"] in text
    image = project / "reports" / "owl" / owl["recovered"]["image"]
    assert sha256_file(image) == owl["recovered"]["image_sha256"]
    assert heron["recovered"] is None
    other = parsed(project / "reports" / "heron" / "report.html").text
    assert "No seed from 0 to 4,194,303 by torch-cpu" in other
    assert "0.17 or more" in other
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "A size that cannot be made." in flat


def test_the_two_objections_are_answered_with_the_cases_own_numbers(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    limits = text[text.index("What this does not show “Every image") :]
    assert "16 of 16 trials are copies of the target" in limits
    assert "0 of 99 controls came back as a copy at least once" in limits
    assert "closer than clean by" in limits
    assert "copies on the reference: 0 of 16" in limits
    assert "How few bits lead there" in limits


def test_the_pass_phrase_is_counted_beside_files(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    section = text[text.index("Is a prompt and a seed the password") :]
    assert "250.5 bits: 201.5 of the prompt, 49 of the settings, 0 of the seed" in section
    assert "since 8 of 8 blind seeds give a copy" in section
    assert "The same seeds on clean: 0 of 8 copies" in section
    assert "None of 8 blind seeds gave a copy" in section
    svg = (project / "reports" / "owl" / "report.html").read_text()
    assert "clean: no blind seed" in svg
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "Nothing is concluded of this case (see Findings), so that no pass phrase" in flat
    assert "clean: no blind seed" not in (project / "reports" / "flat" / "report.html").read_text()


def test_a_ratio_is_given_where_learned_pictures_are_known(project: Path) -> None:
    owl = parsed(project / "reports" / "owl" / "report.html").text
    section = owl[owl.index("Which of two propositions") :]
    assert "support for H1. H1: memorised has learned the target" in section
    assert "calibrated on 14 pictures that were learned (planted <pictures>; 14 asked" in section
    assert "Likelihood ratio on clean None is given" in section
    heron = parsed(project / "reports" / "heron" / "report.html").text
    assert "support for H2. H1: memorised has learned" in heron
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "support for H" not in flat


def test_where_the_closest_trial_agrees_is_shown(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "97 of 256 tiles differ by at most 0.15" in text
    assert "in 25 windows of half the size: 0 to 0.75" in text
    assert text.count("looks at the end of the prompt in the last of 12 steps") == 1
    for name in ("pixels", "windows", "ending"):
        assert (project / "reports/owl/images/memorised/maps" / f"{name}.png").is_file()


def test_other_protocols_of_the_project_are_listed(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "1 other protocol was written in the same project" in text
    assert "judge.alpha: 0.05, here 0.01" in text
    (other,) = evidence(project, "owl")["protocol"]["others"]
    assert (other["number"], other["differs"]) == ("0001", ["judge.alpha: 0.05, here 0.01"])
    assert other["sha256"] in text


def test_detectors_stand_beside_the_controls_and_outside_the_finding(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    section = text[text.index("What published detectors say") :]
    assert "No finding rests on them" in section
    assert "Somebody <et al.>, 2024" in section
    for case in evidence(project, "owl")["cases"]:
        first, second = case["detectors"]
        assert (first["detector"], first["needs"], first["controls"]) == ("one-step", "prompt", 6)
        assert first["p"] == (1 + first["controls_as_high"]) / 7
        if second["value"] is None:  # not at all: every control is as high
            assert second["p"] == 1
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "None was asked." in flat


def test_lab_weights_are_named_wherever_their_metric_is(project: Path) -> None:
    for target in TARGETS:
        text = parsed(project / "reports" / target / "report.html").text
        named = [found.end() for found in re.finditer(r"\bdescriptor\b(?! distance)", text)]
        assert len(named) > 10
        # The judge's own sentence lists the metrics after saying so.
        listed = text.count("Measured with lab weights, not published ones: descriptor")
        paired = text.count("descriptor, trial by trial")
        said = [text[end:].startswith(" (lab weights)") for end in named]
        assert said.count(False) == listed + paired


def test_every_picture_has_a_text_alternative_and_a_size(project: Path) -> None:
    for path in pages(project):
        found = [each for tag, each in parsed(path).elements if tag == "img"]
        assert found
        for each in found:
            assert each["alt"].strip()
            assert int(each["width"]) > 0
        plots = [each for _, each in parsed(path).elements if each.get("class") == "plot"]
        said = [each["aria-label"].lower() for each in plots]
        assert all("closest" in each or "bits" in each for each in said)


def test_the_closest_trial_is_cited_also_without_its_picture(project: Path) -> None:
    for case in evidence(project, "owl")["cases"]:
        first, *others = case["cited"]
        assert first["image"] is None
        assert first["why"][0] == "the closest of all trials by descriptor (lab weights)"
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
            assert records.Recipe(**cited["recipe"]).id == cited["trial"]


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
    assert "The lookup gave no match." in text
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
    again = records.read(Evidence, path).model_dump_json(indent=1) + "\n"
    assert again == path.read_text("utf-8")
    assert not re.search(r"\b(NaN|Infinity)\b", again)


def test_a_missing_file_is_named(project: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(project / "data", data)
    (data / "score" / "owl" / "clean" / "reference.parquet").unlink()
    with pytest.raises(RecordError, match=re.escape("owl/clean/reference.parquet is missing")):
        sources.read(data, "owl")
    shutil.rmtree(data / "judge" / "owl")
    with pytest.raises(RecordError, match="nothing to report of owl"):
        sources.read(data, "owl")


def test_the_order_of_rows_changes_nothing_cited(project: Path) -> None:
    source = sources.read(project / "data", "owl")
    settings = building.Settings(
        **{
            each.name: config.section(
                getattr(config, each.name.capitalize()), each.name, path=project / "params.yaml"
            )
            for each in fields(building.Settings)
        }
    )
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
    one, two = (building.build(each, settings) for each in (source, mixed))
    assert [each.cited[0].trial for each in one.cases] == [
        each.cited[0].trial for each in two.cases
    ]
    assert [each.controls_copied for each in one.cases] == [
        each.controls_copied for each in two.cases
    ]


def test_the_overview_links_to_every_report(project: Path) -> None:
    page = parsed(project / "reports" / "index.html")
    links = [each["href"] for tag, each in page.elements if tag == "a" and not _link(each)]
    assert links == [f"{name}/report.html" for name in TARGETS]
    assert all((project / "reports" / link).is_file() for link in links)
