"""Writes the files of a finished pipeline of any size: real records with invented numbers.

For benchmarks and tests of code that reads all of these files, such as `publish`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from safetensors.numpy import save_file

from benchmarks.shared.empty_scan import empty_scan
from benchmarks.shared.invented_findings import case_findings
from seedwitness.config.reading import FILE_NAME, load_mapping
from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.imaging.perceptual_fingerprint import THUMBNAIL_SIDE, fingerprint_image
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.reasons import Reason
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import SearchSummary, TargetResize
from seedwitness.records.tables import (
    CONTROL_SCORES,
    CONTROL_TRIALS,
    REACH,
    SCORES,
    TRIALS,
    write_table,
)
from seedwitness.records.target import InformationContent, TargetRecord
from seedwitness.records.timing import SearchTiming
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import sha256_file

METRICS = ("lpips", "ssim", "psnr", "patch-l2", "descriptor", "clip", "pdq")
REFERENCE = "clean"
ROOT = Path(__file__).parents[2]


def write_project(
    root: Path,
    targets: Sequence[str] = ("owl", "fish"),
    checkpoints: Sequence[str] = ("tuned", REFERENCE),
    trials: int = 6,
    metrics: Sequence[str] = METRICS,
    seed: int = 1,
) -> None:
    """Write ``params.yaml``, ``data/`` and ``reports/`` below ``root``."""
    write_whole(root / FILE_NAME, yaml.safe_dump(_settings(checkpoints, metrics)))
    _write_corpus(root / "data" / "index" / "corpus.json")
    rng = np.random.default_rng(seed)
    for checkpoint in checkpoints:
        _write_controls(root / "data" / "controls" / checkpoint, metrics, rng)
    for target in targets:
        sha256 = _write_target(root / "data" / "prepare" / target, target, rng)
        write_target(target, TargetSettings(image=f"{target}.png", pixels_sha256=sha256), root)
        for name in ("report.html", "evidence.json"):
            write_whole(root / "reports" / target / name, f"{target}: {checkpoints}\n")
        for checkpoint in checkpoints:
            write_case(root, target, checkpoint, trials, metrics, seed)


def write_case(
    root: Path, target: str, checkpoint: str, trials: int, metrics: Sequence[str], seed: int
) -> None:
    """Write one case's search, replay, scan, score and judge; ``seed`` decides the scores."""
    entropy = sha256(f"{target}/{checkpoint}/{seed}".encode()).digest()
    rng = np.random.default_rng(list(entropy))
    recipes = [
        Recipe(f"a red {target}", number, 32, 32, "ddim", steps=12, guidance=3.0)
        for number in range(trials)
    ]
    folders = {stage: root / "data" / stage / target / checkpoint for stage in ("search", "replay")}
    for stage, folder in folders.items():
        # The reference is not compared with itself, so it replays nothing.
        executed = [] if (stage, checkpoint) == ("replay", REFERENCE) else recipes
        latents = rng.standard_normal((len(executed), 4, 4, 4), dtype=np.float32)
        folder.mkdir(parents=True, exist_ok=True)
        if executed:
            save_file({"latents": latents}, folder / "latents-0000.safetensors")
        rows = [_trial(recipe, row, latents[row], rng) for row, recipe in enumerate(executed)]
        write_table(folder / "trials.parquet", rows, TRIALS)
    _search_summary(target, checkpoint, recipes).write(folders["search"] / "search.json")
    empty_scan(target, checkpoint, "c" * 64).write(
        root / "data" / "scan" / target / checkpoint / "scan.json"
    )
    reach = root / "data" / "reach" / target / checkpoint / "reach.parquet"
    write_table(reach, [], REACH)
    timing = SearchTiming(seconds=trials, shards_computed=1, shards_cached=0, machine={})
    timing.write(root / "data" / "timings" / target / checkpoint / "timing.json")
    scores = root / "data" / "score" / target / checkpoint
    replayed = [] if checkpoint == REFERENCE else recipes
    _write_scores(scores / "scores.parquet", recipes, metrics, rng)
    _write_scores(scores / "reference.parquet", replayed, metrics, rng)
    case_findings(target, checkpoint).write(
        root / "data" / "judge" / target / checkpoint / "finding.json"
    )


def _settings(checkpoints: Sequence[str], metrics: Sequence[str]) -> dict[str, object]:
    """The committed settings, with these checkpoints and metrics."""
    settings = load_mapping(ROOT / FILE_NAME)
    checkpoint = next(iter(settings["checkpoints"].values()))
    settings["checkpoints"] = dict.fromkeys(checkpoints, checkpoint)
    settings["score"]["metrics"] = list(metrics)
    settings["controls"]["learned"] = None
    settings["judge"] |= {"reference": REFERENCE, "metric": metrics[0]}
    criterion = {"metric": metrics[0], "threshold": 0.15, "source": "invented"}
    settings["judge"]["copy_criteria"] = [criterion]
    return settings


def _write_target(folder: Path, name: str, rng: np.random.Generator) -> str:
    """Write what `prepare` writes; gives the hash of the pixels."""
    image = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / "image.png")
    TargetRecord(
        name=name,
        file_name=f"{name}.png",
        file_sha256=sha256_file(folder / "image.png"),
        file_bytes=(folder / "image.png").stat().st_size,
        pixels_sha256=hash_pixels(image),
        **fingerprint_image(image)._asdict(),
        width=16,
        height=16,
        format="PNG",
        mode="RGB",
        frames=1,
        changes=[],
        exif={},
        claims=[],
        unread=[],
        information=InformationContent(
            bits_per_pixel=20.0, deviation=0.3, busy_tiles=1.0, patch_contrast=0.3
        ),
    ).write(folder / "target.json")
    return hash_pixels(image)


def _write_corpus(path: Path) -> None:
    CorpusRecord(
        source="invented",
        rows=3,
        sha256="a" * 64,
        model="lab-clip",
        model_sha256="b" * 64,
        model_label="lab weights",
        index="IndexFlatIP",
        recall_at_1=1.0,
        recall_n=3,
    ).write(path)


def _write_controls(folder: Path, metrics: Sequence[str], rng: np.random.Generator) -> None:
    scores: list[dict[str, object]] = []
    trials: list[dict[str, object]] = []
    for number in range(104):
        image = {"control": str(number), "pixels_sha256": rng.bytes(32).hex()}
        recipe = Recipe("a control", number, 32, 32, "ddim", steps=12, guidance=3.0)
        latent = rng.standard_normal((4, 4, 4), dtype=np.float32)
        trials.append({**image, "use": "control", **_trial(recipe, number, latent, rng)})
        facts = {
            **image,
            "pdq": rng.bytes(32).hex(),
            "pdq_quality": 100,
            "thumbnail": rng.bytes(3 * THUMBNAIL_SIDE * THUMBNAIL_SIDE).hex(),
            "caption": "a control",
            "corpus_match": "",
            "trial": recipe.id,
        }
        scores += [{**facts, **_score(metric, rng.random())} for metric in metrics]
    write_table(folder / "controls.parquet", scores, CONTROL_SCORES)
    write_table(folder / "learned.parquet", [], CONTROL_SCORES)
    write_table(folder / "trials.parquet", trials, CONTROL_TRIALS)


def _trial(
    recipe: Recipe, row: int, latent: np.ndarray, rng: np.random.Generator
) -> dict[str, object]:
    return {
        **asdict(recipe),
        "trial": recipe.id,
        "parent": "",
        "strategy": "sweep",
        "prompt_rank": 1,
        "prompt_source": "corpus",
        "nfe": recipe.nfe,
        "noise_sha256": sha256(str(recipe.seed).encode()).hexdigest(),
        "latent_sha256": sha256(latent.tobytes()).hexdigest(),
        "latent_distance": rng.random(),
        "shard": "latents-0000.safetensors",
        "row": row,
    }


def _search_summary(target: str, checkpoint: str, recipes: Sequence[Recipe]) -> SearchSummary:
    return SearchSummary(
        target=target,
        checkpoint=checkpoint,
        checkpoint_sha256="c" * 64,
        strategy="sweep",
        distance="latent-rms",
        resize=TargetResize(
            rule="stretch", target_width=128, target_height=128, width=128, height=128
        ),
        budget_nfe=24 * len(recipes),
        nfe=24 * len(recipes),
        trials=len(recipes),
        prompts=[f"a red {target}"],
        ended="budget",
        end_reason=Reason(code="recipes-completed", values={"trials": len(recipes)}),
        best_trial=recipes[0].id,
        best_distance=0.1,
    )


def _score(metric: str, value: float) -> dict[str, object]:
    return {
        "metric": metric,
        "version": "1",
        "label": "lab weights",
        "weights_sha256": "d" * 64,
        "higher_is_closer": metric != "lpips",
        "lowest": 0.0,
        "highest": 1.0,
        "alignment": "as it is",
        "score": value,
    }


def _write_scores(
    path: Path, recipes: Sequence[Recipe], metrics: Sequence[str], rng: np.random.Generator
) -> None:
    values = rng.random((len(recipes), len(metrics)))
    rows = [
        {"trial": recipe.id, **_score(metric, values[row, column])}
        for row, recipe in enumerate(recipes)
        for column, metric in enumerate(metrics)
    ]
    write_table(path, rows, SCORES)
