"""A case that is supported, and what it is made of, to be changed one thing at a time."""

from __future__ import annotations

from dataclasses import asdict, replace
from hashlib import sha256

import numpy as np
import pandas as pd
from invented import identity

from seedwitness.config.verdicts import CopyCriterionSettings, JudgeSettings
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import SearchSummary, TargetResize
from seedwitness.records.seed_scan import Look, RegeneratedImage, SeedCandidate, SeedScan
from seedwitness.records.tables import (
    CODECS,
    CONTROL_SCORES,
    CONTROL_TRIALS,
    PROMPTS,
    SCORES,
    TRIALS,
    make_typed_frame,
)
from seedwitness.records.target import InformationContent, Provenance, TargetRecord
from seedwitness.verdict.case_data import CaseData

SETTINGS = JudgeSettings(
    metric="descriptor",
    copy_criteria=[
        CopyCriterionSettings(metric="patch-l2", threshold=0.15, source="Carlini et al.")
    ],
    reference="clean",
    published={"memorised": "2026-01-01"},
    resamples=500,
)
GREY = "80" * 192
"""A thumbnail."""

HIGHER = {"descriptor": True, "patch-l2": False}


def about(metric: str) -> dict[str, object]:
    return {
        "metric": metric,
        "version": "1",
        "label": "lab weights" if metric == "descriptor" else "no weights",
        "weights_sha256": "",
        "higher_is_closer": HIGHER[metric],
        "lowest": -1.0,
        "highest": 1.0,
        "alignment": "as it is",
    }


def scores(descriptor: list[float], patch: list[float]) -> pd.DataFrame:
    return make_typed_frame(
        [
            {"trial": f"t{k}", **about(metric), "score": value}
            for metric, values in (("descriptor", descriptor), ("patch-l2", patch))
            for k, value in enumerate(values)
        ],
        SCORES,
    )


def controls(
    best: list[float], hashes: list[str] | None = None, patch: float = 0.5
) -> pd.DataFrame:
    """Two trials a control, the second far away; by patch-L2 all are nearly as far, ``patch``."""
    pixels = hashes or [f"p{k}" for k in range(len(best))]
    return make_typed_frame(
        [
            {
                "control": f"c{k}",
                "pixels_sha256": pixels[k],
                "pdq": sha256(pixels[k].encode()).hexdigest(),
                "pdq_quality": 100,
                "thumbnail": GREY,
                "caption": "",
                "corpus_match": "",
                "trial": f"c{k}t{trial}",
                **about(metric),
                "score": score,
            }
            for metric in HIGHER
            for k, value in enumerate(best)
            for trial, score in enumerate(_two_scores(metric, value, patch))
        ],
        CONTROL_SCORES,
    )


def on_reference(best: list[float]) -> pd.DataFrame:
    """Controls on the reference: both trials alike, and by patch-L2 closer than the target is."""
    table = controls(best, patch=0.3)
    closest = table.groupby(["control", "metric"])["score"].transform("max")
    return table.assign(score=closest.where(table["metric"] == "descriptor", 0.3))


def _two_scores(metric: str, value: float, patch: float) -> tuple[float, float]:
    if metric == "descriptor":
        return value, value / 10 - 0.9
    return patch - value / 10, 1.0 - value / 10


def control_trials(table: pd.DataFrame) -> pd.DataFrame:
    """Blind trials, one for each trial of a table of controls' scores."""
    recipe = Recipe("a control", 0, 128, 128, "ddim", 20, 3.0)
    each = table.drop_duplicates(["control", "trial"])
    rows = zip(each["control"], each["pixels_sha256"], each["trial"], strict=True)
    return make_typed_frame(
        [
            {"control": name, "pixels_sha256": pixels, "use": "control"}
            | _describe_trial(trial, replace(recipe, seed=k), k)
            for k, (name, pixels, trial) in enumerate(rows)
        ],
        CONTROL_TRIALS,
    )


TARGET = TargetRecord(
    name="owl",
    file_name="owl.png",
    file_sha256="f",
    file_bytes=1,
    pixels_sha256="own",
    pdq=sha256(b"own").hexdigest(),
    pdq_quality=100,
    thumbnail=GREY,
    width=128,
    height=128,
    format="PNG",
    mode="RGB",
    frames=1,
    changes=[],
    exif={},
    claims=[],
    unread=[],
    information=InformationContent(
        bits_per_pixel=9, deviation=0.2, busy_tiles=1, patch_contrast=0.3
    ),
    provenance=Provenance(date="2019-05-01", source="a catalogue"),
)
BEST = np.linspace(0.2, 0.5, 99).tolist()
REFERENCE_BEST = (np.linspace(0.2, 0.5, 100) + 0.03 * np.sin(np.arange(100))).tolist()
"""What the same controls reach on the reference; the first 99 belong to those of ``BEST``."""
SCAN = SeedScan(
    target="owl",
    checkpoint="memorised",
    checkpoint_sha256="memorised",
    obstacle=Reason(
        code="size-not-made", values={"checkpoint": "memorised", "width": 131, "height": 128}
    ),
    rng_algorithms=["torch-cpu"],
    first_seed=0,
    end_seed=1,
    draws=1,
    rounds=0,
    looks=[],
    alpha=0.001,
    z_needed=None,
    seeds=[],
    regenerated=None,
)
_SEED = SeedCandidate(
    seed=7,
    rng="torch-cpu",
    batch_index=0,
    look=Look(kind="first-noise", steps=20),
    z=20.0,
    p=1e-70,
    correlation=0.4,
    recovered=True,
    claimed=False,
)
_RECIPE = Recipe("an owl", 7, 128, 128, "ddim", 20, 3.0)
MADE = SCAN.model_copy(
    update={
        "obstacle": None,
        "z_needed": 7.0,
        "seeds": [_SEED],
        "regenerated": RegeneratedImage(
            trial=_RECIPE.id,
            recipe=_RECIPE,
            tried=1,
            nearest=[],
            noise_sha256="",
            latent_sha256="",
            rms=0.0,
            round_trip_rms=9.0,
            image="",
        ),
    }
)
"""Of a target that the checkpoint made: its seed was found, and gives it back."""
SEARCH = SearchSummary(
    target="owl",
    checkpoint="memorised",
    checkpoint_sha256="memorised",
    strategy="sweep",
    distance="latent-rms",
    resize=TargetResize(rule="stretch", target_width=128, target_height=128, width=128, height=128),
    budget_nfe=320,
    nfe=320,
    trials=16,
    prompts=["an owl"],
    ended="budget",
    end_reason=Reason(code="recipes-completed", values={"trials": 16}),
    best_trial="0",
    best_distance=0.1,
)
PROMPT_ROWS = make_typed_frame(
    [
        {
            "rank": 1,
            "text": "an owl",
            "source": "user",
            "method": "user",
            "score": 0.5,
            "tokens": 4,
            "bits": 24.0,
        }
    ],
    PROMPTS,
)


def trials(count: int = 200) -> pd.DataFrame:
    """Blind trials ``t0`` and so on, of the one prompt."""
    recipe = Recipe("an owl", 0, 128, 128, "ddim", 20, 3.0)
    return make_typed_frame(
        [_describe_trial(f"t{k}", replace(recipe, seed=k), k) for k in range(count)], TRIALS
    )


def _describe_trial(trial: str, recipe: Recipe, row: int) -> dict[str, object]:
    return {
        "trial": trial,
        "parent": "",
        "strategy": "sweep",
        "prompt_rank": 1,
        "prompt_source": "user",
        **asdict(recipe),
        "nfe": recipe.nfe,
        "noise_sha256": f"{row:064x}",
        "latent_sha256": f"{row:064x}",
        "latent_distance": 0.1,
        "shard": "latents-00000.safetensors",
        "row": row,
    }


def codecs(*files: tuple[str, int, float], metric: str = "patch-l2") -> pd.DataFrame:
    """Files by codec, bytes and score."""
    rows = [
        {
            "codec": name,
            "reduction": 1,
            "quality": 50,
            "bytes": size,
            **about(metric),
            "score": score,
        }
        for name, size, score in files
    ]
    return make_typed_frame(rows, CODECS)


CASE = CaseData(
    target=TARGET,
    checkpoint=identity("memorised"),
    low_information=(),
    scores=scores([0.9, 0.8] * 8, [0.1, 0.12] * 8),
    controls=controls(BEST),
    control_trials=control_trials(controls([0.0] * 200)),
    learned=controls([])[:0],
    reference=identity("clean"),
    reference_scores=scores([0.3, 0.3, 0.31, 0.31] * 4, [0.4] * 16),
    reference_controls=on_reference(REFERENCE_BEST),
    search=SEARCH,
    prompts=PROMPT_ROWS,
    trials=trials(),
    coded_files=codecs(("jpeg", 400, 0.3), ("jpeg", 900, 0.05), ("webp", 300, 0.09)),
    scan=SCAN,
)
FAR = scores([0.3] * 16, [0.4] * 16)
