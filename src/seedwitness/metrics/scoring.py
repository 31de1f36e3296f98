"""The metrics by the names that ``score.metrics`` uses: how each is loaded, and one call for all.

Every metric compares pictures of one size: ``alignment`` brings a target to what a checkpoint
makes.
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

from seedwitness.config.reading import suggest_names
from seedwitness.config.verdicts import PROMPT_METRIC
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


@dataclass(frozen=True)
class Metric:
    """A loaded metric: its record, and scores of pictures against one target.

    ``against`` takes uint8 [n, 3, h, w] and the target [3, h, w], and returns [n]. One that is
    ``prompted`` knows no target: it takes the n prompts that the pictures were made for.
    """

    info: MetricInfo
    against: Callable[[Tensor, Any], Tensor]
    prompted: bool = False


def _descriptor(weights: Path, batch: int, place: torch.device) -> Metric:
    loaded = descriptor.load(weights, place)

    def against(pictures: Tensor, target: Tensor) -> Tensor:
        return (loaded.embed(pictures, batch) @ loaded.embed(target[None]).T)[:, 0]

    return Metric(loaded.info, against)


def _clip(weights: Path, batch: int, place: torch.device) -> Metric:
    loaded = clip_score.load(weights, place)

    def against(pictures: Tensor, target: Tensor) -> Tensor:
        return (loaded.embed_images(pictures, batch) @ loaded.embed_images(target[None]).T)[:, 0]

    return Metric(loaded.info, against)


def _clip_text(weights: Path, batch: int, place: torch.device) -> Metric:
    loaded = clip_score.load(weights, place)
    return Metric(loaded.info, partial(clip_score.scores, loaded, batch=batch), prompted=True)


def _lpips(weights: Path, batch: int, place: torch.device) -> Metric:
    trunks = {file: net for net, file in lpips_distance.TRUNKS.items()}
    if weights.name in trunks:
        loaded = lpips_distance.load_published(weights, trunks[weights.name], place)
    else:
        loaded = lpips_distance.load_lab(weights, place)

    def against(pictures: Tensor, target: Tensor) -> Tensor:
        return lpips_distance.scores(loaded, pictures, target[None], batch)

    return Metric(loaded.info, against)


def _plain(info: MetricInfo, scores: Callable[[Tensor, Tensor], Tensor]) -> Metric:
    return Metric(info, lambda pictures, target: scores(pictures, target.expand_as(pictures)))


def _dinov2(weights: Path, batch: int, place: torch.device) -> Metric:
    loaded = dinov2.load(weights, place)

    def against(pictures: Tensor, target: Tensor) -> Tensor:
        return (loaded.embed(pictures, batch) @ loaded.embed(target[None]).T)[:, 0]

    return Metric(loaded.info, against)


def _dreamsim(weights: Path, batch: int, place: torch.device) -> Metric:
    loaded = dreamsim.load(weights, place)
    return _plain(loaded.info, partial(loaded.scores, batch=batch))


WEIGHTED: Mapping[str, Callable[[Path, int, torch.device], Metric]] = {
    "clip": _clip,
    PROMPT_METRIC: _clip_text,
    "descriptor": _descriptor,
    "dinov2": _dinov2,
    "dreamsim": _dreamsim,
    "lpips": _lpips,
}
"""Metrics that need weights; ``clip`` is the cosine of two images' embeddings, and ``clip-text`` of
an image's and its prompt's."""

PLAIN: Mapping[str, Metric] = {
    "ms-ssim": _plain(pixels.MS_SSIM, pixels.ms_ssim_scores),
    "patch-l2": _plain(patch_l2.INFO, patch_l2.scores),
    "pdq": _plain(pdq.INFO, pdq.scores),
    "phash": _plain(phash.INFO, phash.scores),
    "psnr": _plain(pixels.PSNR, pixels.psnr_scores),
    "ssim": _plain(pixels.SSIM, pixels.ssim_scores),
}


def load(
    names: Sequence[str],
    weights: Mapping[str, Path],
    batch: int,
    place: torch.device | None = None,
) -> dict[str, Metric]:
    """The metrics of ``names``, loaded, in that order.

    ``place`` is the GPU where there is one, unless told. Raises ConfigError for an unknown name, or
    where ``weights`` has none for one that needs them; CheckpointError where a weights file is
    missing or not what it says.
    """
    everything = [*WEIGHTED, *PLAIN]
    for name in [*names, *weights]:
        if name not in everything:
            raise ConfigError(
                f"score: there is no metric `{name}`.{suggest_names(name, everything)}"
            )
    unweighted = [name for name in names if name in WEIGHTED and name not in weights]
    if unweighted:
        raise ConfigError(
            f"score.weights names no file for `{unweighted[0]}`. Name one in conf/score, or leave "
            "the metric out of score.metrics."
        )
    place = place or default_device()
    return {
        name: _on(
            place,
            WEIGHTED[name](weights[name], batch, place) if name in WEIGHTED else PLAIN[name],
        )
        for name in names
    }


def _on(place: torch.device, metric: Metric) -> Metric:
    """The metric on a device, its scores on the CPU."""

    def against(pictures: Tensor, asked: Any) -> Tensor:
        beside = asked.to(place) if isinstance(asked, Tensor) else asked
        return metric.against(pictures.to(place), beside).cpu()

    return replace(metric, against=against)


def closest_way(
    metric: Metric, pictures: Tensor, ways: Mapping[str, Tensor]
) -> tuple[list[float], list[str]]:
    """Score of each picture in the position of the target in which it is closest, and which.

    ``ways`` are ``alignment.ways``; of equals the first counts.
    """
    names = list(ways)
    tried = torch.stack([metric.against(pictures, ways[name]).cpu() for name in names])
    best = tried.argmax(0) if metric.info.higher_is_closer else tried.argmin(0)
    values = tried.gather(0, best[None])[0]
    return values.tolist(), [names[place] for place in best.tolist()]


def closest(rows: Sequence[Mapping[str, Any]], count: int) -> set[str]:
    """The trials that are among the ``count`` closest by any metric, from rows as ``rows`` gives.

    A metric that knows no target is passed over: it says nothing of closeness. Of equals the first
    by name, so that the same trials are chosen in whatever order they come.
    """
    ordered = sorted(
        (row for row in rows if row["metric"] != PROMPT_METRIC),
        key=lambda row: (-row["score"] if row["higher_is_closer"] else row["score"], row["trial"]),
    )
    chosen: dict[str, list[str]] = {}
    for row in ordered:
        chosen.setdefault(row["metric"], []).append(row["trial"])
    return {trial for trials in chosen.values() for trial in trials[:count]}


def rows(
    metrics: Mapping[str, Metric],
    trials: Sequence[str],
    pictures: Tensor,
    prompts: Sequence[str],
    ways: Mapping[str, Tensor],
) -> list[dict[str, Any]]:
    """One row of ``records.SCORES`` for every trial and metric.

    ``pictures`` is uint8 [n, 3, h, w], and it and ``prompts`` are in the order of ``trials``;
    ``ways`` are the positions of the target, each [3, h, w], of which the closest counts, by each
    metric for itself. A metric that knows no target names no position, and has no row where the
    prompt is empty.
    """
    found = []
    for name, metric in metrics.items() if len(pictures) else ():
        scored = trials
        if metric.prompted:
            asked = [k for k, prompt in enumerate(prompts) if prompt]
            scored = [trials[k] for k in asked]
            values = metric.against(pictures[asked], [prompts[k] for k in asked]).tolist()
            positions = [""] * len(asked)
        else:
            values, positions = closest_way(metric, pictures, ways)
        found += [
            {
                "trial": trial,
                "metric": name,
                "version": metric.info.version,
                "label": metric.info.label,
                "weights_sha256": metric.info.weights_sha256 or "",
                "higher_is_closer": metric.info.higher_is_closer,
                "lowest": metric.info.lowest,
                "highest": inf if metric.info.highest is None else metric.info.highest,
                "alignment": position,
                "score": float(value),
            }
            for trial, value, position in zip(scored, values, positions, strict=True)
        ]
    return found
