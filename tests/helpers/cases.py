"""A case that is supported, and what it is made of, to be changed one thing at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from invented import identity

from seedwitness import config, records
from seedwitness.evidence.examined import Examined

SETTINGS = config.Judge(
    metric="descriptor",
    copies=[config.Copy(metric="patch-l2", threshold=0.15, source="Carlini et al.")],
    reference="clean",
    resamples=500,
)
HIGHER = {"descriptor": True, "patch-l2": False}


def about(metric: str) -> dict[str, object]:
    return {
        "metric": metric,
        "version": "1",
        "label": "lab weights" if metric == "descriptor" else "no weights",
        "weights_sha256": "",
        "higher_is_closer": HIGHER[metric],
    }


def scores(descriptor: list[float], patch: list[float]) -> pd.DataFrame:
    return records.frame(
        [
            {"trial": f"t{k}", **about(metric), "score": value}
            for metric, values in (("descriptor", descriptor), ("patch-l2", patch))
            for k, value in enumerate(values)
        ],
        records.SCORES,
    )


def controls(best: list[float], hashes: list[str] | None = None) -> pd.DataFrame:
    """Two trials a control, the second far away."""
    return records.frame(
        [
            {
                "control": f"c{k}",
                "pixels_sha256": hashes[k] if hashes else f"p{k}",
                "caption": "",
                "corpus_match": "",
                "trial": f"c{k}t{trial}",
                **about("descriptor"),
                "score": score,
            }
            for k, value in enumerate(best)
            for trial, score in enumerate((value, -1.0))
        ],
        records.CONTROLS,
    )


TARGET = records.Target(
    name="owl",
    file_name="owl.png",
    file_sha256="f",
    file_bytes=1,
    pixels_sha256="own",
    width=128,
    height=128,
    format="PNG",
    mode="RGB",
    frames=1,
    changes=[],
    exif={},
    claims=[],
    unread=[],
    information=records.Information(bits_per_pixel=9, deviation=0.2, busy_tiles=1),
)
BEST = np.linspace(0.2, 0.5, 99).tolist()
SCAN = records.Scan(
    target="owl",
    checkpoint="memorised",
    checkpoint_sha256="memorised",
    note="no size for it",
    protocols=["torch-cpu"],
    first_seed=0,
    end_seed=10,
    inversions=[],
    steps=20,
    rounds=0,
    elements=0,
    alpha=0.001,
    z_needed=None,
    seen=1.0,
    seeds=[],
    regenerated=None,
)
SEARCH = records.Search(
    target="owl",
    checkpoint="memorised",
    checkpoint_sha256="memorised",
    strategy="sweep",
    guide="latent-rms",
    budget_nfe=320,
    nfe=320,
    trials=16,
    prompts=["an owl"],
    stopped="budget spent",
    ended="budget",
    best_trial="0",
    best_guide=0.1,
    ledger="l",
)
CASE = Examined(
    target=TARGET,
    checkpoint=identity("memorised"),
    flat=(),
    scores=scores([0.9, 0.8] * 8, [0.1, 0.12] * 8),
    controls=controls(BEST),
    reference=identity("clean"),
    reference_scores=scores([0.3] * 16, [0.4] * 16),
    search=SEARCH,
    prompt_bits=100.0,
    scan=SCAN,
)
FAR = scores([0.3] * 16, [0.4] * 16)
