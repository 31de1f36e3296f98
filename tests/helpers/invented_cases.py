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
    TRIALS,
    climbed,
    coded,
    detected,
    identity,
    prompts,
    scene,
    scored,
)
from PIL import Image

from seedwitness import config, records
from seedwitness.verdict.case_data import Examined
from seedwitness.verdict.judgement import judge


def write_case(
    data: Path,
    about: records.Target,
    name: str,
    picture: Image.Image,
    *,
    back: bool,
    seed: int,
) -> Examined:
    target = about.name
    recipes = [
        records.Recipe(
            prompt=(HOSTILE, LONG)[k % 2],
            seed=k // 2,
            width=128,
            height=128,
            sampler="ddim",
            steps=12,
            guidance=3.0,
        )
        for k in range(TRIALS)
    ]
    rng = np.random.default_rng([seed, len(name)])
    near = rng.uniform(0.82, 0.97, TRIALS) if back else rng.uniform(0.1, 0.35, TRIALS)
    far = rng.uniform(0.05, 0.14, TRIALS) if back else rng.uniform(0.28, 0.5, TRIALS)
    rows = [
        scored(recipe.id, metric, float(values[k]))
        for metric, values in zip(METRICS, (near, far), strict=True)
        for k, recipe in enumerate(recipes)
    ]
    itself = name == "clean"
    reference = [
        scored(recipe.id, metric, float(value))
        for metric, low, high in (("descriptor", 0.1, 0.35), ("patch-l2", 0.28, 0.5))
        for recipe, value in zip(recipes, rng.uniform(low, high, TRIALS), strict=True)
    ]
    scores = records.frame(rows, records.SCORES)
    reference_scores = records.frame([] if itself else reference, records.SCORES)
    folder = data / "score" / target / name
    records.write_table(folder / "scores.parquet", scores, records.SCORES)
    records.write_table(folder / "reference.parquet", reference_scores, records.SCORES)

    files = records.frame(coded(), records.CODECS)
    records.write_table(folder / "codecs.parquet", files, records.CODECS)

    # Without the closest, as where its latent was not kept.
    closest = sorted(range(TRIALS), key=lambda k: -near[k])
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
    records.CopyMap(
        trial=recipes[closest[0]].id,
        alignment="as it is",
        tiles_close=97,
        tiles=256,
        close=0.15,
        metric="descriptor",
        label="lab weights",
        windows=[0.03125 * k for k in range(25)],
        ending="" if name == "clean" else "in the last of 12 steps of DDIM from its noise",
    ).write(folder / "maps" / "maps.json")
    folder = data / "search" / target / name
    records.write_table(
        folder / "trials.parquet",
        [
            {
                "trial": recipe.id,
                "parent": "",
                "strategy": "sweep",
                "prompt_rank": 1 + k % 2,
                "prompt_source": ("corpus", "user")[k % 2],
                **asdict(recipe),
                "nfe": recipe.nfe,
                "noise_sha256": f"{k:064x}",
                "latent_sha256": f"{k + 4096:064x}",
                "guide": 1.0 - near[k],
                "shard": "latents-00000.safetensors",
                "row": k,
            }
            for k, recipe in enumerate(recipes)
        ],
        records.TRIALS,
    )
    records.write_table(folder / "prompts.parquet", prompts(target), records.PROMPTS)
    searched = records.Search(
        target=target,
        checkpoint=name,
        checkpoint_sha256=identity(name).sha256,
        strategy="sweep",
        guide="latent-rms",
        fitting="stretched to 128 × 128",
        budget_nfe=24 * TRIALS,
        nfe=24 * TRIALS,
        trials=TRIALS,
        prompts=[HOSTILE, LONG],
        stopped="the budget is spent",
        ended="budget",
        best_trial=recipes[closest[1]].id,
        best_guide=float(1.0 - near[closest[1]]),
        ledger="9a" * 32,
    )
    searched.write(folder / "search.json")
    records.Replay(
        target=target,
        checkpoint=name,
        reference="clean",
        reference_sha256=identity("clean").sha256,
        guide="" if itself else "latent-rms",
        trials=0 if itself else TRIALS,
        nfe=0 if itself else 24 * TRIALS,
        note="clean is the reference itself" if itself else "every recipe of the search",
    ).write(data / "replay" / target / name / "replay.json")
    ladder = climbed(100 + seed) if target == "owl" else []
    reached = data / "reach" / target / name
    records.write_table(reached / "reach.parquet", ladder, records.REACH)
    said = detected(seed) if target != "flat" else []
    records.write_table(reached / "detectors.parquet", said, records.DETECTED)
    if ladder:
        (reached / "images").mkdir()
        for number in range(5):
            scene(seed, 20.0 * number, (128, 128)).save(reached / "images" / f"{number}.png")
    looked = scan(target, name, recipes[0], recovered=(target, name) == ("heron", "memorised"))
    looked.write(data / "scan" / target / name / "scan.json")
    if looked.regenerated:
        scene(seed, 1.0).resize((128, 128)).save(data / "scan" / target / name / "regenerated.png")
    return Examined(
        target=about,
        checkpoint=identity(name),
        flat=["one grey level"] if target == "flat" else (),
        scores=scores,
        controls=records.read_table(
            data / "controls" / name / "controls.parquet", records.CONTROLS
        ),
        known=records.read_table(data / "controls" / name / "known.parquet", records.CONTROLS),
        reference=None if itself else identity("clean"),
        reference_scores=reference_scores,
        search=searched,
        prompts=records.frame(prompts(target), records.PROMPTS),
        trials=records.read_table(folder / "trials.parquet", records.TRIALS),
        codecs=files,
        scan=looked,
    )


def write_findings(data: Path, target: str, cases: Sequence[Examined]) -> None:
    settings = config.validated(config.Judge, SETTINGS["judge"], "judge")
    for found in judge(cases, settings):
        found.write(data / "judge" / target / found.checkpoint / "finding.json")


def scan(target: str, name: str, recipe: records.Recipe, *, recovered: bool) -> records.Scan:
    """A scan that found the seed of ``recipe``, or none; ``flat`` has a size that nothing makes."""
    asked = records.Inversion(prompt=HOSTILE, guidance=1.0)
    recipe = replace(recipe, seed=271_828, rng="torch-cpu")
    z = 24.5 if recovered else 4.75
    best = records.ScannedSeed(
        seed=271_828,
        rng="torch-cpu",
        batch_index=0,
        inversion=asked,
        z=z,
        p=1e-120 if recovered else 0.012,
        correlation=z / 2048**0.5,
        recovered=recovered,
        claimed=recovered,
    )
    regenerated = records.Regenerated(
        trial=recipe.id,
        recipe=recipe,
        tried=31,
        noise_sha256="5e" * 32,
        latent_sha256="5f" * 32,
        rms=0.21,
        round_trip_rms=9.75,
        image="regenerated.png",
    )
    flat = target == "flat"
    return records.Scan(
        target=target,
        checkpoint=name,
        checkpoint_sha256=identity(name).sha256,
        note="A size that cannot be made." if flat else "",
        protocols=["torch-cpu"],
        first_seed=0,
        end_seed=4_194_304,
        pictures=1,
        inversions=[records.Inversion(prompt="", guidance=1.0), asked],
        steps=20,
        rounds=0,
        elements=0 if flat else 2048,
        alpha=0.001,
        z_needed=None if flat else 6.13,
        seen=1.0 if flat else 0.17,
        seeds=[] if flat else [best],
        regenerated=regenerated if recovered else None,
    )
