"""What the stages before the report write, small: three targets, two checkpoints, 99 controls.

``owl`` comes back on ``memorised``, not on ``clean``; ``heron`` on neither; ``flat`` is flat. The
findings are the real judge's; captions and names are as hostile as a stranger can make them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from seedwitness import config, records
from seedwitness.evidence.judging import Examined, judge
from seedwitness.pictures import pixel_hash
from seedwitness.stages import overview, report

HOSTILE = (
    "an owl <script>alert('x')</script> \"quoted\" & <img src=x onerror=alert(1)>\n"
    "\u202eturned\u202c {{ 7 * 7 }} {% raw %} https://example.com/picture.png\x07"
)
LONG = "feather " * 1250
TRIALS = 16
METRICS = {"descriptor": (True, "lab weights"), "patch-l2": (False, "no weights")}
TARGETS = ("owl", "heron", "flat")
CHECKPOINTS = ("memorised", "clean")
SETTINGS = {
    "targets": {name: {"path": f"data/targets/{name}.png"} for name in TARGETS},
    "checkpoints": {
        name: {"family": "diffusers", "path": f"models/{name}"} for name in CHECKPOINTS
    },
    "corpus": {"path": "data/pictures", "source": "pictures"},
    "clip": {"path": "data/clip"},
    "prepare": {"least_bits_per_pixel": 0.2, "least_deviation": 0.02, "least_busy_tiles": 0.05},
    "recover": {"methods": ["metadata", "user"]},
    "lookup": {},
    "search": {
        "strategy": {"name": "sweep"},
        "budget_nfe": 24 * TRIALS,
        "prompts": 2,
        "sampler": "ddim",
        "steps": 12,
        "guidance": 3.0,
    },
    "scan": {
        "protocols": ["torch-cpu"],
        "end_seed": 4096,
        "fit": {"guidances": [3.0], "samplers": ["ddim"], "steps": [12]},
    },
    "reach": {"strengths": [0.5, 1.0], "seeds": 2},
    "score": {"metrics": list(METRICS), "weights": {"descriptor": "data/descriptor.pt"}},
    "controls": {"path": "data/controls", "count": 99, "source": "held-out <pictures>"},
    "judge": {
        "metric": "descriptor",
        "copies": [{"metric": "patch-l2", "threshold": 0.15, "source": "Carlini et al."}],
        "reference": "clean",
        "resamples": 500,
    },
    "report": {"images": 3, "title": "Evidence report <case 12>"},
    "tracking": {},
}


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's root in which ``report`` and ``overview`` have run."""
    root = tmp_path_factory.mktemp("project")
    with inside(root):
        write_outputs(Path("data"))
        for name in TARGETS:
            report.run(name)
        overview.run()
    return root


def write_outputs(data: Path) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(SETTINGS, sort_keys=False))
    records.Corpus(
        source="the lab's pictures",
        rows=3140,
        sha256="c0" * 32,
        model="lab-clip",
        model_sha256="c1" * 32,
        model_label="lab weights",
        index="IndexFlatIP",
        recall_at_1=0.9953,
        recall_n=400,
        recall_what="JPEG at quality 40",
    ).write(data / "index" / "corpus.json")
    for name in CHECKPOINTS:
        identity(name).write(data / "identify" / name / "checkpoint.json")
        records.write_table(
            data / "controls" / name / "controls.parquet", controls(name), records.CONTROLS
        )
        records.write_table(
            data / "controls" / name / "reach.parquet",
            [
                {"control": f"control-{k:03}", "pixels_sha256": f"{k:064x}", **row}
                for k in range(6)
                for row in climbed(k)
            ],
            records.CONTROLS_REACH,
        )
    for seed, target in enumerate(TARGETS):
        picture = scene(seed) if target != "flat" else Image.new("RGB", (128, 128), "#d8d3c8")
        about = prepared(data, target, picture)
        recovered(data, target)
        looked_up(data, target, picture)
        for name in CHECKPOINTS:
            back = target == "owl" and name == "memorised"
            write_case(data, about, name, picture, back=back, seed=seed)


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


def identity(name: str) -> records.Checkpoint:
    return records.Checkpoint(
        name=name,
        family="diffusers",
        sha256=("a1" if name == "memorised" else "b2") * 32,
        components=[
            records.Component(
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
        "score": score,
    }


def controls(name: str) -> list[dict[str, object]]:
    rng = np.random.default_rng(len(name))
    return [
        {
            "control": f"control-{k:03}",
            "pixels_sha256": f"{k:064x}",
            "caption": "a heron at dusk",
            **scored(f"{k:03}-{trial}", metric, float(score)),
        }
        for k in range(99)
        for trial in range(TRIALS)
        for metric, score in zip(
            METRICS, (rng.uniform(0.1, 0.42), rng.uniform(0.24, 0.5)), strict=True
        )
    ]


def prepared(data: Path, target: str, picture: Image.Image) -> records.Target:
    folder = data / "prepare" / target
    folder.mkdir(parents=True)
    picture.save(folder / "image.png")
    flat = target == "flat"
    about = records.Target(
        name=target,
        file_name=f"{target} <b>été</b>.png",
        file_sha256="f5" * 32,
        file_bytes=48_211,
        pixels_sha256=pixel_hash(picture),
        width=picture.width,
        height=picture.height,
        format="PNG",
        mode="RGB",
        frames=1,
        changes=[] if flat else ["transparency over white"],
        exif={"Artist": '"><script>alert(2)</script>'},
        claims=[records.Claim(tool="AUTOMATIC1111", prompt=HOSTILE, seed=4_294_967_295, steps=20)]
        if target == "owl"
        else [],
        unread=["C2PA: <not looked for>"],
        information=records.Information(
            bits_per_pixel=0.01 if flat else 9.871, deviation=0.0 if flat else 0.2234, busy_tiles=0
        ),
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
    records.write_table(folder / "prompts.parquet", prompts(target), records.PROMPTS)
    records.Recovery(
        methods={"metadata": 1, "user": 1},
        model="lab-clip",
        model_sha256="c1" * 32,
        model_label="lab weights",
        token_limit=77,
        vocabulary=2048,
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
            "caption": HOSTILE if rank == 1 else LONG,
            "location": "data/pictures/seen/'owl'.png",
            "corpus_id": f"seen-{rank}",
            "duplicates": 128,
            "caption_score": 0.41,
            "caption_tokens": 12,
            "caption_bits": 132.0,
        }
        for rank in range(1, count + 1)
    ]
    records.write_table(folder / "matches.parquet", rows, records.MATCHES)
    if count:  # of the second match no picture was kept
        picture.resize((80, 64)).save(folder / "images" / "1.png")
    records.Query(
        corpus_sha256="c0" * 32,
        model="lab-clip",
        neighbours=10,
        prompts=[HOSTILE],
        near_duplicate=0.9,
    ).write(folder / "query.json")


def write_case(
    data: Path,
    about: records.Target,
    name: str,
    picture: Image.Image,
    *,
    back: bool,
    seed: int,
) -> None:
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

    # Without the closest, as where its latent was not kept.
    closest = sorted(range(TRIALS), key=lambda k: -near[k])
    for kind in ("images", "reference"):
        (folder / kind).mkdir(parents=True)
        for k in [] if kind == "reference" and itself else closest[1:5]:
            like = back and kind == "images"
            shown = scene(seed, 10.0 + k) if like else scene(100 * seed + k)
            shown.resize((128, 128)).save(folder / kind / f"{recipes[k].id}.png")
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
    if ladder:
        (reached / "images").mkdir()
        for number in range(3):
            scene(seed, 20.0 * number, (128, 128)).save(reached / "images" / f"{number}.png")
    looked = scan(target, name, recipes[0], recovered=back)
    looked.write(data / "scan" / target / name / "scan.json")
    if looked.regenerated:
        scene(seed, 1.0).resize((128, 128)).save(data / "scan" / target / name / "regenerated.png")
    case = Examined(
        target=about,
        checkpoint=identity(name),
        flat=["one grey level"] if target == "flat" else (),
        scores=scores,
        controls=records.read_table(
            data / "controls" / name / "controls.parquet", records.CONTROLS
        ),
        reference=None if itself else identity("clean"),
        reference_scores=reference_scores,
        search=searched,
        prompt_bits=201.5,
        scan=looked,
    )
    settings = config.validated(config.Judge, SETTINGS["judge"], "judge")
    judge(case, settings).write(data / "judge" / target / name / "finding.json")


def climbed(seed: int) -> list[dict[str, object]]:
    """A reachability ladder: two seeds for each strength, ever farther."""
    rng = np.random.default_rng(seed)
    steps = [("round trip", 0.0, 0)]
    steps += [("image to image", strength, n) for strength in (0.5, 1.0) for n in range(2)]
    rows = []
    for rung, strength, number in steps:
        for metric, score in zip(
            METRICS, (0.95 - 0.6 * strength, 0.05 + 0.3 * strength), strict=True
        ):
            row = scored("", metric, score + float(rng.uniform(-0.04, 0.04)))
            del row["trial"]
            rows.append({"rung": rung, "strength": strength, "seed": number, **row})
    return rows


def scan(target: str, name: str, recipe: records.Recipe, *, recovered: bool) -> records.Scan:
    """A scan that found the seed of ``recipe``, or none; ``flat`` has a size that nothing makes."""
    asked = records.Inversion(prompt=HOSTILE, guidance=1.0)
    recipe = replace(recipe, seed=271_828, rng="torch-cpu")
    z = 24.5 if recovered else 4.75
    best = records.ScannedSeed(
        seed=271_828,
        rng="torch-cpu",
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
