"""What the stages of a case write, for the invented targets; the findings are the real judge's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from invented import (
    HOSTILE,
    LONG,
    METRICS,
    SETTINGS,
    TRIAL_COUNT,
    climbed,
    coded,
    detected,
    identity,
    prompts,
    scene,
    scored,
)
from PIL import Image

from seedwitness.config.reading import validate
from seedwitness.config.verdicts import JudgeSettings
from seedwitness.records.copy_map import CopyMap
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import ReplaySummary, SearchSummary, TargetResize
from seedwitness.records.seed_scan import (
    Look,
    LookResult,
    RecipeAttempt,
    RegeneratedImage,
    SeedCandidate,
    SeedScan,
)
from seedwitness.records.tables import (
    CODECS,
    CONTROL_SCORES,
    CONTROL_TRIALS,
    DETECTIONS,
    PROMPTS,
    REACH,
    SCORES,
    TRIALS,
    make_typed_frame,
    read_table,
    write_table,
)
from seedwitness.records.target import TargetRecord
from seedwitness.verdict.case_data import CaseData
from seedwitness.verdict.judgement import judge_cases

ONE_GREY = Reason(
    code="target-flat", values={"measure": "bits_per_pixel", "value": 0.01, "minimum": 0.2}
)


def write_case(
    data: Path,
    about: TargetRecord,
    name: str,
    picture: Image.Image,
    *,
    back: bool,
    seed: int,
) -> CaseData:
    target = about.name
    recipes = [
        Recipe(
            prompt=(HOSTILE, LONG)[k % 2],
            seed=k // 2,
            width=128,
            height=128,
            sampler="ddim",
            steps=12,
            guidance=3.0,
        )
        for k in range(TRIAL_COUNT)
    ]
    rng = np.random.default_rng([seed, len(name)])
    near = rng.uniform(0.82, 0.97, TRIAL_COUNT) if back else rng.uniform(0.1, 0.35, TRIAL_COUNT)
    far = rng.uniform(0.05, 0.14, TRIAL_COUNT) if back else rng.uniform(0.28, 0.5, TRIAL_COUNT)
    rows = [
        scored(recipe.id, metric, float(values[k]))
        for metric, values in zip(METRICS, (near, far), strict=True)
        for k, recipe in enumerate(recipes)
    ]
    itself = name == "clean"
    reference = [
        scored(recipe.id, metric, float(value))
        for metric, low, high in (("descriptor", 0.1, 0.35), ("patch-l2", 0.28, 0.5))
        for recipe, value in zip(recipes, rng.uniform(low, high, TRIAL_COUNT), strict=True)
    ]
    scores = make_typed_frame(rows, SCORES)
    reference_scores = make_typed_frame([] if itself else reference, SCORES)
    folder = data / "score" / target / name
    write_table(folder / "scores.parquet", scores, SCORES)
    write_table(folder / "reference.parquet", reference_scores, SCORES)

    files = make_typed_frame(coded(), CODECS)
    write_table(folder / "codecs.parquet", files, CODECS)

    # Without the closest, as where its latent was not kept.
    closest = sorted(range(TRIAL_COUNT), key=lambda k: -near[k])
    for kind in ("images", "reference"):
        (folder / kind).mkdir(parents=True)
        for k in [] if kind == "reference" and itself else closest[1:5]:
            like = back and kind == "images"
            shown = scene(seed, 10.0 + k) if like else scene(100 * seed + k)
            shown.resize((128, 128)).save(folder / kind / f"{recipes[k].id}.png")
    places = ("pixels", "windows") if name == "clean" else ("pixels", "windows", "ending")
    (folder / "maps").mkdir()
    for place in places:
        scene(seed, 40.0).resize((128, 128)).save(folder / "maps" / f"{place}.png")
    CopyMap(
        trial=recipes[closest[0]].id,
        alignment="as it is",
        tiles_close=97,
        tiles=256,
        close=0.15,
        metric="descriptor",
        label="lab weights",
        windows=[0.03125 * k for k in range(25)],
        ending_steps=None if name == "clean" else 12,
    ).write(folder / "maps" / "maps.json")
    folder = data / "search" / target / name
    trials = [
        trial_row(recipe, k, 1 + k % 2, ("corpus", "user")[k % 2], 1.0 - near[k])
        for k, recipe in enumerate(recipes)
    ]
    write_table(folder / "trials.parquet", trials, TRIALS)
    replayed = [] if itself else [{**row, "strategy": "replay"} for row in trials]
    write_table(data / "replay" / target / name / "trials.parquet", replayed, TRIALS)
    write_table(folder / "prompts.parquet", prompts(target), PROMPTS)
    searched = SearchSummary(
        target=target,
        checkpoint=name,
        checkpoint_sha256=identity(name).sha256,
        strategy="sweep",
        distance="latent-rms",
        resize=TargetResize(
            rule="stretch",
            target_width=about.width,
            target_height=about.height,
            width=128,
            height=128,
        ),
        budget_nfe=24 * TRIAL_COUNT,
        nfe=24 * TRIAL_COUNT,
        trials=TRIAL_COUNT,
        prompts=[HOSTILE, LONG],
        ended="budget",
        end_reason=Reason(code="recipes-completed", values={"trials": TRIAL_COUNT}),
        best_trial=recipes[closest[1]].id,
        best_distance=float(1.0 - near[closest[1]]),
    )
    searched.write(folder / "search.json")
    ReplaySummary(
        target=target,
        checkpoint=name,
        reference="clean",
        reference_sha256=identity("clean").sha256,
        distance="" if itself else "latent-rms",
        trials=0 if itself else TRIAL_COUNT,
        nfe=0 if itself else 24 * TRIAL_COUNT,
    ).write(data / "replay" / target / name / "replay.json")
    ladder = climbed(100 + seed) if target == "owl" else []
    reached = data / "reach" / target / name
    write_table(reached / "reach.parquet", ladder, REACH)
    said = detected(seed) if target != "flat" else []
    write_table(reached / "detectors.parquet", said, DETECTIONS)
    if ladder:
        (reached / "images").mkdir()
        for number in range(5):
            scene(seed, 20.0 * number, (128, 128)).save(reached / "images" / f"{number}.png")
    looked = scan(target, name, recipes[0], recovered=(target, name) == ("heron", "memorised"))
    looked.write(data / "scan" / target / name / "scan.json")
    if looked.regenerated:
        scene(seed, 1.0).resize((128, 128)).save(data / "scan" / target / name / "regenerated.png")
    controls = read_table(data / "controls" / name / "controls.parquet", CONTROL_SCORES)
    return CaseData(
        target=about,
        checkpoint=identity(name),
        low_information=[ONE_GREY] if target == "flat" else (),
        scores=scores,
        controls=controls,
        control_trials=read_table(data / "controls" / name / "trials.parquet", CONTROL_TRIALS),
        reference_controls=read_table(
            data / "controls" / "clean" / "controls.parquet", CONTROL_SCORES
        ),
        learned=read_table(data / "controls" / name / "learned.parquet", CONTROL_SCORES),
        reference=None if itself else identity("clean"),
        reference_scores=reference_scores,
        search=searched,
        prompts=make_typed_frame(prompts(target), PROMPTS),
        trials=read_table(folder / "trials.parquet", TRIALS),
        coded_files=files,
        scan=looked,
    )


def trial_row(
    recipe: Recipe, number: int, prompt_rank: int, prompt_source: str, distance: float
) -> dict[str, object]:
    """A row of TRIALS of a sweep."""
    return {
        "trial": recipe.id,
        "parent": "",
        "strategy": "sweep",
        "prompt_rank": prompt_rank,
        "prompt_source": prompt_source,
        **asdict(recipe),
        "nfe": recipe.nfe,
        "noise_sha256": f"{number:064x}",
        "latent_sha256": f"{number + 4096:064x}",
        "latent_distance": distance,
        "shard": "latents-00000.safetensors",
        "row": number,
    }


def control_trials(rows: Sequence[dict[str, object]], use: str) -> list[dict[str, object]]:
    """The trials of rows of CONTROL_SCORES, with their ids as they stand there."""
    named = {(row["control"], row["trial"]): row for row in rows}
    recipe = Recipe("a heron at dusk", 0, 128, 128, "ddim", 12, 3.0)
    return [
        {
            **trial_row(replace(recipe, seed=k % TRIAL_COUNT), k, 1, "user", 0.5),
            "control": row["control"],
            "pixels_sha256": row["pixels_sha256"],
            "use": use,
            "trial": row["trial"],
        }
        for k, row in enumerate(named.values())
    ]


def write_findings(data: Path, target: str, cases: Sequence[CaseData]) -> None:
    settings = validate(JudgeSettings, SETTINGS["judge"], "judge")
    for found in judge_cases(cases, settings):
        found.write(data / "judge" / target / found.checkpoint / "finding.json")


def list_looks(asked: Look) -> list[LookResult]:
    """What each kind of look could have detected."""
    return [
        LookResult(
            looks=[Look(kind="first-noise", steps=20)],
            end_seed=4_194_304,
            elements=2048,
            detectable_correlation=0.17,
        ),
        LookResult(
            looks=[
                Look(kind="step-noise", steps=steps, restarted=restarted)
                for restarted in (False, True)
                for steps in (20, 30)
            ],
            end_seed=32_768,
            elements=2048 * 31,
            detectable_correlation=0.031,
        ),
        LookResult(
            looks=[Look(kind="inversion", steps=20), asked],
            end_seed=4_194_304,
            elements=2048,
            detectable_correlation=0.18,
        ),
    ]


def scan(target: str, name: str, recipe: Recipe, *, recovered: bool) -> SeedScan:
    """A scan that found the seed of ``recipe``, or none; ``flat`` has a size that nothing makes."""
    asked = Look(kind="inversion", steps=20, prompt=HOSTILE)
    recipe = replace(recipe, seed=271_828, rng="torch-cpu")
    z = 24.5 if recovered else 4.75
    best = SeedCandidate(
        seed=271_828,
        rng="torch-cpu",
        batch_index=0,
        look=asked,
        z=z,
        p=1e-120 if recovered else 0.012,
        correlation=z / 2048**0.5,
        recovered=recovered,
        claimed=recovered,
    )
    regenerated = RegeneratedImage(
        trial=recipe.id,
        recipe=recipe,
        tried=31,
        nearest=[
            RecipeAttempt(sampler="euler", steps=20, guidance=3.0, prompt=HOSTILE, rms=0.21),
            RecipeAttempt(sampler="ddim", steps=50, guidance=7.5, prompt="", rms=14.5),
        ],
        noise_sha256="5e" * 32,
        latent_sha256="5f" * 32,
        rms=0.21,
        round_trip_rms=9.75,
        image="regenerated.png",
    )
    flat = target == "flat"
    return SeedScan(
        target=target,
        checkpoint=name,
        checkpoint_sha256=identity(name).sha256,
        obstacle=Reason(
            code="size-not-made", values={"checkpoint": name, "width": 131, "height": 128}
        )
        if flat
        else None,
        rng_algorithms=["torch-cpu"],
        first_seed=0,
        end_seed=4_194_304,
        draws=1,
        rounds=0,
        looks=[] if flat else list_looks(asked),
        alpha=0.001,
        z_needed=None if flat else 6.13,
        seeds=[] if flat else [best],
        regenerated=regenerated if recovered else None,
    )
