"""Writes the files of a finished pipeline, invented but of the real kinds, at any size.

For what reads them all, such as `publish`: the numbers mean nothing, the records are the real ones.
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
from unscanned import unscanned

from seedwitness.config.reading import FILE_NAME, load_mapping
from seedwitness.imaging.decoding import pixel_hash
from seedwitness.imaging.perceptual_fingerprint import SIDE, fingerprint_image
from seedwitness.records.corpus import CorpusRecord
from seedwitness.records.findings import (
    CaseFindings,
    CopyCount,
    CopyCriterion,
    MemorisedFinding,
    Rank,
    RankedStatistic,
)
from seedwitness.records.pass_phrase import PassPhrase, SeedCost
from seedwitness.records.rates import Rate
from seedwitness.records.recipe import Recipe
from seedwitness.records.search import SearchSummary
from seedwitness.records.tables import CONTROL_SCORES, REACH, SCORES, TRIALS, write_table
from seedwitness.records.target import InformationContent, TargetRecord
from seedwitness.runtime.files import sha256_file, write_whole
from seedwitness.verdict.generated import generated

METRICS = ("lpips", "ssim", "psnr", "patch-l2", "descriptor", "clip", "pdq")
REFERENCE = "clean"
CONF = Path(__file__).parents[1] / "conf"


def write(
    root: Path,
    targets: Sequence[str] = ("owl", "fish"),
    checkpoints: Sequence[str] = ("tuned", REFERENCE),
    trials: int = 6,
    metrics: Sequence[str] = METRICS,
    seed: int = 1,
) -> None:
    """Write ``params.yaml``, ``data/`` and ``reports/`` below ``root``."""
    write_whole(root / FILE_NAME, yaml.safe_dump(_params(targets, checkpoints, metrics)))
    _corpus(root / "data" / "index" / "corpus.json")
    rng = np.random.default_rng(seed)
    for checkpoint in checkpoints:
        _controls(root / "data" / "controls" / checkpoint, metrics, rng)
    for target in targets:
        _target(root / "data" / "prepare" / target, target, rng)
        for name in ("report.html", "evidence.json"):
            write_whole(root / "reports" / target / name, f"{target}: {checkpoints}\n")
        for checkpoint in checkpoints:
            case(root, target, checkpoint, trials, metrics, seed)


def case(
    root: Path, target: str, checkpoint: str, trials: int, metrics: Sequence[str], seed: int
) -> None:
    """Write search, replay, score and judge of one case; the seed decides the scores."""
    name = sha256(f"{target}/{checkpoint}/{seed}".encode()).digest()
    rng = np.random.default_rng(list(name))
    recipes = [
        Recipe(f"a red {target}", number, 32, 32, "ddim", steps=12, guidance=3.0)
        for number in range(trials)
    ]
    places = {stage: root / "data" / stage / target / checkpoint for stage in ("search", "replay")}
    for folder in places.values():
        replayed = folder == places["replay"]
        kept = [] if replayed and checkpoint == REFERENCE else recipes
        latents = rng.standard_normal((len(kept), 4, 4, 4), dtype=np.float32)
        folder.mkdir(parents=True, exist_ok=True)
        if kept:
            save_file({"latents": latents}, folder / "latents-0000.safetensors")
        rows = [_trial(recipe, row, latents[row], rng) for row, recipe in enumerate(kept)]
        write_table(folder / "trials.parquet", rows, TRIALS)
    _search(target, checkpoint, recipes).write(places["search"] / "search.json")
    unscanned(target, checkpoint, "c" * 64).write(
        root / "data" / "scan" / target / checkpoint / "scan.json"
    )
    climbed = root / "data" / "reach" / target / checkpoint / "reach.parquet"
    write_table(climbed, [], REACH)
    seconds = root / "data" / "seconds" / target / checkpoint
    write_whole(seconds / "search.json", f'{{"seconds": {len(recipes)}}}\n')
    score = root / "data" / "score" / target / checkpoint
    reference = [] if checkpoint == REFERENCE else recipes
    _scores(score / "scores.parquet", recipes, metrics, rng)
    _scores(score / "reference.parquet", reference, metrics, rng)
    finding(target, checkpoint).write(
        root / "data" / "judge" / target / checkpoint / "finding.json"
    )


def finding(target: str, checkpoint: str) -> CaseFindings:
    """A finding with a statistic, a rank and one metric's copies."""
    rate = Rate(hits=2, n=6, low=0.04, high=0.78, what="regenerations")
    return CaseFindings(
        target=target,
        checkpoint=checkpoint,
        checkpoint_sha256="c" * 64,
        memorised=MemorisedFinding(
            finding="supported",
            reasons=["nearer than all controls"],
            limits=[],
            statistic=RankedStatistic(
                metric="descriptor",
                version="1",
                label="lab weights",
                weights_sha256="d" * 64,
                higher_is_closer=True,
                value=0.75,
                selection="best of all trials",
            ),
            rank=Rank(
                at_least_as_close=0,
                controls=104,
                p=1 / 105,
                family=1,
                p_family=1 / 105,
                resolution=1 / 105,
                alpha=0.01,
            ),
            copies=CopyCount(
                criteria=[
                    CopyCriterion(
                        metric="patch-l2", threshold=0.15, higher_is_closer=False, source="invented"
                    )
                ],
                rate=rate,
                best_trial=None,
                reference_rate=None,
            ),
            reference=None,
            likelihood=None,
        ),
        generated=generated(unscanned(target, checkpoint, "c" * 64), ()),
        phrase=PassPhrase(
            prompt=f"a red {target}",
            prompt_rank=1,
            prompt_bits=40,
            settings_bits=50,
            seeds=SeedCost(copies=rate, bits=1.58, low=0.36, high=4.64),
            bits=91.58,
            low=90.36,
            high=94.64,
            reference=None,
            distortions=[],
        ),
    )


def _params(
    targets: Sequence[str], checkpoints: Sequence[str], metrics: Sequence[str]
) -> dict[str, object]:
    """The committed settings, with these targets, checkpoints and metrics."""
    found = load_mapping(CONF.parent / FILE_NAME)
    described = next(iter(found["checkpoints"].values()))
    found["targets"] = {name: {"path": f"data/targets/{name}.png"} for name in targets}
    found["checkpoints"] = dict.fromkeys(checkpoints, described)
    found["score"]["metrics"] = list(metrics)
    found["controls"]["known"] = None
    found["judge"] |= {"reference": REFERENCE, "metric": metrics[0]}
    found["judge"]["copies"] = [{"metric": metrics[0], "threshold": 0.15, "source": "invented"}]
    return found


def _target(folder: Path, name: str, rng: np.random.Generator) -> None:
    image = Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / "image.png")
    TargetRecord(
        name=name,
        file_name=f"{name}.png",
        file_sha256=sha256_file(folder / "image.png"),
        file_bytes=(folder / "image.png").stat().st_size,
        pixels_sha256=pixel_hash(image),
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


def _corpus(path: Path) -> None:
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


def _controls(folder: Path, metrics: Sequence[str], rng: np.random.Generator) -> None:
    rows = [
        {
            "control": str(number),
            "pixels_sha256": rng.bytes(32).hex(),
            "pdq": rng.bytes(32).hex(),
            "pdq_quality": 100,
            "thumbnail": rng.bytes(3 * SIDE * SIDE).hex(),
            "caption": "a control",
            "corpus_match": "",
            "trial": rng.bytes(8).hex(),
            **_score(metric, rng.random()),
        }
        for number in range(104)
        for metric in metrics
    ]
    write_table(folder / "controls.parquet", rows, CONTROL_SCORES)


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
        "guide": rng.random(),
        "shard": "latents-0000.safetensors",
        "row": row,
    }


def _search(target: str, checkpoint: str, recipes: Sequence[Recipe]) -> SearchSummary:
    return SearchSummary(
        target=target,
        checkpoint=checkpoint,
        checkpoint_sha256="c" * 64,
        strategy="sweep",
        guide="latent-rms",
        budget_nfe=24 * len(recipes),
        nfe=24 * len(recipes),
        trials=len(recipes),
        prompts=[f"a red {target}"],
        stopped="budget spent",
        ended="budget",
        best_trial=recipes[0].id,
        best_guide=0.1,
        ledger="0" * 32,
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


def _scores(
    path: Path, recipes: Sequence[Recipe], metrics: Sequence[str], rng: np.random.Generator
) -> None:
    values = rng.random((len(recipes), len(metrics)))
    rows = [
        {"trial": recipe.id, **_score(metric, values[row, column])}
        for row, recipe in enumerate(recipes)
        for column, metric in enumerate(metrics)
    ]
    write_table(path, rows, SCORES)
