"""All stages in turn, on a small project: every figure follows from the files before it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from reading import evidence, parsed
from safetensors.torch import load_file
from typer.testing import CliRunner

from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.cli import app
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.names import PROMPT_METRIC
from seedwitness.config.reading import load_section
from seedwitness.config.stage_settings import ControlsStage, load_stage_settings
from seedwitness.config.steps import ReachSettings, SearchSettings
from seedwitness.config.targets import load_target, write_target
from seedwitness.config.verdicts import DetectorSettings, ScoreSettings
from seedwitness.controls.execution import recover_prompts
from seedwitness.engine.sampling import decode_latents
from seedwitness.errors import RecordError
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.alignment import resize_to_tensor as aligned
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.imaging.image_folder import ImageEntry
from seedwitness.metrics import descriptor, patch_l2
from seedwitness.metrics.scoring import select_closest_rows
from seedwitness.records.attempts import ATTEMPTS, OUTCOMES, Outcome, read_log, read_outcomes
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.document import read_document
from seedwitness.records.findings import CaseFindings, MemorisedFinding
from seedwitness.records.tables import (
    CONTROL_DETECTIONS,
    CONTROL_REACH,
    CONTROL_SCORES,
    DETECTIONS,
    REACH,
    SCORES,
    TRIALS,
    read_table,
)
from seedwitness.stages import output_path, run_stage

LAB = Path(__file__).parents[2] / "data" / "lab"
CASES = [(target, name) for target in ("owl", "flat") for name in ("own", "clean")]


def scores(case: tuple[str, str], name: str = "scores") -> pd.DataFrame:
    return read_table(output_path("score", *case) / f"{name}.parquet", SCORES)


def finding(case: tuple[str, str]) -> MemorisedFinding:
    return read_document(CaseFindings, output_path("judge", *case) / "finding.json").memorised


def test_every_trial_has_every_score(here: Path) -> None:
    names = load_section(ScoreSettings, "score").metrics
    for case in CASES:
        trials = read_table(output_path("search", *case) / "trials.parquet", TRIALS)
        assert len(trials) == 6
        pairs = {(trial, name) for trial in trials["trial"] for name in names}
        assert set(zip(scores(case)["trial"], scores(case)["metric"], strict=True)) == pairs
        theirs = scores(case, "reference")
        expected = pairs if case[1] == "own" else set()
        assert set(zip(theirs["trial"], theirs["metric"], strict=True)) == expected


def test_a_score_is_that_of_the_picture_that_the_latent_decodes_to(here: Path) -> None:
    """By the metrics' own functions, on pictures decoded one by one."""
    case = ("owl", "own")
    trials = read_table(output_path("search", *case) / "trials.parquet", TRIALS)
    latents = load_file(output_path("search", *case) / "latents-00000.safetensors")["latents"]
    pipeline = load_checkpoint(
        "own", load_section(CheckpointSettings, "checkpoints", "own")
    ).pipeline
    target = aligned(decode_image(output_path("prepare", "owl") / "image.png"), 32, 32, "stretch")
    eyes = descriptor.load_descriptor(LAB / "metrics/descriptor/descriptor.pt")
    wide = scores(case).set_index(["metric", "trial"])["score"]
    for trial, row in zip(trials["trial"], trials["row"], strict=True):
        made = decode_latents(pipeline, latents[row][None])
        assert wide["patch-l2", trial] == pytest.approx(
            patch_l2.score_pairs(made, target[None]).item(), abs=0.01
        )
        assert wide["descriptor", trial] == pytest.approx(
            descriptor.score_pairs(eyes, made, target[None]).item(), abs=0.01
        )


def test_the_closest_by_each_metric_are_kept_as_the_pictures_that_were_scored(here: Path) -> None:
    case, count = ("owl", "own"), load_section(ScoreSettings, "score").images
    closest = set()
    for metric, rows in scores(case).groupby("metric"):
        if metric == PROMPT_METRIC:
            continue  # it knows no target
        higher = rows["higher_is_closer"].iloc[0]
        ranked = rows.sort_values(["score", "trial"], ascending=[not higher, True])
        closest |= set(ranked["trial"][:count])
    assert count < 6  # else all would be kept
    for kind, made_by, stage in (("images", "own", "search"), ("reference", "clean", "replay")):
        pictures = {path.stem: path for path in (output_path("score", *case) / kind).iterdir()}
        assert set(pictures) == closest
        trials = read_table(output_path(stage, *case) / "trials.parquet", TRIALS)
        latents = load_file(output_path(stage, *case) / "latents-00000.safetensors")["latents"]
        described = load_section(CheckpointSettings, "checkpoints", made_by)
        pipeline = load_checkpoint(made_by, described).pipeline
        for trial, row in zip(trials["trial"], trials["row"], strict=True):
            if trial in closest:
                made = decode_latents(pipeline, latents[row][None])[0].permute(1, 2, 0)
                assert np.array_equal(np.array(Image.open(pictures[trial])), made.numpy())
    assert not list((output_path("score", "owl", "clean") / "reference").iterdir())


def test_detectors_are_asked_of_target_and_controls_alike(here: Path) -> None:
    settings = load_section(DetectorSettings, "detectors")
    own = read_table(output_path("reach", "owl", "own") / "detectors.parquet", DETECTIONS)
    assert own["detector"].tolist() == settings.names
    assert (own["seeds"] == settings.seeds).all()
    path = output_path("controls", "own") / "detectors.parquet"
    table = read_table(path, CONTROL_DETECTIONS)
    assert table.groupby("control")["detector"].apply(list).tolist() == [settings.names] * 6
    assert np.isfinite([*own["value"], *table["value"]]).all()
    for name, cost in zip(own["detector"], own["nfe"], strict=True):
        assert (table.loc[table["detector"] == name, "nfe"] == cost).all()
    prompts = pd.read_parquet(output_path("controls", "own") / "prompts.parquet")
    first = prompts[prompts["rank"] == 1].set_index("control")["text"]
    assert table.groupby("control")["prompt"].first().to_dict() == first.to_dict()


def test_where_the_closest_trial_agrees_is_mapped(here: Path) -> None:
    folder = output_path("score", "owl", "own")
    table = read_table(folder / "scores.parquet", SCORES)
    ranked = table[table["metric"] == "descriptor"].sort_values(["score", "trial"])
    about = read_document(CopyMap, folder / "maps" / "maps.json")
    assert about.trial == ranked["trial"].iloc[-1]
    assert (about.tiles, len(about.windows)) == (256, 25)
    assert all(-1 <= each <= 1 for each in about.windows)
    made = np.array(Image.open(folder / "images" / f"{about.trial}.png"))
    for name in ("pixels", "windows", "ending"):
        paled = np.array(Image.open(folder / "maps" / f"{name}.png"))
        assert paled.shape == made.shape
        assert (paled >= made).all()
        assert (paled > made).any()


def test_a_control_that_the_corpus_holds_is_found_there(here: Path, tmp_path: Path) -> None:
    """Also when it was compressed on the way."""
    Image.open("pictures/seen/2.png").save(tmp_path / "2.jpg", quality=60)
    shutil.copy("pictures/outside/8.png", tmp_path)
    there = [ImageEntry("2.jpg", "a caption", ""), ImageEntry("8.png", "another", "")]
    chosen = {tmp_path / each.file_name: each for each in there}
    pictures = {path: decode_image(path) for path in chosen}
    settings = load_stage_settings("controls", ControlsStage)
    _, seen, _, _ = recover_prompts(chosen, pictures, settings, output_path("index"))
    assert list(seen.values()) == ["pictures/seen/2.png", ""]


def test_the_very_pixels_are_found_in_the_corpus_however_little_they_show(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        perceptual_fingerprint, "MIN_PDQ_QUALITY", 101
    )  # as if no hash meant anything
    Image.open("pictures/seen/2.png").save(tmp_path / "2.bmp")
    chosen = {tmp_path / "2.bmp": ImageEntry("2.bmp", "a caption", "")}
    settings = load_stage_settings("controls", ControlsStage)
    images = {path: decode_image(path) for path in chosen}
    _, seen, _, _ = recover_prompts(chosen, images, settings, output_path("index"))
    assert list(seen.values()) == ["pictures/seen/2.png"]


def test_pictures_that_were_learned_go_through_the_same_steps(here: Path) -> None:
    path = output_path("controls", "own") / "learned.parquet"
    table = read_table(path, CONTROL_SCORES)
    assert table["control"].nunique() == 4
    assert (table.groupby(["control", "metric"])["trial"].nunique() == 6).all()
    # They stand in the corpus, as they should.
    assert (table["corpus_match"] == "pictures/seen/" + table["control"]).all()
    none = read_table(output_path("controls", "clean") / "learned.parquet", CONTROL_SCORES)
    assert none.empty


def test_controls_have_the_budget_and_the_captions_of_a_target(here: Path) -> None:
    search = load_section(SearchSettings, "search")
    for name in ("own", "clean"):
        table = read_table(output_path("controls", name) / "controls.parquet", CONTROL_SCORES)
        assert table["control"].nunique() == 6
        assert (table.groupby(["control", "metric"])["trial"].nunique() == 6).all()
        prompts = pd.read_parquet(output_path("controls", name) / "prompts.parquet")
        # As a target's whose user states its caption: what the corpus says first, then that,
        # where the corpus did not say the same.
        first, second = (prompts[prompts["rank"] == rank].set_index("control") for rank in (1, 2))
        assert set(first["source"]) == {"corpus"}
        captions = table.groupby("control")["caption"].first()
        for control, own in captions.items():
            if first.loc[control, "text"] != own:
                assert (second.loc[control, "text"], second.loc[control, "source"]) == (own, "user")
        assert (second["source"] == "user").any()
        assert (prompts.groupby("control").size() == search.prompts).all()


def test_the_pictures_of_the_closest_controls_are_kept(here: Path) -> None:
    for name in ("own", "clean"):
        folder = output_path("controls", name)
        table = read_table(folder / "controls.parquet", CONTROL_SCORES).to_dict("records")
        kept = {path.stem for path in (folder / "images").iterdir()}
        expected = set()
        for row in select_closest_rows(table):
            start = row["pixels_sha256"][:16]
            expected |= {start, row["trial"]}
            control = decode_image(folder / "images" / f"{start}.png")
            assert hash_pixels(control) == row["pixels_sha256"]
        assert kept == expected
    case = evidence(here, "owl")["cases"][0]
    assert case["memorised"]["rank"]["left_out"] == ["7.png"]
    assert case["closest_control"]["control"] != "7.png"
    assert (here / "reports/owl" / case["closest_control"]["regeneration"]).is_file()


def test_everything_that_was_made_is_counted(here: Path) -> None:
    work = evidence(here, "owl")["work"]
    assert work["nfe_spent"] == work["nfe_accounted"] > 0
    (own,) = [each for each in work["attempts"] if each["is_own"]]
    trials = pd.read_parquet(output_path("search", "owl", "own") / "trials.parquet")
    assert own["counts"][0] == {
        "checkpoint": "own",
        "stage": "search",
        "prompts": trials["prompt"].nunique(),
        "seeds": trials["seed"].nunique(),
        "outputs": len(trials),
        "nfe_spent": int(trials["nfe"].sum()),
        "nfe_accounted": int(trials["nfe"].sum()),
    }
    outcome = read_document(Outcome, output_path("judge", "owl") / "outcome.json")
    assert [row.model_dump() for row in outcome.work] == own["counts"]  # for later attempts


def test_targets_and_controls_climb_the_same_ladder(here: Path) -> None:
    settings = load_section(ReachSettings, "reach")
    rungs = {("round trip", 0.0), *(("image to image", each) for each in settings.strengths)}
    rungs |= {("words alone", each) for each in (1.0, 0.5, 0.25, 0.0)}
    for name in ("own", "clean"):
        table = read_table(output_path("reach", "owl", name) / "reach.parquet", REACH)
        others = read_table(output_path("controls", name) / "reach.parquet", CONTROL_REACH)
        assert set(zip(table["rung"], table["strength"], strict=True)) == rungs
        assert set(zip(others["rung"], others["strength"], strict=True)) == rungs
        assert others["control"].nunique() == 6
        # The target is one of the controls: shown, it is reached as far as that is.
        trip = table.query("rung == 'round trip' and metric == 'psnr'")["score"].item()
        same = others.query("control == '7.png' and rung == 'round trip' and metric == 'psnr'")
        assert same["score"].item() == pytest.approx(trip, abs=0.02)
        kept = sorted((output_path("reach", "owl", name) / "images").glob("*.png"))
        assert len(kept) == len(rungs)
    for case in evidence(here, "owl")["cases"]:
        assert {each["controls"] for each in case["reach"]["rungs"]} == {5}


def test_a_finding_follows_from_the_tables(here: Path) -> None:
    found = finding(("owl", "own"))
    best = scores(("owl", "own")).query("metric == 'descriptor'")["score"].max()
    table = read_table(output_path("controls", "own") / "controls.parquet", CONTROL_SCORES)
    table = table[(table["metric"] == "descriptor") & (table["control"] != "7.png")]
    others = table.groupby("control")["score"].max()
    assert found.rank is not None
    assert found.statistic is not None
    assert found.statistic.value == best
    assert (found.rank.controls, found.rank.left_out) == (5, ["7.png"])
    assert found.rank.p == (1 + (others >= best).sum()) / 6
    assert found.reference is not None
    assert finding(("owl", "clean")).reference is None


def test_a_flat_target_is_inconclusive_and_says_why(here: Path) -> None:
    for name in ("own", "clean"):
        found = finding(("flat", name))
        assert found.finding == "inconclusive"
        assert found.reasons[0].code == "target-flat"


def test_reports_say_what_was_found(here: Path) -> None:
    for target in ("owl", "flat"):
        cases = evidence(here, target)["cases"]
        words = {each["checkpoint"]: each["memorised"]["finding"] for each in cases}
        assert words == {name: finding((target, name)).finding for name in ("own", "clean")}
        answers = {each["generated"]["finding"] for each in cases}
        assert answers == {"inconclusive"}  # a part of the seeds was looked at
    assert "owl/report.html" in (here / "reports/index.html").read_text()
    assert (here / "mlflow.db").exists()


def test_an_outcome_is_kept_for_every_attempt_that_was_entered(here: Path) -> None:
    log = read_log()
    assert {entry.target for entry in log.entries.values()} == {"owl", "flat"}
    for key, entry in log.entries.items():
        [outcome] = read_outcomes(OUTCOMES / log.images[key])
        of_judge = read_document(Outcome, output_path("judge", entry.target) / "outcome.json")
        assert outcome == of_judge
        assert outcome.attempt == key
        expected = {name: finding((entry.target, name)).finding for name in ("own", "clean")}
        assert outcome.memorised == expected


def test_a_report_counts_the_attempts_of_the_project(here: Path) -> None:
    entries = read_log().entries
    for target in ("owl", "flat"):
        made = evidence(here, target)["attempt"]
        own = entries[made["entry"]]
        assert own.target == target
        assert (made["time"], made["counted"]) == (own.time, own.time)
        assert made["counts"] == own.counts.model_dump()
        assert made["others"] == []
        factor = own.counts.images * max(own.counts.attempts_on_image, own.counts.plans)
        for name, p in made["p_counted"].items():
            rank = finding((target, name)).rank
            assert rank is not None
            assert p == min(1, rank.p_family * factor)
    text = parsed(here / "reports" / "index.html").text
    assert "The log of this project counts 2 attempts on 2 images with 1 analysis plan" in text


def test_another_stated_prompt_is_another_attempt_and_the_earlier_one_stays_listed(
    here: Path,
) -> None:
    """A stated caption is in no plan, and is a prompt that was tried."""
    settings = load_target("owl")
    before = {path: path.read_bytes() for path in list_log_files()}
    earlier = evidence(here, "owl")["attempt"]
    stages = ("attempt", "recover", "judge", "report")
    try:
        write_target("owl", settings.model_copy(update={"caption": "a caption that fits better"}))
        for stage in stages:
            run_stage(stage, ["owl"])
        assert len(list_log_files()) == len(before) + 2  # an entry and an outcome
        assert before.items() <= {path: path.read_bytes() for path in list_log_files()}.items()
        made = evidence(here, "owl")["attempt"]
        # The flat image had been entered meanwhile.
        more = {"attempts_on_image": 2, "attempts": 3, "images": 2}
        assert made["counts"] == {**earlier["counts"], **more}
        [other] = made["others"]
        assert (other["entry"], other["stated_prompts"]) == (earlier["entry"], [])
        assert set(other["checkpoints"]) == {"own", "clean"} == set(other["memorised"])
        page = parsed(here / "reports/owl/report.html").text
        assert "counted 2 images, 1 analysis plan and 3 attempts, 2 of them on this image" in page
        assert "Other attempts on the same pixels, with other stated prompts" in page
    finally:
        write_target("owl", settings)
        for path in list_log_files() - set(before):
            path.unlink()
        for stage in stages:
            run_stage(stage, ["owl"])
    assert evidence(here, "owl")["attempt"] == earlier


def list_log_files() -> set[Path]:
    """Every file of the log of attempts and of its outcomes."""
    return {path for folder in (ATTEMPTS, OUTCOMES) for path in folder.rglob("*.json")}


def test_what_was_not_entered_is_not_judged(here: Path) -> None:
    before = (output_path("judge", "owl") / "outcome.json").read_bytes()
    hidden = ATTEMPTS.rename("hidden")
    try:
        with pytest.raises(RecordError, match=r"no entry for this plan and owl.*stage `attempt`"):
            run_stage("judge", ["owl"])
    finally:
        hidden.rename(ATTEMPTS)
    assert (output_path("judge", "owl") / "outcome.json").read_bytes() == before


def test_equal_inputs_give_equal_reports(here: Path) -> None:
    report = here / "reports/owl"
    before = {path: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    log = {path: path.read_bytes() for path in list_log_files()}
    for stage in ("attempt", "judge", "report"):
        run_stage(stage, ["owl"])
    assert {path: path.read_bytes() for path in report.rglob("*") if path.is_file()} == before
    assert {path: path.read_bytes() for path in list_log_files()} == log


def test_the_same_inputs_give_the_same_bytes(here: Path) -> None:
    files = [
        *(
            output_path("score", "owl", "own") / f"{name}.parquet"
            for name in ("scores", "reference")
        ),
        output_path("controls", "own") / "controls.parquet",
        output_path("judge", "owl", "own") / "finding.json",
        output_path("materials") / "materials.json",
    ]
    before = [file.read_bytes() for file in files]
    run_stage("score", ["owl", "own"])
    run_stage("controls", ["own"])
    run_stage("judge", ["owl"])
    run_stage("materials", [])
    assert [file.read_bytes() for file in files] == before


def test_a_plan_says_what_is_needed_and_what_it_costs_here(here: Path) -> None:
    asked = ["plan", "--alpha", "0.05", "--power", "0.9", "--rate", "0.1"]
    ended = CliRunner().invoke(app, [*asked, "--json"])
    assert ended.exit_code == 0, ended.output
    plan = json.loads(ended.stdout)
    search = load_section(SearchSettings, "search")
    assert (plan["cases"], plan["controls"], plan["seeds"]) == (2, 39, 24)
    assert plan["found"] >= 0.9
    assert plan["budget_nfe"] == 24 * search.prompts * 2 * search.steps
    easy = 39 * plan["reference_trials"] * 2 * search.steps  # the controls on the reference
    assert plan["nfe"] == plan["budget_nfe"] * (4 + 2 + 39 + 4) + easy
    assert [each["checkpoint"] for each in plan["checkpoints"]] == ["own", "clean"]
    assert all(each["seconds_a_nfe"] > 0 for each in plan["checkpoints"])
    said = CliRunner().invoke(app, asked).stdout
    assert f"search.budget_nfe={plan['budget_nfe']} controls.count=39" in said
    assert "judge.min_controls=39 judge.alpha=0.025" in said
    assert "(the searches of this project)" in said
    refused = CliRunner().invoke(app, ["plan", "--power", "1"])
    assert refused.exit_code == 1
    assert "--power must be between 0 and 1" in refused.output
