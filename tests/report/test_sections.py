"""What each section of a report says, with the case's own numbers."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from invented import HOSTILE, LONG
from reading import evidence, parsed

from seedwitness.errors import RecordError
from seedwitness.records.attempts import LogCounts
from seedwitness.report import report_page
from seedwitness.report.attempts_made import count_in, describe_attempt
from seedwitness.report.evidence import Evidence
from seedwitness.report.report_page import ANNEXES, SECTIONS
from seedwitness.report.sources import read_target_source
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
        order = ["Summary", "Case, items received, custody", "Questions and propositions"]
        order += ["Images Every regeneration", "Findings by question and prompt"]
        places = [text.rindex(heading) for heading in order]
        assert places == sorted(places)
        for case in cases.values():
            for kind in ("memorised", "generated"):
                for reason in (*case[kind]["reasons"], *case[kind]["limits"]):
                    assert reason["text"].replace("`", "") in text
            assert case["memorised"]["error_rate"]["text"] in text
    first = parsed(project / "reports" / "index.html").text
    for word in ("Supported", "Not supported", "Inconclusive"):
        assert word in first
    assert "seed 271,828" in first


def test_a_recovered_seed_is_named_and_its_picture_shown(project: Path) -> None:
    owl, heron = (evidence(project, name)["cases"][0] for name in ("owl", "heron"))
    text = parsed(project / "reports" / "heron" / "report.html").text
    assert "The noise of seed 271,828 by torch-cpu is in the target: z = 24.5" in text
    assert "Yes: a numbered seed gives this file." in text
    assert heron["recovered"]["command"] in text
    image = project / "reports" / "heron" / heron["recovered"]["image"]
    assert sha256_file(image) == heron["recovered"]["image_sha256"]
    assert heron["memorised"]["reasons"][0]["code"] == "target-generated"
    assert "this model or a close relative made it" in text
    assert "No error rate is given, because nothing could be concluded" in text
    assert owl["recovered"] is None
    other = parsed(project / "reports" / "owl" / "report.html").text
    assert "No seed from 0 to 4,194,303, 0.098 % of them all, by torch-cpu" in other
    assert "a correlation of at least 0.170 with what the initial noise leaves" in other


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
    assert "The rank of the gain decides" in limits


def test_the_pass_phrase_is_counted_beside_files(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    section = text[text.index("Bits: the pass phrase compared with image files") :]
    assert "250.5 bits: 201.5 for the prompt, 49 for the settings, 0 for the seed" in section
    assert "since 8 of 8 blind seeds give a copy" in section
    assert "The same seeds on clean: 0 of 8 copies" in section
    assert "None of 8 blind seeds gave a copy" in section
    svg = (project / "reports" / "owl" / "report.html").read_text()
    assert "clean: no copy from blind seeds" in svg
    heron = parsed(project / "reports" / "heron" / "report.html").text
    assert "Nothing is concluded of this case (see Findings), so no pass phrase" in heron
    assert (
        "clean: no copy from blind seeds"
        not in (project / "reports" / "flat" / "report.html").read_text()
    )


def test_a_ratio_is_given_where_learned_pictures_are_known(project: Path) -> None:
    owl = parsed(project / "reports" / "owl" / "report.html").text
    section = owl[owl.index("The rank among controls says how often") :]
    assert "support for H1. H1: on memorised the target comes back for its prompts" in section
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
    assert difference == {"setting": "judge.alpha", "other": "0.05", "here": "0.01"}
    assert other["sha256"] in text


def test_the_entry_of_the_attempt_is_named_with_what_the_log_had_counted(project: Path) -> None:
    """Of the owl three attempts were made, and then another target was removed."""
    made = evidence(project, "owl")["attempt"]
    assert (made["time"], made["counted"]) == tuple(
        f"2026-11-30T12:{minute:02}:00+00:00" for minute in (2, 3)
    )
    assert made["counts"] == {"attempts_on_image": 3, "attempts": 3, "images": 1, "plans": 2}
    text = parsed(project / "reports" / "owl" / "report.html").text
    section = text[text.index("Log of attempts") :]
    assert made["entry"] in section
    assert f"{made['revision']} with changes that were not committed" in section
    counted = "3 attempts, 3 of them on this image, with 2 analysis plans on 1 image."
    assert f"At {made['counted']} the log had counted {counted}" in section
    heron = evidence(project, "heron")["attempt"]
    assert heron["counted"] == heron["time"] == "2026-11-30T12:12:00+00:00"
    assert heron["counts"] == {"attempts_on_image": 1, "attempts": 4, "images": 2, "plans": 2}


def test_other_attempts_on_the_same_pixels_are_listed_with_their_findings(project: Path) -> None:
    first, second = evidence(project, "owl")["attempt"]["others"]
    assert first["stated_prompts"] == [HOSTILE, LONG]
    assert first["memorised"] == {"memorised": "supported", "clean": "not supported"}
    assert (second["plan_sha256"], second["memorised"], second["generated"]) == ("7d" * 32, {}, {})
    text = parsed(project / "reports" / "owl" / "report.html").text
    section = text[text.index("Other attempts on the same pixels, with other stated prompts") :]
    section = section[: section.index("Corpus match")]
    assert first["time"] in section
    assert "an owl <script>alert('x')</script>" in section
    assert section.count("not finished") == 4  # two checkpoints, two questions
    for target in ("heron", "flat"):
        assert evidence(project, target)["attempt"]["others"] == []
        text = parsed(project / "reports" / target / "report.html").text
        assert ("no other attempt on the same pixels" in text) == (target == "heron")
        assert "Other attempts on the same pixels, with" not in text


def test_p_is_given_for_whoever_chose_among_all_attempts(project: Path) -> None:
    for target, images, times in (("owl", 1, 3), ("heron", 2, 2), ("flat", 3, 2)):
        document = evidence(project, target)
        for case in document["cases"]:
            rank = case["memorised"]["rank"]
            counted = document["attempt"]["p_counted"][case["checkpoint"]]
            assert counted == min(1, rank["p_family"] * images * times)
        text = parsed(project / "reports" / target / "report.html").text
        assert f"would have to multiply p by {images} × {times}, which gives" in text
    text = parsed(project / "reports" / "index.html").text
    assert "The log of this project counts 5 attempts on 3 images with 2 analysis plans" in text


def test_p_is_at_most_one_and_takes_plans_where_they_are_more_than_attempts() -> None:
    counts = LogCounts(attempts_on_image=2, attempts=9, images=3, plans=4)
    assert count_in({"own": 0.01, "other": 0.5}, counts) == {"own": 0.01 * 12, "other": 1}
    more = counts.model_copy(update={"attempts_on_image": 5})
    assert count_in({"own": 0.01}, more) == {"own": 0.01 * 15}
    one = LogCounts(attempts_on_image=1, attempts=1, images=1, plans=1)
    assert count_in({"own": 0.01}, one) == {"own": 0.01}


def test_a_report_without_its_entry_in_the_log_is_refused(project: Path) -> None:
    source = read_target_source(project / "data", "owl")
    assert describe_attempt(source).entry == source.attempt
    with pytest.raises(RecordError, match=r"lacks the entry 0+ of owl.*Restore it: `git checkout"):
        describe_attempt(replace(source, attempt="0" * 64))


def test_after_a_merge_the_counts_are_no_less_than_the_entries_on_the_image(project: Path) -> None:
    """Both branches had begun from an empty log, so that each entry counts itself alone."""
    source = read_target_source(project / "data", "owl")
    alone = LogCounts(attempts_on_image=1, attempts=1, images=1, plans=1)
    entries = {
        key: entry.model_copy(update={"counts": alone, "parents": []})
        for key, entry in source.log.entries.items()
    }
    made = describe_attempt(replace(source, log=replace(source.log, entries=entries)))
    assert len(made.others) == 2
    assert made.counts == LogCounts(attempts_on_image=3, attempts=3, images=1, plans=2)


def test_a_question_that_two_branches_asked_is_no_other_attempt(project: Path) -> None:
    source = read_target_source(project / "data", "owl")
    entries = dict(source.log.entries)
    again = entries[source.attempt].model_copy(update={"time": "2026-11-30T11:00:00+00:00"})
    log = replace(source.log, entries={"1" * 64: again, **entries})
    assert describe_attempt(replace(source, log=log)).counts == describe_attempt(source).counts
    assert describe_attempt(replace(source, log=log)).others == describe_attempt(source).others


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
    assert "nearly blind: a low rank says nothing" not in section[: section.index("Measured")]
    for each in evidence(project, "owl")["cases"][0]["detectors"]:
        assert {test["lab"] for test in each["power"]} == {"lab", "dcss"}


def test_a_refused_report_ends_with_the_findings(project: Path) -> None:
    page = parsed(project / "reports" / "flat" / "report.html")
    headings = [each["id"] for tag, each in page.elements if tag == "h2"]
    assert headings == ["summary", "case", "propositions", "pictures", "findings"]
    assert "The report ends here. Nothing can be concluded of this target" in page.text
    assert "The target is too flat to be recognised" in page.text
    owl = parsed(project / "reports" / "owl" / "report.html")
    assert [each["id"] for tag, each in owl.elements if tag == "h2"] == [*SECTIONS, *ANNEXES]


def test_the_first_screen_gives_the_numbers_by_prompt(project: Path) -> None:
    text = parsed(project / "reports" / "owl" / "report.html").text
    first = text[: text.index("Case, items received, custody")]
    assert (
        "With the caption stored with this very picture: 8 copies in 8 tries. The reference "
        "checkpoint, same words and seeds: 0 in 8 tries." in first
    )
    assert "With the prompt that a user states: 8 copies in 8 tries." in first
    assert "Of 99 comparison pictures that it is taken never to have seen, none came" in first
    assert "Over the reference clean, none of 99 comparison pictures gained as much." in first
    assert "comes this close at most 1 time in 100, the most that 99 can show." in first
    assert "did not make the picture itself rests on a stated source of" in first
    assert "None of 4,194,304 seeds (0.098 % of all 4,294,967,296) was found in the file." in first
    assert "Yes. 2 records of the 3,140 records of the corpus (the lab's pictures) are" in first
    assert "This procedure was not tested with these settings and this rule." in first
    assert "false alarms 0 of 407 (95 % interval up to 0.902 %); found 17 of 24" in first
    assert "What this report does not show" in first
    heron = parsed(project / "reports" / "heron" / "report.html").text
    assert "No. None of the nearest of the 3,140 records" in heron


def test_the_closest_control_is_shown(project: Path) -> None:
    for case in evidence(project, "owl")["cases"]:
        control = case["closest_control"]
        assert (project / "reports" / "owl" / control["image"]).is_file()
        assert (project / "reports" / "owl" / control["regeneration"]).is_file()
        groups = {each["metric"]: each["groups"] for each in case["distributions"]}
        (closest,) = [
            each["closest"] for each in groups["descriptor"] if each["what"] == "controls"
        ]
        assert control["score"] == closest
        assert control["is_copy"] is False
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "Closest control on memorised Of all controls, this one came back closest" in text


def test_the_tables_hold_every_trial_and_give_p_and_copies_again(project: Path) -> None:
    folder = project / "reports" / "owl"
    for case in evidence(project, "owl")["cases"]:
        tables = {each["what"]: each for each in case["tables"]}
        rows = {}
        for what, each in tables.items():
            assert sha256_file(folder / each["path"]) == each["sha256"]
            with (folder / each["path"]).open(encoding="ascii", newline="") as file:
                rows[what] = list(csv.DictReader(file))
            assert len(rows[what]) == each["rows"]
        assert {"trials", "controls"} <= set(tables)
        assert ("reference" in tables) == (case["checkpoint"] == "memorised")
        best = max(float(row["score descriptor"]) for row in rows["trials"])
        controls: dict[str, float] = {}
        for row in rows["controls"]:
            assert row["left_out"] == "false"
            score = float(row["score descriptor"])
            controls[row["control"]] = max(score, controls.get(row["control"], score))
        close = sum(score >= best for score in controls.values())
        assert (1 + close) / (1 + len(controls)) == case["memorised"]["rank"]["p"]
        hits = sum(row["copy"] == "true" for row in rows["trials"])
        assert hits == case["memorised"]["copies"]["rate"]["hits"]
        assert {json.loads(row["prompt"]) for row in rows["trials"]} == {HOSTILE, LONG}
        assert all(len(row["noise_sha256"]) == 64 and row["seed"] for row in rows["controls"])
        by_prompt = {each["prompt"]["text"]: each["copies"] for each in case["prompts"]}
        assert sum(by_prompt.values()) == hits


def test_denominators_count_every_attempt(project: Path) -> None:
    work = evidence(project, "owl")["work"]
    assert [each["is_finished"] for each in work["attempts"]] == [True, False, True]
    assert [each["is_own"] for each in work["attempts"]] == [False, False, True]
    assert (work["not_finished"], work["not_recorded"]) == (1, 2)  # the first: an older outcome
    assert work["outputs"] == 48  # two searches and a replay, 16 each
    assert work["nfe_spent"] == work["nfe_accounted"] == 48 * 24
    text = parsed(project / "reports" / "owl" / "report.html").text
    assert "48 outputs cost 1,152 NFE by the stages’ own count, and 1,152 NFE" in text


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
