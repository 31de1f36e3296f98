"""How often the seed of an output is recovered: by sampler, guidance, prompt known, and file.

    .venv/bin/python benchmarks/scan_recovery.py [--outputs 240] [--negatives 420]

Outputs of `lab-memorised` are made from random 32-bit seeds by both protocols, under captions of
held-out pictures, saved as PNG and JPEG, and inverted under their own caption, the caption that the
corpus's nearest picture has, and none. A seed counts as recovered if it passes the cascade's quick
looks and its family-wise p over 2^32 seeds and both protocols is at most 0.001; that takes no more
than a window around it.

What a recipe gives under other seeds is compared as well: where that is nearly the same picture,
the picture has forgotten its noise, and no look at it can tell the seed.

Negatives are the lab's held-out pictures, under no prompt and their own caption, over `--seeds`.
Needs the demonstration's index: `make demo`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from scan_speed import LEAST, RNGS
from scipy.stats import norm
from torch import Tensor
from torch.nn.functional import cosine_similarity

from seedlab.home import Lab, opened
from seedwitness.attribution.seed_scan import invert_image
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings, ClipSettings, CorpusSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import LookupSettings, ScanSettings
from seedwitness.engine.executor import sample_recipes
from seedwitness.engine.sampling import decode_latents
from seedwitness.prompts.asking import load_recoverer
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import Inversion
from seedwitness.seeds.torch_cpu import SEEDS
from seedwitness.seedscan.cascade import plan_cascade
from seedwitness.seedscan.scan import scan_range
from seedwitness.statistics.rates import rate

SAMPLERS = ("ddim", "euler", "dpmpp-2m")
GUIDANCES = (1.0, 2.0, 3.0, 5.0, 7.5)
STEPS, WINDOW, ALPHA = 20, 2**14, 0.001
OTHERS = (1, 2, 3)
"""The seeds by which a recipe is made again, to see how much a picture keeps of its own."""

BANDS = (-1.0, 0.5, 0.75, 1.0)
CHOSEN = 1
"""The seed by which the outputs are chosen."""

NEEDED = float(norm.isf(ALPHA / (SEEDS * len(RNGS))))


def scan_settings() -> ScanSettings:
    """What a scan of the whole seed space is asked for."""
    own = load_section(ScanSettings, "scan")
    return own.model_copy(update={"steps": STEPS, "least": LEAST})


def outputs(count: int, captions: Sequence[str], seed: int) -> list[Recipe]:
    """Recipes that go round samplers and guidances; seeds, protocols and captions by chance."""
    chance = np.random.default_rng(seed)
    cells = list(product(SAMPLERS, GUIDANCES))
    return [
        Recipe(
            prompt=str(chance.choice(captions)),
            seed=int(chance.integers(SEEDS)),
            width=128,
            height=128,
            sampler=cells[k % len(cells)][0],
            steps=STEPS,
            guidance=cells[k % len(cells)][1],
            rng=str(chance.choice(list(RNGS))),
        )
        for k in range(count)
    ]


def made(loaded: LoadedCheckpoint, recipe: Recipe) -> tuple[Image.Image, Tensor]:
    """The picture of a recipe, and its latents: [c, h, w]."""
    latents, _ = sample_recipes(loaded, [recipe])
    pixels = decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device))[0]
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()), latents[0]


def sameness(loaded: LoadedCheckpoint, recipe: Recipe, latents: Tensor) -> float:
    """Mean cosine similarity of a recipe's latents to those that other seeds give, in [-1, 1]."""
    others, _ = sample_recipes(loaded, [replace(recipe, seed=seed) for seed in OTHERS])
    return float(cosine_similarity(others.flatten(1), latents.flatten()[None]).mean())


def memorised() -> LoadedCheckpoint:
    """The checkpoint whose outputs are looked for."""
    name = "lab-memorised"
    return load_checkpoint(name, load_section(CheckpointSettings, "checkpoints", name))


def captions(lab: Lab) -> list[str]:
    """Of held-out pictures: what outputs are made under."""
    return sorted({row.caption for row in lab.rows if row.split == "held_out"})


def saved(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """The picture as files give it back."""
    yield "PNG", image
    for quality in (90, 75):
        file = BytesIO()
        image.save(file, "JPEG", quality=quality)
        yield f"JPEG {quality}", Image.open(file).convert("RGB")


def recovered(
    loaded: LoadedCheckpoint, recipe: Recipe, nearest: Any, scratch: Path
) -> list[dict[str, Any]]:
    """A row a file and prompt: the true seed's z, and whether the scan finds it."""
    (image, latents), settings = made(loaded, recipe), scan_settings()
    same = sameness(loaded, recipe, latents)
    labels, rows = [], []
    for kind, picture in saved(image):
        prompts = {"known": recipe.prompt, "recovered": nearest(picture), "empty": ""}
        asked = [Inversion(prompt=each, guidance=1.0) for each in prompts.values()]
        rows.append(invert_image(loaded, picture, asked, settings))
        labels += [(kind, name) for name in prompts]
    first = min(max(recipe.seed - WINDOW // 2, 0), SEEDS - WINDOW)
    planned = plan_cascade(np.concatenate(rows), recipe.rng, LEAST)
    shape = loaded.latent_shape(recipe.width, recipe.height)
    found = scan_range(planned, shape, first, first + WINDOW, ledger=scratch)
    answers = []
    for (kind, name), each in zip(labels, found, strict=True):
        z = dict(zip(each.seeds.tolist(), each.z.tolist(), strict=True))
        answers.append(
            {
                "sampler": recipe.sampler,
                "guidance": recipe.guidance,
                "rng": recipe.rng,
                "file": kind,
                "prompt": name,
                "same": same,
                "z": z.get(recipe.seed, float("nan")),
                "recovered": z.get(recipe.seed, -np.inf) >= NEEDED,
                "false": sum(z[other] >= NEEDED for other in z if other != recipe.seed),
            }
        )
    return answers


def cells(rows: pd.DataFrame, by: list[str]) -> list[dict[str, Any]]:
    """Recovery rates with Clopper–Pearson intervals, and the median z, by these columns."""
    return [
        dict(zip(by, map(_plain, key), strict=True))
        | asdict(rate(int(group["recovered"].sum()), len(group)))
        | {"median_z": round(float(group["z"].fillna(0).median()), 1)}
        for key, group in rows.groupby(by, sort=False, observed=True)
    ]


def _plain(key: object) -> object:
    """A group's key as JSON takes it."""
    return [key.left, key.right] if isinstance(key, pd.Interval) else key


def negatives(
    loaded: LoadedCheckpoint, lab: Lab, count: int, seeds: int, scratch: Path
) -> dict[str, Any]:
    """Held-out pictures, which the checkpoint did not make: seeds that seem to be recovered."""
    held_out = [row for row in lab.rows if row.split == "held_out"][:count]
    settings = scan_settings()
    shape = loaded.latent_shape(128, 128)
    needed = float(norm.isf(ALPHA / (seeds * len(RNGS) * 2)))
    highest = []
    for row, pixels in zip(held_out, lab.few(held_out), strict=True):
        picture = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
        asked = [Inversion(prompt=each, guidance=1.0) for each in ("", row.caption)]
        rows = invert_image(loaded, picture, asked, settings)
        found = [
            each.z[:1]
            for rng in RNGS
            for each in scan_range(plan_cascade(rows, rng, LEAST), shape, 0, seeds, ledger=scratch)
        ]
        highest.append(float(np.concatenate(found).max(initial=-np.inf)))
    expected = float(norm.isf(np.log(2) / (seeds * len(RNGS) * 2)))
    return {
        "pictures": len(held_out),
        "seeds": seeds,
        "family_wise_alpha": ALPHA,
        "z_needed": needed,
        "median_highest_z": float(np.median(highest)),
        "median_highest_z_by_chance": expected,
        "highest_z": max(highest),
        "false_recoveries": asdict(rate(sum(z >= needed for z in highest), len(highest))),
    }


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--outputs", type=int, default=240)
    parser.add_argument("--planted", type=int, default=30, help="outputs under planted captions")
    parser.add_argument("--negatives", type=int, default=420)
    parser.add_argument("--seeds", type=int, default=2**22)
    parser.add_argument("--scratch", type=Path, help="where scans are kept, to go on after a kill")
    asked = parser.parse_args()
    lab = opened(Path("data/lab"))
    loaded = memorised()
    clip = load_recoverer(load_section(ClipSettings, "clip"), None, Path("data/index"))
    index = clip.open(Path("data/index"))
    corpus, lookup = (
        load_section(CorpusSettings, "corpus"),
        load_section(LookupSettings, "lookup"),
    )

    def nearest(picture: Image.Image) -> str:
        _, matches = clip.look_up(index, picture, (), corpus.path, lookup)
        return str(matches.sort_values("rank")["caption"].iloc[0])

    planted = sorted({row.caption for row in lab.rows if row.multiplicity == 128})
    with tempfile.TemporaryDirectory() as temporary:
        scratch = asked.scratch or Path(temporary)
        rows = pd.DataFrame(
            [
                row
                for recipe in outputs(asked.outputs, captions(lab), CHOSEN)
                for row in recovered(loaded, recipe, nearest, scratch)
            ]
        )
        learned = pd.DataFrame(
            [
                row
                for recipe in outputs(asked.planted, planted, 2)
                for row in recovered(loaded, recipe, nearest, scratch)
            ]
        )
        plain = rows[(rows["file"] == "PNG") & rows["sampler"].isin(["ddim", "euler"])]
        low = plain.assign(guidance=np.where(plain["guidance"] <= 3, "up to 3", plain["guidance"]))
        empty = rows[(rows["file"] == "PNG") & (rows["prompt"] == "empty")]
        banded = empty.assign(same=pd.cut(empty["same"], list(BANDS)))
        result = {
            "outputs": asked.outputs,
            "steps": STEPS,
            "z_needed": NEEDED,
            "least": LEAST,
            "bars": cells(low, ["guidance", "prompt"]),
            "by_sampler": cells(rows, ["file", "prompt", "sampler", "guidance"]),
            "by_sameness": cells(banded.sort_values("same"), ["same"]),
            "by_protocol": cells(rows, ["rng"]),
            "planted_captions": cells(learned[learned["file"] == "PNG"], ["prompt"]),
            "false_in_windows": int(rows["false"].sum() + learned["false"].sum()),
            "negatives": negatives(loaded, lab, asked.negatives, asked.seeds, scratch),
        }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
