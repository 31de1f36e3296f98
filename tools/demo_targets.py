"""Add the eight targets of `make demo`, and write the true answer for each.

    .venv/bin/python tools/demo_targets.py

Five are pictures of the lab, according to `data/lab/truth.parquet`: two planted, one seen once, one
held out, one twin. One is a rendered scene in no style of the lab, as an example of any other
picture. One is an output of `lab-memorised` with a known seed. One has a single colour.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import Lab, open_lab
from seedlab.sheets import to_image
from seedwitness.commands.targets import add_targets, remove_target
from seedwitness.config.targets import ProvenanceSettings, list_targets, write_target
from seedwitness.runtime.files import write_whole
from seedwitness.targets.target_reader import hash_target_pixels

LAB = Path("data/lab")
TRUTH = Path("data/targets/truth.json")
SEED = 3_141_592  # outside the seeds of the demo's search, inside the range of its seed scan
DRAWN = ProvenanceSettings(
    date="2026-11-23",
    source="data/lab/truth.parquet, which describes the picture, by this repository's history",
)
RECIPE = {"num_inference_steps": 20, "guidance_scale": 3.0}

Array = np.ndarray[Any, Any]


def choose_targets(lab: Lab) -> dict[str, PictureRecord]:
    """The first picture of each kind; planted ones have no twin and a caption of their own."""
    rows = lab.rows
    with_twin = {row.twin_of for row in rows}
    captions = Counter(row.caption for row in rows if row.split == "planted")

    def first(split: str, multiplicity: int | None = None) -> PictureRecord:
        return next(
            row
            for row in rows
            if row.split == split
            and multiplicity in (None, row.multiplicity)
            and row.id not in with_twin
            and (split != "planted" or captions[row.caption] == 1)
        )

    return {
        "planted-128": first("planted", 128),
        "planted-32": first("planted", 32),
        "seen-once": first("once"),
        "held-out": first("held_out"),
        "twin": first("twin"),
    }


def render_scene(side: int = 256, samples: int = 64) -> Image.Image:
    """Three spheres on a tiled floor, rendered by ray tracing with soft light, focus and grain."""
    rng = np.random.default_rng(20)
    centres = np.array([[-1.15, 0.75, 0.4], [0.55, 0.5, -0.5], [1.55, 0.35, 0.75]])
    radii = np.array([0.75, 0.5, 0.35])
    colours = np.array([[0.75, 0.22, 0.16], [0.20, 0.42, 0.52], [0.86, 0.72, 0.36]])
    total = np.zeros((side, side, 3))
    rows, columns = np.mgrid[0:side, 0:side]
    for _ in range(samples):
        x = (columns + rng.random((side, side))) / side * 2 - 1
        y = 1 - (rows + rng.random((side, side))) / side * 2
        lens = rng.normal(size=(side, side, 2)) * 0.035
        eye = np.stack([lens[..., 0], 1.3 + lens[..., 1], np.full((side, side), 5.2)], -1)
        focus = np.stack([x * 1.75, 0.5 + y * 1.75, np.full((side, side), 0.2)], -1)
        total += _trace_rays(eye, focus - eye, centres, radii, colours, rng)
    picture = total / samples
    picture *= 1 - 0.28 * (((columns / side - 0.5) ** 2 + (rows / side - 0.5) ** 2) * 2)[..., None]
    picture = np.clip(picture, 0, 1) ** (1 / 2.2) + rng.normal(scale=0.012, size=picture.shape)
    return Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8), "RGB")


def _intersect(origin: Array, way: Array, centres: Array, radii: Array) -> tuple[Array, Array]:
    """Distance along each ray to the nearest sphere (infinite without one), and its index."""
    far = np.full(way.shape[:2], np.inf)
    which = np.full(way.shape[:2], -1)
    for k, (centre, radius) in enumerate(zip(centres, radii, strict=True)):
        to = origin - centre
        b = (to * way).sum(-1)
        inside = b**2 - ((to**2).sum(-1) - radius**2)
        t = -b - np.sqrt(np.maximum(inside, 0))
        hit = (inside > 0) & (t > 1e-3) & (t < far)
        far, which = np.where(hit, t, far), np.where(hit, k, which)
    return far, which


def _trace_rays(
    origin: Array,
    way: Array,
    centres: Array,
    radii: Array,
    colours: Array,
    rng: np.random.Generator,
) -> Array:
    """Colour of each ray: spheres, floor or sky, with shadows and fog."""
    way = way / np.linalg.norm(way, axis=-1, keepdims=True)
    far, which = _intersect(origin, way, centres, radii)
    floor = np.where(way[..., 1] < -1e-4, -origin[..., 1] / np.minimum(way[..., 1], -1e-4), np.inf)
    on_floor = floor < far
    t = np.minimum(far, floor)
    up = way[..., 1]
    sky = np.stack([0.46 + 0.2 * up, 0.55 + 0.25 * up, 0.66 + 0.3 * up], -1)
    at = origin + way * np.where(np.isfinite(t), t, 0)[..., None]
    normal = np.where(
        on_floor[..., None], [0.0, 1.0, 0.0], (at - centres[which]) / radii[which][..., None]
    )
    tile = (np.floor(at[..., 0] * 1.3) + np.floor(at[..., 2] * 1.3)) % 2
    grain = 0.04 * np.sin(9 * at[..., 0] + 3 * np.sin(4 * at[..., 2]))
    ground = np.stack([0.60 - 0.3 * tile + grain, 0.55 - 0.3 * tile + grain, 0.5 - 0.28 * tile], -1)
    base = np.where(on_floor[..., None], ground, colours[which])
    light = np.array([-3.0, 5.0, 3.5]) + rng.normal(size=at.shape) * 0.45  # an area light
    to_light = light - at
    to_light /= np.linalg.norm(to_light, axis=-1, keepdims=True)
    shaded, _ = _intersect(at + normal * 1e-3, to_light, centres, radii)
    lit = np.isinf(shaded)[..., None] * np.maximum((normal * to_light).sum(-1), 0)[..., None]
    half = to_light - way
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    shine = np.maximum((normal * half).sum(-1), 0)[..., None] ** 60 * ~on_floor[..., None]
    colour = base * (0.22 + 0.85 * lit) + 0.5 * shine * np.isinf(shaded)[..., None]
    fog = np.clip((t - 7) / 12, 0, 1)[..., None]
    result: Array = np.where(np.isfinite(t)[..., None], colour * (1 - fog) + sky * fog, sky)
    return result


def generate_output(caption: str) -> Image.Image:
    """An output of ``lab-memorised`` for ``caption``, by StableDiffusionPipeline."""
    from diffusers import StableDiffusionPipeline

    folder = LAB / "checkpoints" / "lab-memorised"
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator().manual_seed(SEED)
    image: Image.Image = pipeline(caption, generator=noise, **RECIPE).images[0]
    return image


def main() -> None:
    """Add the targets, as ``seedwitness add`` does, and write ``data/targets/truth.json``.

    Those of an earlier demonstration are removed if their pixels differ, as on another machine.
    """
    lab = open_lab(LAB)
    rows = choose_targets(lab)
    images = {
        name: to_image(pixels)
        for name, pixels in zip(rows, lab.load_or_draw(list(rows.values())), strict=True)
    }
    held_out = [row for row in lab.rows if row.split == "held_out"]
    caption = held_out[1].caption
    images["rendered-scene"] = render_scene()
    images["generated"] = generate_output(caption)
    images["flat"] = Image.new("RGB", (128, 128), (214, 206, 190))
    known: dict[str, dict[str, Any]] = {
        name: {"split": row.split, "multiplicity": row.multiplicity, "id": row.id}
        for name, row in rows.items()
    }
    known["rendered-scene"] = {"split": "elsewhere", "what": "a rendered scene"}
    known["generated"] = {"split": "generated", "caption": caption, "seed": SEED, **RECIPE}
    known["flat"] = {"split": "elsewhere", "what": "one colour"}
    with TemporaryDirectory() as folder:
        for name, image in images.items():
            image.save(Path(folder) / f"{name}.png", "PNG", optimize=True)
        earlier = list_targets()
        for name in images:
            new = hash_target_pixels(Path(folder) / f"{name}.png")
            if name in earlier and earlier[name].pixels_sha256 != new:
                remove_target(name)
        added = add_targets([Path(folder)])
    for name in rows:  # what a user would state: the lab's truth was there before the checkpoint
        write_target(name, list_targets()[name].model_copy(update={"provenance": DRAWN}))
    write_whole(TRUTH, json.dumps(known, indent=1) + "\n")
    sys.stdout.write(f"{len(added)} targets in {TRUTH.parent}\n")


if __name__ == "__main__":
    main()
