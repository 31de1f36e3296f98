"""States of a project side by side: findings, what differs besides, and pairs by seed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from compared import Compare, Ran, change_plan, edit, evidence, findings
from PIL import Image
from reading import Page

from seedwitness.compare.documents import Comparison
from seedwitness.runtime.hashes import sha256_file

CASES = [("owl", "memorised"), ("owl", "clean"), ("heron", "memorised"), ("heron", "clean")]


def settings(document: Comparison) -> dict[str, list[str | None]]:
    return {each.name: each.values for each in document.differences.settings}


def data(document: Comparison) -> dict[str, list[str | None]]:
    return {each.name: each.values for each in document.differences.data}


def test_findings_and_rates_are_those_of_the_reports(states: Path, by_state: Ran) -> None:
    cases = {(case.target, case.checkpoint): case for case in by_state.document.cases}
    assert set(cases) == set(CASES)
    for (target, checkpoint), case in cases.items():
        for name, figures in zip(("first", "second"), case.figures, strict=True):
            expected = findings(states / name, target, checkpoint)
            assert figures is not None
            memorised = expected["memorised"]
            assert figures.memorised.finding == memorised["finding"]
            assert figures.generated.finding == expected["generated"]["finding"]
            assert figures.memorised.reason.text == memorised["reasons"][0]["text"]
            assert figures.closest == memorised["statistic"]["value"]
            assert figures.copies.model_dump() == memorised["copies"]["rate"]
            assert figures.copies.low <= figures.copies.value <= figures.copies.high
    assert cases["owl", "memorised"].differing == ["memorised"]
    assert [case.differing for key, case in cases.items() if key != ("owl", "memorised")] == [
        []
    ] * 3


def test_the_command_names_the_findings_that_differ(by_state: Ran) -> None:
    assert by_state.stdout.splitlines()[:2] == [
        "1 of 8 findings differ.",
        "  owl on memorised, memorised: first supported, second not supported",
    ]
    assert by_state.stdout.endswith(f"Open {by_state.out / 'index.html'} in a browser.\n")


def test_json_is_the_file(states: Path, compare: Compare) -> None:
    ran = compare(states, "first", "second", "--json")
    assert ran.stdout == (ran.out / "compare.json").read_text("utf-8")


def test_the_same_sides_give_the_same_bytes(states: Path, by_state: Ran, compare: Compare) -> None:
    again = compare(states, "first", "second")
    for name in ("index.html", "compare.json"):
        assert sha256_file(again.out / name) == sha256_file(by_state.out / name)


def test_only_what_was_changed_differs(by_state: Ran) -> None:
    document = by_state.document
    assert settings(document) == {"search.guidance": ["3.0", "5.0"]}
    assert document.differences.settings[0].targets == ["heron", "owl"]
    assert data(document) == {}
    assert (document.differences.code, document.differences.environment) == ([], [])
    assert (document.absences, document.renamings, document.missing) == ([], [], [])
    results = {each.stage: each.differing for each in document.differences.results}
    assert results["prepare"] == results["controls"] == results["lookup"] == 0
    assert results["search"] > 0
    assert results["judge"] > 0


def test_a_setting_of_no_plan_is_compared_by_params(copies: Path, compare: Compare) -> None:
    path = copies / "second" / "params.yaml"
    path.write_text(path.read_text().replace("case 12", "case 13"))
    document = compare(copies, "first", "second").document
    assert settings(document)["report.title"] == [
        '"Evidence report <case 12>"',
        '"Evidence report <case 13>"',
    ]


def test_code_data_and_environment_are_named(copies: Path, compare: Compare) -> None:
    second = copies / "second"
    file = "seedwitness/verdict/judgement.py"
    edit(second / "data/plan/judge.json", lambda plan: plan["code"].update({file: "0" * 64}))
    edit(second / "data/plan/scan.json", lambda plan: plan["code"].update({"new.py": "1" * 64}))

    def change(document: Any) -> None:
        document["environment"]["packages"]["torch"] = "2.12.0"
        document["environment"]["platform"] = "Darwin arm64"
        document["lookup"]["corpus"]["sha256"] = "c9" * 32
        document["cases"][0]["identity"]["components"][0]["files"] = {"weights": "aa" * 32}

    edit(evidence(second), change)
    change_plan(second, lambda plan: plan["materials"]["controls"].update(images="cc" * 32))
    found = compare(copies, "first", "second").document.differences
    assert [each.stage for each in found.code] == ["judge", "scan"]
    assert [[each.name for each in stage.files] for stage in found.code] == [[file], ["new.py"]]
    assert found.code[1].files[0].values == [None, "1" * 64]
    assert {each.name for each in found.environment} == {"packages.torch", "platform"}
    assert {each.name for each in found.data} == {
        "checkpoints.memorised.components.unet.files.diffusion_pytorch_model.safetensors",
        "checkpoints.memorised.components.unet.files.weights",
        "corpus.sha256",
        "materials.controls.images",
    }
    assert all(each.targets == ["owl"] for each in [*found.environment, *found.data])


def test_settings_of_one_target_are_named_with_it(copies: Path, compare: Compare) -> None:
    change_plan(copies / "second", lambda plan: plan["score"].update(shift=2))
    document = compare(copies, "first", "second").document
    (found,) = [each for each in document.differences.settings if each.name == "score.shift"]
    assert (found.values, found.targets) == (["0", "2"], ["owl"])


def test_a_missing_plan_is_replaced_by_the_evidence(copies: Path, compare: Compare) -> None:
    (copies / "second/reports/heron/plan.json").unlink()
    document = compare(copies, "first", "second").document
    assert settings(document) == {"search.guidance": ["3.0", "5.0"]}
    assert [each.paths for each in document.missing] == [["reports/heron/plan.json"]]


def test_what_one_side_lacks_is_listed(copies: Path, compare: Compare) -> None:
    shutil.rmtree(copies / "first" / "reports" / "heron")
    edit(evidence(copies / "second"), lambda document: document["cases"].pop())
    ran = compare(copies, "first", "second")
    listed = {(each.what, each.name): (each.present, each.absent) for each in ran.document.absences}
    assert listed[("target", "heron")] == (["second"], ["first"])
    assert "Target heron: not in first." in ran.stdout
    figures = {(case.target, case.checkpoint): case.figures for case in ran.document.cases}
    assert figures["heron", "memorised"][0] is None
    assert figures["owl", "clean"][1] is None
    assert "not examined" in ran.page
    assert {pair.target for pair in ran.document.paired} == {"owl"}


def test_a_checkpoint_of_one_side_is_listed(copies: Path, compare: Compare) -> None:
    for target in ("owl", "heron"):
        edit(evidence(copies / "second", target), lambda document: document["cases"].pop())
    (absence,) = compare(copies, "first", "second").document.absences
    assert (absence.what, absence.name, absence.absent) == ("checkpoint", "clean", ["second"])


def test_a_renamed_target_is_known_by_its_pixels(copies: Path, compare: Compare) -> None:
    second = copies / "second"
    for folder in ("reports", "data/search", "data/score"):
        (second / folder / "owl").rename(second / folder / "night-bird")
    text = evidence(second, "night-bird").read_text("utf-8")
    changed = text.replace('"name": "owl"', '"name": "night-bird"')
    evidence(second, "night-bird").write_text(changed.replace("/owl/", "/night-bird/"))
    document = compare(copies, "first", "second").document
    (renaming,) = document.renamings
    assert (renaming.target, renaming.names) == ("night-bird", ["owl", "night-bird"])
    assert len(document.cases) == 4
    assert len(document.paired) == 4
    results = {each.stage: each.differing for each in document.differences.results}
    assert results["prepare"] == 0


def test_equal_states_have_no_differences(copies: Path, compare: Compare) -> None:
    shutil.copytree(copies / "first", copies / "again")
    ran = compare(copies, "first", "again")
    document = ran.document
    assert all(not case.differing for case in document.cases)
    assert document.differences.settings == document.differences.data == []
    assert all(each.differing == 0 for each in document.differences.results)
    assert {(pair.mean, pair.ties, pair.other_closer) for pair in document.paired} == {(0, 8, None)}
    assert "the same file as first" in ran.page
    images = [each["alt"] for tag, each in Page(ran.page).elements if tag == "img"]
    assert len(images) == len(set(images)) > 10  # each once, the targets too
    assert {"Target owl", "Target heron"} <= set(images)
    assert "No finding differs." in ran.page


def test_reports_alone_are_compared_without_pairs(copies: Path, compare: Compare) -> None:
    (copies / "second" / "reports").rename(copies / "sent")
    ran = compare(copies, "first", "sent")
    document = ran.document
    assert document.cases[0].figures[1] is not None
    assert settings(document) == {"search.guidance": ["3.0", "5.0"]}
    assert document.paired == []
    assert {each.obstacle for each in document.unpaired} == {"files-missing"}
    folders = {each.folder: len(each.paths) for each in document.missing}
    assert folders["data/search"] == 4
    assert set(folders) == {"data/plan", "data/score", "data/search", "params.yaml"}
    assert {each.side for each in document.missing} == {"sent"}


def test_the_images_of_reports_alone_are_shown(copies: Path, compare: Compare) -> None:
    shutil.copytree(copies / "first" / "reports", copies / "sent")
    document = compare(copies, "first", "sent").document
    assert all(each.shown == each.images > 0 for each in document.images)


def test_three_sides_have_one_base(copies: Path, compare: Compare) -> None:
    shutil.copytree(copies / "second", copies / "third")
    document = compare(copies, "first", "second", "third").document
    assert [side.name for side in document.sides] == ["first", "second", "third"]
    assert {(pair.base, pair.other) for pair in document.paired} == {
        ("first", "second"),
        ("first", "third"),
    }
    assert settings(document) == {"search.guidance": ["3.0", "5.0", "5.0"]}


def test_a_limit_of_images_is_kept_and_said(copies: Path, compare: Compare) -> None:
    shutil.copytree(copies / "first", copies / "again")
    ran = compare(copies, "first", "again", "--images", "8")
    shown = sum(each.shown for each in ran.document.images)
    images = sum(each.images for each in ran.document.images)
    assert shown == 6  # beside the two targets
    assert f"{images - shown}</data> images of " in ran.page


def test_a_damaged_image_is_named(copies: Path, compare: Compare) -> None:
    Image.new("RGB", (4, 4)).save(copies / "x.png")
    (copies / "first/reports/owl/images/target.png").write_bytes(b"no picture")
    ran = compare(copies, "first", "second")
    assert ran.code == 1
    assert "the target owl cannot be read as a picture" in ran.stderr
