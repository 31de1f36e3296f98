"""What the stages before a case write, small: three targets, two checkpoints, 99 controls.

Captions and names are as hostile as a stranger can make them.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from seedwitness.imaging.decoding import hash_pixels
from seedwitness.imaging.perceptual_fingerprint import fingerprint_image
from seedwitness.records.checkpoint import CheckpointComponent, CheckpointIdentity
from seedwitness.records.corpus import LookupQuery
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.tables import MATCHES, PROMPTS, write_table
from seedwitness.records.target import (
    Claim,
    ClaimedLora,
    ClaimedVariation,
    ContentCredentials,
    InformationContent,
    Provenance,
    TargetRecord,
)
from seedwitness.statistics.description_length import TEXT_CODE

HOSTILE = (
    "an owl <script>alert('x')</script> \"quoted\" & <img src=x onerror=alert(1)>\n"
    "\u202eturned\u202c {{ 7 * 7 }} {% raw %} https://example.com/picture.png\x07"
)
LONG = "feather " * 1250
TRIAL_COUNT = 16
METRICS = {"descriptor": (True, "lab weights"), "patch-l2": (False, "no weights")}
TARGETS = ("owl", "heron", "flat")
CHECKPOINTS = ("memorised", "clean")
SETTINGS = {
    "checkpoints": {
        name: {"family": "diffusers", "path": f"models/{name}", "watch": f"models/{name}"}
        for name in CHECKPOINTS
    },
    "corpus": {"path": "data/pictures", "source": "pictures"},
    "clip": {"path": "data/clip", "watch": "data/clip"},
    "prepare": {"min_bits_per_pixel": 0.2, "min_deviation": 0.02, "min_busy_tiles": 0.05},
    "recover": {"methods": ["metadata", "user"]},
    "lookup": {},
    "search": {
        "strategy": {"name": "sweep"},
        "budget_nfe": 24 * TRIAL_COUNT,
        "prompts": 2,
        "sampler": "ddim",
        "steps": 12,
        "guidance": 3.0,
    },
    "scan": {
        "rng_algorithms": ["torch-cpu"],
        "end_seed": 4096,
        "recipe_fit": {"guidances": [3.0], "samplers": ["ddim"], "steps": [12]},
    },
    "detectors": {"names": ["one-step", "most-alike"], "seeds": 3, "controls": 6},
    "reach": {"strengths": [0.5, 1.0], "seeds": 2},
    "score": {
        "metrics": [*METRICS, "dinov2"],  # which no weights are named for
        "weights": {"descriptor": "data/descriptor.pt"},
        "watch": "data",
    },
    "controls": {
        "draw_by": "data/plan/controls.json",
        "path": "data/controls",
        "count": 99,
        "source": "held-out <pictures>",
        "watch": "data",
        "learned": {
            "folders": {"memorised": "data/known"},
            "count": 14,
            "source": "planted <pictures>",
        },
    },
    "judge": {
        "metric": "descriptor",
        "copy_criteria": [{"metric": "patch-l2", "threshold": 0.15, "source": "Carlini et al."}],
        "reference": "clean",
        "published": {"memorised": "2024-02-29"},
        "resamples": 500,
    },
    "report": {"images": 3, "title": "Evidence report <case 12>"},
    "tracking": {},
}


def scene(seed: int, noise: float = 0.0, size: tuple[int, int] = (160, 128)) -> Image.Image:
    """Coloured discs over a gradient, the same for a seed, with noise on top."""
    rng = np.random.default_rng(seed)
    height, width = size[1], size[0]
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([90 + 80 * x / width, 100 + 60 * y / height, 130 + 0 * x], -1)
    for _ in range(9):
        centre, radius = rng.uniform((0, 0), (width, height)), rng.uniform(10, 34)
        inside_disc = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
        pixels[inside_disc] = rng.uniform(30, 240, 3)
    pixels += noise * np.random.default_rng(seed + 99).normal(size=pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def identity(name: str) -> CheckpointIdentity:
    return CheckpointIdentity(
        name=name,
        family="diffusers",
        sha256=sha256(name.encode()).hexdigest(),
        components=[
            CheckpointComponent(
                name="unet",
                parameters=4_123_456,
                files={"diffusion_pytorch_model.safetensors": "d3" * 32},
            )
        ],
        latent_channels=8,
        latent_scale=8,
        width=128,
        height=128,
        prompt_limit=77,
        prediction_type="epsilon",
        dtype="float32",
    )


def scored(trial: str, metric: str, score: float) -> dict[str, object]:
    higher, label = METRICS[metric]
    return {
        "trial": trial,
        "metric": metric,
        "version": "1",
        "label": label,
        "weights_sha256": "e4" * 32 if label == "lab weights" else "",
        "higher_is_closer": higher,
        "lowest": -1.0 if higher else 0.0,
        "highest": 1.0,
        "alignment": "as it is",
        "score": score,
    }


def controls(name: str, *, learned: bool = False) -> list[dict[str, object]]:
    rng = np.random.default_rng(len(name))
    ranges = ((0.6, 0.95), (0.05, 0.2)) if learned else ((0.1, 0.42), (0.24, 0.5))
    return [
        {
            "control": f"{'known' if learned else 'control'}-{k:03}",
            "pixels_sha256": f"{k + 1000 * learned:064x}",
            "pdq": sha256(f"{k} {learned}".encode()).hexdigest(),
            "pdq_quality": 100,
            "thumbnail": "80" * 192,
            "caption": "a heron at dusk",
            "corpus_match": "",
            **scored(f"{k:012}{trial:04}", metric, float(score)),
        }
        for k in range(14 if learned else 99)
        for trial in range(TRIAL_COUNT)
        for metric, score in zip(METRICS, (rng.uniform(*each) for each in ranges), strict=True)
    ]


def prepared(data: Path, target: str, picture: Image.Image) -> TargetRecord:
    folder = data / "prepare" / target
    folder.mkdir(parents=True)
    picture.save(folder / "image.png")
    flat = target == "flat"
    about = TargetRecord(
        name=target,
        file_name=f"{target} <b>été</b>.png",
        file_sha256="f5" * 32,
        file_bytes=48_211,
        pixels_sha256=hash_pixels(picture),
        **fingerprint_image(picture)._asdict(),
        width=picture.width,
        height=picture.height,
        format="PNG",
        mode="RGB",
        frames=1,
        changes=[] if flat else ["transparency over white"],
        exif={"Artist": '"><script>alert(2)</script>'},
        xmp={"dc:creator": "<script>alert(3)</script>"},
        content_credentials=ContentCredentials(
            state="Invalid", claim_generator="<b>maker</b>", failures=["claimSignature.mismatch"]
        ),
        claims=[
            Claim(
                tool="AUTOMATIC1111",
                prompt=HOSTILE,
                seed=4_294_967_295,
                variations=[ClaimedVariation(seed=42, strength=0.2)],
                steps=20,
                clip_skip=2,
                loras=[ClaimedLora(name="<i>ink</i>", weight=0.8)],
            )
        ]
        if target == "owl"
        else [],
        unread=["C2PA: <not looked for>"],
        information=InformationContent(
            bits_per_pixel=0.01 if flat else 9.871,
            deviation=0.0 if flat else 0.2234,
            busy_tiles=0,
            patch_contrast=0.3,
        ),
        provenance=Provenance(date="2019-05-01", source="<i>a printing</i>"),
    )
    about.write(folder / "target.json")
    return about


def prompts(target: str) -> list[dict[str, object]]:
    texts = [(HOSTILE, "corpus", "lookup"), (LONG, "user", "user")]
    return [
        {
            "rank": rank,
            "text": text,
            "source": source,
            "method": method,
            "score": 0.3123 / rank if rank == 1 else float("nan"),
            "tokens": 17 * rank,
            "bits": 201.5 * rank,
        }
        for rank, (text, source, method) in enumerate(texts, start=1)
    ]


def recovered(data: Path, target: str) -> None:
    folder = data / "recover" / target
    write_table(folder / "prompts.parquet", prompts(target), PROMPTS)
    PromptRecovery(
        methods={"metadata": 1, "user": 1},
        model="lab-clip",
        model_sha256="c1" * 32,
        model_label="lab weights",
        token_limit=77,
        vocabulary=2048,
        code=TEXT_CODE,
    ).write(folder / "recover.json")


def looked_up(data: Path, target: str, picture: Image.Image) -> None:
    folder = data / "lookup" / target
    (folder / "images").mkdir(parents=True)
    count = 0 if target == "heron" else 2
    rows = [
        {
            "rank": rank,
            "modality": "image" if rank == 1 else "text",
            "query": "" if rank == 1 else HOSTILE,
            "similarity": 0.991 / rank,
            "phash_distance": 2 * rank,
            "pdq_distance": 11 * rank,
            "pdq_quality": 100,
            "thumbnail": "80" * 192,
            "descriptor": 0.97 / rank,
            "copy_by": "pdq" if rank == 1 else "",
            "caption": HOSTILE if rank == 1 else LONG,
            "url": "",
            "location": "data/pictures/seen/'owl'.png",
            "corpus_id": f"seen-{rank}",
            "duplicates": 128,
            "copies": 64,
            "caption_score": 0.41,
            "caption_tokens": 12,
            "caption_bits": 132.0,
        }
        for rank in range(1, count + 1)
    ]
    write_table(folder / "matches.parquet", rows, MATCHES)
    if count:  # of the second match no picture was kept
        picture.resize((80, 64)).save(folder / "images" / "1.png")
    LookupQuery(
        corpus_sha256="c0" * 32,
        model="lab-clip",
        neighbours=10,
        prompts=[HOSTILE],
        near_duplicate=0.9,
    ).write(folder / "query.json")


def coded() -> list[dict[str, object]]:
    """Files of two codecs: each twice as large, and half as far off, as the one before."""
    rows = []
    for codec, size in (("jpeg", 300), ("webp", 100)):
        for quality in range(6):
            row = scored("", "patch-l2", 0.4 / 2**quality)
            del row["trial"]
            size *= 2
            rows.append({"codec": codec, "reduction": 1, "quality": quality, "bytes": size, **row})
    return rows


def detected(seed: int) -> list[dict[str, object]]:
    """Two detectors, of which one says "not at all" without a number where ``seed`` is even."""
    rng = np.random.default_rng(seed)
    return [
        {
            "detector": name,
            "source": "Somebody <et al.>, 2024",
            "needs": needs,
            "prompt": HOSTILE,
            "seeds": 3,
            "value": float(rng.normal()) if needs == "prompt" or seed % 2 else float("-inf"),
            "nfe": 6 * cost,
            "backward": cost - 1,
        }
        for name, needs, cost in (("one-step", "prompt", 1), ("most-alike", "picture", 12))
    ]


def climbed(seed: int) -> list[dict[str, object]]:
    """A reachability ladder: two seeds for each strength, ever farther."""
    rng = np.random.default_rng(seed)
    steps = [("round trip", 0.0, 0)]
    steps += [("image to image", strength, n) for strength in (0.5, 1.0) for n in range(2)]
    steps += [("words alone", share, 0) for share in (1.0, 0.0)]
    rows = []
    for rung, strength, number in steps:
        far = 1.2 - 0.2 * strength if rung == "words alone" else strength
        prompt = HOSTILE if rung != "round trip" and strength else ""
        for metric, score in zip(METRICS, (0.95 - 0.6 * far, 0.05 + 0.3 * far), strict=True):
            row = scored("", metric, score + float(rng.uniform(-0.04, 0.04)))
            del row["trial"]
            about = {"rung": rung, "strength": strength, "seed": number, "prompt": prompt}
            rows.append({**about, **row})
    return rows
