"""What each section of a report says, with the case's own numbers."""

from __future__ import annotations

from pathlib import Path

from reading import evidence, parsed

from seedwitness.report import report_page
from seedwitness.report.evidence import Evidence
from seedwitness.runtime.hashes import sha256_file


def test_findings_are_words_and_come_first(project: Path) -> None:
    expected = {
        "owl": {"memorised": "supported", "clean": "not supported"},
        "heron": {"memorised": "inconclusive", "clean": "not supported"},
        "flat": {"memorised": "inconclusive", "clean": "inconclusive"},
    }
    for target, words in expected.items():
        cases = {each["checkpoint"]: each for each in evidence(project, target)["cases"]}
        assert {name: each["memorised"]["finding"] for name, each in cases.items()} == words
        found = {name: each["generated"]["finding"] for name, each in cases.items()}
        made = target == "heron"
        assert found == {
            "memorised": "supported" if made else "inconclusive",
            "clean": "inconclusive",
        }
        text = parsed(project / "reports" / target / "report.html").text
        assert text.index("Findings and limits ") < text.index("Target and closest regenerations")
        for case in cases.values():
            for kind in ("memorised", "generated"):
                for reason in (*case[kind]["reasons"], *case[kind]["limits"]):
                    assert reason["text"].replace("`", "") in text
            assert case["memorised"]["error_rate"]["text"] in text
    first = parsed(project / "reports" / "index.html").text
    for word in ("Supported", "Not supported", "Inconclusive"):
        assert word in first
    assert "seed 271828, p = 1 × 10⁻¹²⁰" in first  # beside its own question, not the other's


def test_a_recovered_seed_is_named_and_its_picture_shown(project: Path) -> None:
    owl, heron = (evidence(project, name)["cases"][0] for name in ("owl", "heron"))
    text = parsed(project / "reports" / "heron" / "report.html").text
    assert "The noise of seed 271828 by torch-cpu is in the target: z = 24.5" in text
    assert "271,828" in text or "271828" in text
    assert heron["recovered"]["command"] in text
    image = project / "reports" / "heron" / heron["recovered"]["image"]
    assert sha256_file(image) == heron["recovered"]["image_sha256"]
    assert heron["memorised"]["reasons"][0]["code"] == "target-generated"
    assert "this model or a close relative made it" in text
    assert "No error rate is given, because nothing could be concluded" in text
    assert owl["recovered"] is None
    other = parsed(project / "reports" / "owl" / "report.html").text
    assert "No seed from 0 to 4,194,303, 0.098 % of them all, by torch-cpu" in other
    assert "a correlation of 0.17 or more" in other
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "cannot make images of 131 × 128 pixels" in flat


def test_objections_are_answered_with_the_cases_own_numbers(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    limits = text[text.index("Objections to a finding") :]
    assert "16 of 16 trials are copies of the target" in limits
    assert "0 of 99 controls came back as a copy at least once" in limits
    assert "closer than clean by" in limits
    assert "copies on the reference: 0 of 16" in limits
    assert "shows how few bits lead there" in limits
    own = evidence(project, "owl")["cases"][1]
    assert own["checkpoint"] == "clean"
    rank = own["memorised"]["rank"]
    close = f"On clean, with the same stages, {rank['at_least_as_close']} of {rank['controls']}"
    assert close in limits
    assert ("either this explanation holds" in limits) == (rank["p"] <= 0.01)
    assert "It takes the prompts as fixed" in limits


def test_the_pass_phrase_is_counted_beside_files(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    section = text[text.index("Pass phrase: prompt and seed compared with image files") :]
    assert "250.5 bits: 201.5 for the prompt, 49 for the settings, 0 for the seed" in section
    assert "since 8 of 8 blind seeds give a copy" in section
    assert "The same seeds on clean: 0 of 8 copies" in section
    assert "None of 8 blind seeds gave a copy" in section
    svg = (project / "reports" / "owl" / "report.html").read_text()
    assert "clean: no copy from blind seeds" in svg
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "Nothing is concluded of this case (see Findings), so no pass phrase" in flat
    assert (
        "clean: no copy from blind seeds"
        not in (project / "reports" / "flat" / "report.html").read_text()
    )


def test_a_ratio_is_given_where_learned_pictures_are_known(project: Path) -> None:
    owl = parsed(project / "reports" / "owl" / "report.html").text
    section = owl[owl.index("The rank among controls says how often") :]
    assert "support for H1. H1: memorised has learned the target" in section
    assert "calibrated on 14 learned images (planted <pictures>; 14 requested)" in section
    assert "Likelihood ratio on clean No likelihood ratio is given, because it needs" in section
    found = evidence(project, "owl")["cases"][0]["memorised"]["likelihood"]
    assert (len(found["learned_ratios"]), len(found["controls_ratios"])) == (14, 99)
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "support for H" not in flat


def test_what_the_checkpoint_made_itself_has_no_ratio(project: Path) -> None:
    heron = parsed(project / "reports" / "heron" / "report.html").text
    assert "No likelihood ratio is given, because the noise of a seed is in the target" in heron
    assert "support for H" not in heron


def test_where_the_closest_trial_agrees_is_shown(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "97 of 256 tiles differ by at most 0.15" in text
    assert "in 25 windows of half the size: 0 to 0.75" in text
    assert text.count("Attention to the end of the prompt, in the last of 12 steps") == 1
    for name in ("pixels", "windows", "ending"):
        assert (project / "reports/owl/images/memorised/maps" / f"{name}.png").is_file()


def test_other_plans_of_the_project_are_listed(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "1 other plan was written in the same project" in text
    assert "judge.alpha: 0.05, here 0.01" in text
    (other,) = evidence(project, "owl")["plan"]["others"]
    (difference,) = other["differences"]
    assert other["number"] == "0001"
    assert difference == {"setting": "judge.alpha", "other": "0.05", "here": "0.01"}
    assert other["sha256"] in text


def test_detectors_stand_beside_the_controls_and_outside_the_finding(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    section = text[text.index("Statistics of the literature") :]
    assert "No finding rests on them" in section
    assert "Somebody <et al.>, 2024" in section
    for case in evidence(project, "owl")["cases"]:
        first, second = case["detectors"]
        assert (first["detector"], first["needs"], first["controls"]) == ("one-step", "prompt", 6)
        assert first["share"] == (1 + first["controls_as_high"]) / 7
        if second["value"] is None:  # not at all: every control is as high
            assert second["share"] == 1
    flat = parsed(project / "reports" / "flat" / "report.html").text
    assert "No detector ran." in flat


def test_a_metric_without_weights_is_named_as_not_run(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "Not run, because no weights were named for them: dinov2." in text
    assert "by 2 metrics (not run, because their weights are missing: dinov2), after" in text
    assert "Files are not compared by lpips, which was not run." in text


def test_no_point_stands_beside_files_of_another_size(project: Path) -> None:
    found = Evidence.model_validate_json((project / "reports/owl/evidence.json").read_text())
    own, clean = found.cases
    assert "clean: no copy" in (report_page._plot_codecs(found) or "")
    front = clean.codecs[0]
    smaller = front.model_copy(update={"files": front.files[:-1]})
    other = clean.model_copy(update={"codecs": [smaller]})
    assert "clean: no copy" not in (
        report_page._plot_codecs(found.model_copy(update={"cases": [own, other]})) or ""
    )
