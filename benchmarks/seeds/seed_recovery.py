"""How often the seed of an output is recovered: by sampler, guidance, known prompt and file type.

    .venv/bin/python -m benchmarks.seeds.seed_recovery [--outputs 240] [--negatives 420]

Outputs of `lab-memorised` are made from random 32-bit seeds by both RNG algorithms, under captions
of held-out images, saved as PNG and JPEG, and inverted under their own caption (`known`), under the
caption of the corpus's nearest image (`recovered`), and under no prompt (`empty`). A seed counts as
recovered if it passes all levels of the cascade and its family-wise p over 2^32 seeds and both RNG
algorithms is at most 0.001. To see that, it is enough to scan a window around the seed.

Each recipe is also executed with other seeds. Where these give nearly the same image, the image has
lost its noise, and no method can tell the seed from it.

Negatives are the lab's held-out images, under no prompt and under their own caption, over `--seeds`
seeds. Needs the demonstration's index: `make demo`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from scipy.stats import norm
from torch import Tensor
from torch.nn.functional import cosine_similarity

from benchmarks.seeds.scan_speed import MIN_CORRELATION, RNG_ALGORITHMS
from benchmarks.shared.changed_settings import change_settings
from benchmarks.shared.groups import HELD_OUT, IS_IN_GROUP, MEMORISED
from benchmarks.shared.measurement import print_figures
from benchmarks.shared.rates import rate_figures
from seedlab.lab_folder import Lab, open_lab
from seedwitness.attribution.seed_scan import invert_image
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings, ClipSettings, CorpusSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import LookupSettings, ScanSettings
from seedwitness.engine.sampling import decode_latents
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.prompts.recoverer import load_recoverer
from seedwitness.records.recipe import Recipe
from seedwitness.records.seed_scan import Inversion
from seedwitness.seeds.torch_cpu import SEED_COUNT
from seedwitness.seedscan.cascade import plan_cascade
from seedwitness.seedscan.scan import scan_range

SAMPLERS = ("ddim", "euler", "dpmpp-2m")
GUIDANCES = (1.0, 2.0, 3.0, 5.0, 7.5)
STEPS, WINDOW, ALPHA = 20, 2**14, 0.001
OTHER_SEEDS = (1, 2, 3)
"""Further seeds of each recipe, to see how much its image depends on the seed."""

SAMENESS_BANDS = (-1.0, 0.5, 0.75, 1.0)
OUTPUTS_SEED = 1
"""The seed of the generator that draws the outputs' recipes."""

Z_NEEDED = float(norm.isf(ALPHA / (SEED_COUNT * len(RNG_ALGORITHMS))))


def scan_settings() -> ScanSettings:
    """The settings of a scan of all 2^32 seeds."""
    settings = load_section(ScanSettings, "scan")
    return change_settings(settings, steps=STEPS, min_correlation=MIN_CORRELATION)


def draw_recipes(count: int, captions: Sequence[str], seed: int) -> list[Recipe]:
    """Recipes that cycle through samplers and guidances; seed, RNG algorithm and caption random."""
    generator = np.random.default_rng(seed)
    cells = list(product(SAMPLERS, GUIDANCES))
    return [
        Recipe(
            prompt=str(generator.choice(captions)),
            seed=int(generator.integers(SEED_COUNT)),
            width=128,
            height=128,
            sampler=cells[k % len(cells)][0],
            steps=STEPS,
            guidance=cells[k % len(cells)][1],
            rng=str(generator.choice(list(RNG_ALGORITHMS))),
        )
        for k in range(count)
    ]


def make_output(loaded: LoadedCheckpoint, recipe: Recipe) -> tuple[Image.Image, Tensor]:
    """The image of a recipe, and its latents: [c, h, w]."""
    latents, _ = sample_recipes(loaded, [recipe])
    pixels = decode_latents(loaded.pipeline, latents.to(loaded.pipeline.device))[0]
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()), latents[0]


def measure_sameness(loaded: LoadedCheckpoint, recipe: Recipe, latents: Tensor) -> float:
    """Mean cosine similarity, in [-1, 1], of a recipe's latents to those of ``OTHER_SEEDS``."""
    others, _ = sample_recipes(loaded, [replace(recipe, seed=seed) for seed in OTHER_SEEDS])
    return float(cosine_similarity(others.flatten(1), latents.flatten()[None]).mean())


def load_memorised() -> LoadedCheckpoint:
    """Load the checkpoint that makes the outputs."""
    return load_checkpoint(MEMORISED, load_section(CheckpointSettings, "checkpoints", MEMORISED))


def held_out_captions(lab: Lab) -> list[str]:
    """Captions of the held-out images, in alphabetical order."""
    return sorted({row.caption for row in lab.rows if IS_IN_GROUP[HELD_OUT](row)})


def reload_from_files(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """The image after it was saved as PNG, JPEG of quality 90 and JPEG of quality 75."""
    yield "PNG", image
    for quality in (90, 75):
        file = BytesIO()
        image.save(file, "JPEG", quality=quality)
        yield f"JPEG {quality}", Image.open(file).convert("RGB")


def scan_output(
    loaded: LoadedCheckpoint,
    recipe: Recipe,
    find_caption: Callable[[Image.Image], str],
    scratch: Path,
) -> list[dict[str, Any]]:
    """A row for each file type and prompt: the true seed's z, and whether the scan recovers it."""
    (image, latents), settings = make_output(loaded, recipe), scan_settings()
    sameness = measure_sameness(loaded, recipe, latents)
    labels, queries = [], []
    for file_type, reloaded in reload_from_files(image):
        prompts = {"known": recipe.prompt, "recovered": find_caption(reloaded), "empty": ""}
        inversions = [Inversion(prompt=prompt, guidance=1.0) for prompt in prompts.values()]
        queries.append(invert_image(loaded, reloaded, inversions, settings))
        labels += [(file_type, name) for name in prompts]
    first = min(max(recipe.seed - WINDOW // 2, 0), SEED_COUNT - WINDOW)
    cascade = plan_cascade(np.concatenate(queries), recipe.rng, MIN_CORRELATION)
    shape = loaded.latent_shape(recipe.width, recipe.height)
    scans = scan_range(cascade, shape, first, first + WINDOW, cache_folder=scratch)
    rows = []
    for (file_type, name), candidates in zip(labels, scans, strict=True):
        z = dict(zip(candidates.seeds.tolist(), candidates.scores.tolist(), strict=True))
        rows.append(
            {
                "sampler": recipe.sampler,
                "guidance": recipe.guidance,
                "rng": recipe.rng,
                "file": file_type,
                "prompt": name,
                "same": sameness,
                "z": z.get(recipe.seed, float("nan")),
                "recovered": z.get(recipe.seed, -np.inf) >= Z_NEEDED,
                "false": sum(z[seed] >= Z_NEEDED for seed in z if seed != recipe.seed),
            }
        )
    return rows


def recovery_rates(rows: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """Recovery rate with its Clopper–Pearson interval, and the median z, by these columns."""
    return [
        dict(zip(columns, map(_to_json, key), strict=True))
        | rate_figures(int(group["recovered"].sum()), len(group))
        | {"median_z": round(float(group["z"].fillna(0).median()), 1)}
        for key, group in rows.groupby(columns, sort=False, observed=True)
    ]


def _to_json(key: object) -> object:
    """A key of a group as JSON can hold it: an interval as a list of its two ends."""
    return [key.left, key.right] if isinstance(key, pd.Interval) else key


def scan_negatives(
    loaded: LoadedCheckpoint, lab: Lab, count: int, seeds: int, scratch: Path
) -> dict[str, Any]:
    """How often a seed seems to be recovered from held-out images, which no seed made."""
    held_out = [row for row in lab.rows if IS_IN_GROUP[HELD_OUT](row)][:count]
    settings = scan_settings()
    shape = loaded.latent_shape(128, 128)
    z_needed = float(norm.isf(ALPHA / (seeds * len(RNG_ALGORITHMS) * 2)))
    highest_z = []
    for row, pixels in zip(held_out, lab.load_or_draw(held_out), strict=True):
        image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
        inversions = [Inversion(prompt=prompt, guidance=1.0) for prompt in ("", row.caption)]
        queries = invert_image(loaded, image, inversions, settings)
        z = [
            candidates.scores[:1]
            for rng in RNG_ALGORITHMS
            for candidates in scan_range(
                plan_cascade(queries, rng, MIN_CORRELATION), shape, 0, seeds, cache_folder=scratch
            )
        ]
        highest_z.append(float(np.concatenate(z).max(initial=-np.inf)))
    expected = float(norm.isf(np.log(2) / (seeds * len(RNG_ALGORITHMS) * 2)))
    false_recoveries = sum(z >= z_needed for z in highest_z)
    return {
        "pictures": len(held_out),
        "seeds": seeds,
        "family_wise_alpha": ALPHA,
        "z_needed": z_needed,
        "median_highest_z": float(np.median(highest_z)),
        "median_highest_z_by_chance": expected,
        "highest_z": max(highest_z),
        "false_recoveries": rate_figures(false_recoveries, len(highest_z)),
    }


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--outputs", type=int, default=240)
    parser.add_argument("--planted", type=int, default=30, help="outputs under planted captions")
    parser.add_argument("--negatives", type=int, default=420)
    parser.add_argument("--seeds", type=int, default=2**22)
    parser.add_argument("--scratch", type=Path, help="folder of finished scans, to resume a run")
    arguments = parser.parse_args()
    lab = open_lab(Path("data/lab"))
    loaded = load_memorised()
    recoverer = load_recoverer(load_section(ClipSettings, "clip"), None, Path("data/index"))
    index = recoverer.open_index(Path("data/index"))
    corpus = load_section(CorpusSettings, "corpus")
    lookup = load_section(LookupSettings, "lookup")

    def find_caption(image: Image.Image) -> str:
        _, matches = recoverer.look_up(index, image, (), corpus.path, lookup)
        return str(matches.sort_values("rank")["caption"].iloc[0])

    planted = sorted({row.caption for row in lab.rows if row.multiplicity == 128})
    with tempfile.TemporaryDirectory() as temporary:
        scratch = arguments.scratch or Path(temporary)

        def scan_outputs(count: int, captions: Sequence[str], seed: int) -> pd.DataFrame:
            recipes = draw_recipes(count, captions, seed)
            scans = [scan_output(loaded, recipe, find_caption, scratch) for recipe in recipes]
            return pd.DataFrame([row for scan in scans for row in scan])

        rows = scan_outputs(arguments.outputs, held_out_captions(lab), OUTPUTS_SEED)
        planted_rows = scan_outputs(arguments.planted, planted, 2)
        ode = rows[(rows["file"] == "PNG") & rows["sampler"].isin(["ddim", "euler"])]
        by_bar = ode.assign(guidance=np.where(ode["guidance"] <= 3, "up to 3", ode["guidance"]))
        empty = rows[(rows["file"] == "PNG") & (rows["prompt"] == "empty")]
        by_sameness = empty.assign(same=pd.cut(empty["same"], list(SAMENESS_BANDS)))
        figures = {
            "outputs": arguments.outputs,
            "steps": STEPS,
            "z_needed": Z_NEEDED,
            "least": MIN_CORRELATION,
            "bars": recovery_rates(by_bar, ["guidance", "prompt"]),
            "by_sampler": recovery_rates(rows, ["file", "prompt", "sampler", "guidance"]),
            "by_sameness": recovery_rates(by_sameness.sort_values("same"), ["same"]),
            "by_protocol": recovery_rates(rows, ["rng"]),
            "planted_captions": recovery_rates(
                planted_rows[planted_rows["file"] == "PNG"], ["prompt"]
            ),
            "false_in_windows": int(rows["false"].sum() + planted_rows["false"].sum()),
            "negatives": scan_negatives(loaded, lab, arguments.negatives, arguments.seeds, scratch),
        }
    print_figures(figures)


if __name__ == "__main__":
    main()
