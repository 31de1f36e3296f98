"""Load the metrics by the names in ``score.metrics``, and score trials by all of them.

Every metric compares pictures of one size: ``imaging.alignment`` resizes a target to the generated
size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seedwitness.config.names import PROMPT_METRIC
from seedwitness.config.reading import suggest_names
from seedwitness.errors import ConfigError
from seedwitness.metrics import (
    MetricInfo,
    clip_score,
    descriptor,
    dinov2,
    dreamsim,
    lpips_distance,
    patch_l2,
    pdq,
    phash,
    pixels,
)
from seedwitness.runtime.devices import default_device
from seedwitness.statistics.distances import distance_of


@dataclass(frozen=True)
class Metric:
    """A loaded metric: its record, and a function that scores pictures against one target.

    ``score`` takes uint8 [n, 3, h, w] and the target [3, h, w], and returns [n]. If
    ``needs_prompt``, it takes the n prompts of the pictures instead of a target.
    """

    info: MetricInfo
    score: Callable[[Tensor, Any], Tensor]
    needs_prompt: bool = False


def _load_descriptor(weights: Path, batch_size: int, device: torch.device) -> Metric:
    network = descriptor.load_descriptor(weights, device)

    def score(pictures: Tensor, target: Tensor) -> Tensor:
        return (network.embed(pictures, batch_size) @ network.embed(target[None]).T)[:, 0]

    return Metric(network.info, score)


def _load_clip(weights: Path, batch_size: int, device: torch.device) -> Metric:
    clip = clip_score.load_clip(weights, device)

    def score(pictures: Tensor, target: Tensor) -> Tensor:
        return (clip.embed_images(pictures, batch_size) @ clip.embed_images(target[None]).T)[:, 0]

    return Metric(clip.info, score)


def _load_clip_text(weights: Path, batch_size: int, device: torch.device) -> Metric:
    clip = clip_score.load_clip(weights, device)
    return Metric(
        clip.info, partial(clip_score.score_prompts, clip, batch_size=batch_size), needs_prompt=True
    )


def _load_lpips(weights: Path, batch_size: int, device: torch.device) -> Metric:
    net_by_file = {file: net for net, file in lpips_distance.TRUNKS.items()}
    if weights.name in net_by_file:
        network = lpips_distance.load_published(weights, net_by_file[weights.name], device)
    else:
        network = lpips_distance.load_lab(weights, device)

    def score(pictures: Tensor, target: Tensor) -> Tensor:
        return lpips_distance.score_pairs(network, pictures, target[None], batch_size)

    return Metric(network.info, score)


def _make_pair_metric(info: MetricInfo, score_pairs: Callable[[Tensor, Tensor], Tensor]) -> Metric:
    return Metric(info, lambda pictures, target: score_pairs(pictures, target.expand_as(pictures)))


def _load_dinov2(weights: Path, batch_size: int, device: torch.device) -> Metric:
    network = dinov2.load_dinov2(weights, device)

    def score(pictures: Tensor, target: Tensor) -> Tensor:
        return (network.embed(pictures, batch_size) @ network.embed(target[None]).T)[:, 0]

    return Metric(network.info, score)


def _load_dreamsim(weights: Path, batch_size: int, device: torch.device) -> Metric:
    network = dreamsim.load_dreamsim(weights, device)
    return _make_pair_metric(network.info, partial(network.score_pairs, batch_size=batch_size))


WEIGHTED_METRICS: Mapping[str, Callable[[Path, int, torch.device], Metric]] = {
    "clip": _load_clip,
    PROMPT_METRIC: _load_clip_text,
    "descriptor": _load_descriptor,
    "dinov2": _load_dinov2,
    "dreamsim": _load_dreamsim,
    "lpips": _load_lpips,
}
"""Metrics that need weights; ``clip`` is the cosine of the embeddings of two images, ``clip-text``
that of an image and its prompt."""

WEIGHTLESS_METRICS: Mapping[str, Metric] = {
    "ms-ssim": _make_pair_metric(pixels.MS_SSIM, pixels.score_ms_ssim),
    "patch-l2": _make_pair_metric(patch_l2.INFO, patch_l2.score_pairs),
    "pdq": _make_pair_metric(pdq.INFO, pdq.score_pairs),
    "phash": _make_pair_metric(phash.INFO, phash.score_pairs),
    "psnr": _make_pair_metric(pixels.PSNR, pixels.score_psnr),
    "ssim": _make_pair_metric(pixels.SSIM, pixels.score_ssim),
}


def load_metrics(
    names: Sequence[str],
    weights: Mapping[str, Path],
    batch_size: int,
    device: torch.device | None = None,
) -> dict[str, Metric]:
    """Load the metrics ``names``, in that order.

    ``device`` defaults to the GPU if there is one. Raises ConfigError for an unknown name, or if
    ``weights`` has no file for a metric that needs one; CheckpointError if a weights file is
    missing or contradicts its card.
    """
    known_names = [*WEIGHTED_METRICS, *WEIGHTLESS_METRICS]
    for name in [*names, *weights]:
        if name not in known_names:
            raise ConfigError(
                f"score: there is no metric `{name}`.{suggest_names(name, known_names)}"
            )
    without_weights = [name for name in names if name in WEIGHTED_METRICS and name not in weights]
    if without_weights:
        raise ConfigError(
            f"score.weights names no file for `{without_weights[0]}`. Name one in conf/score, or "
            "remove the metric from score.metrics."
        )
    device = device or default_device()
    return {
        name: _on_device(
            device,
            WEIGHTED_METRICS[name](weights[name], batch_size, device)
            if name in WEIGHTED_METRICS
            else WEIGHTLESS_METRICS[name],
        )
        for name in names
    }


def _on_device(device: torch.device, metric: Metric) -> Metric:
    """Make the metric compute on a device and return its scores on the CPU."""

    def score(pictures: Tensor, reference: Any) -> Tensor:
        moved = reference.to(device) if isinstance(reference, Tensor) else reference
        return metric.score(pictures.to(device), moved).cpu()

    return replace(metric, score=score)


def score_best_alignment(
    metric: Metric, pictures: Tensor, alignments: Mapping[str, Tensor]
) -> tuple[list[float], list[str]]:
    """Score each picture against the target in its closest alignment; return that alignment too.

    ``alignments`` are those of ``make_alignments``; ties go to the first.
    """
    names = list(alignments)
    scores = torch.stack([metric.score(pictures, alignments[name]).cpu() for name in names])
    distances = distance_of(scores.numpy(), metric.info.higher_is_closer)  # [alignments, n]
    best = torch.from_numpy(distances.argmin(0))
    best_scores = scores.gather(0, best[None])[0]
    return best_scores.tolist(), [names[position] for position in best.tolist()]


def select_closest_trials(rows: Sequence[Mapping[str, Any]], count: int) -> set[str]:
    """Select the trials that are among the ``count`` closest by any metric, from SCORES rows.

    Metrics without a target are skipped, because they do not measure closeness. Ties are ordered
    by name, so the selection is independent of the order of the rows.
    """
    ordered_rows = sorted(
        (row for row in rows if row["metric"] != PROMPT_METRIC),
        key=lambda row: (distance_of(row["score"], row["higher_is_closer"]), row["trial"]),
    )
    trials_by_metric: dict[str, list[str]] = {}
    for row in ordered_rows:
        trials_by_metric.setdefault(row["metric"], []).append(row["trial"])
    return {trial for trials in trials_by_metric.values() for trial in trials[:count]}


def select_closest_rows(
    rows: Sequence[Mapping[str, Any]], count: int = 2
) -> list[Mapping[str, Any]]:
    """The closest trial of each of the ``count`` closest controls by each metric that has a target.

    From CONTROL_SCORES rows; ties by name. Two by default, because one of the controls may be a
    target itself, which is left out.
    """
    ordered = sorted(
        (row for row in rows if row["metric"] != PROMPT_METRIC),
        key=lambda row: (
            distance_of(row["score"], row["higher_is_closer"]),
            row["control"],
            row["trial"],
        ),
    )
    closest: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in ordered:
        closest.setdefault(row["metric"], {}).setdefault(row["control"], row)
    return [row for controls in closest.values() for row in list(controls.values())[:count]]


def score_trials(
    metrics: Mapping[str, Metric],
    trials: Sequence[str],
    pictures: Tensor,
    prompts: Sequence[str],
    alignments: Mapping[str, Tensor],
) -> list[dict[str, Any]]:
    """Score every trial by every metric: rows of ``records.tables.SCORES``.

    ``pictures`` is uint8 [n, 3, h, w]; it and ``prompts`` are in the order of ``trials``.
    ``alignments`` are those of the target, each [3, h, w]; each metric takes its own closest one.
    A metric without a target has an empty alignment, and no row for an empty prompt.
    """
    rows = []
    for name, metric in metrics.items() if len(pictures) else ():
        scored_trials = trials
        if metric.needs_prompt:
            positions = [k for k, prompt in enumerate(prompts) if prompt]
            scored_trials = [trials[k] for k in positions]
            values = metric.score(pictures[positions], [prompts[k] for k in positions]).tolist()
            alignment_names = [""] * len(positions)
        else:
            values, alignment_names = score_best_alignment(metric, pictures, alignments)
        rows += [
            {
                "trial": trial,
                "metric": name,
                "version": metric.info.version,
                "label": metric.info.label,
                "weights_sha256": metric.info.weights_sha256 or "",
                "higher_is_closer": metric.info.higher_is_closer,
                "lowest": metric.info.lowest,
                "highest": inf if metric.info.highest is None else metric.info.highest,
                "alignment": alignment_name,
                "score": float(value),
            }
            for trial, value, alignment_name in zip(
                scored_trials, values, alignment_names, strict=True
            )
        ]
    return rows
