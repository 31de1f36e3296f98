"""A portfolio: many works by one author as one question, with one p for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.exposure import BlindClassifier, PortfolioFinding
from seedwitness.records.findings import Verdict
from seedwitness.records.reasons import Reason, ReasonValues
from seedwitness.statistics.blind_features import cross_fit_classifier, name_weightiest
from seedwitness.statistics.rates import estimate_rate
from seedwitness.statistics.residual_ranks import fit_residuals
from seedwitness.statistics.set_tests import RESAMPLES, compare_pairs_of_sets, compare_sets
from seedwitness.verdict.exposed_limits import compare_components

MIN_WORKS = 5
"""Fewer works are no portfolio: each is a target of its own."""

MIN_HELD_OUT = 20
"""With fewer held-out images the blind classifier could hardly tell anything apart."""

SHOWN_FEATURES = 5
SPLIT_ALPHA = 0.01
"""Works fall in two groups where their gains differ with p at most this."""


@dataclass(frozen=True)
class PortfolioWork:
    """A work, or an image that was held out for comparison.

    ``pair`` names the held-out image that a work is paired with; empty without one. ``loss`` and
    ``reference_loss`` are means over timesteps and noises; NaN where one is no finite number.
    ``same_as`` names the work or held-out image that it shows as well, where there is one.
    """

    name: str
    artist: str
    pair: str
    loss: float
    reference_loss: float | None
    features: Mapping[str, float]
    same_as: str = ""


@dataclass(frozen=True)
class Portfolio:
    """Works and held-out images on one checkpoint; ``reference`` is None without one."""

    checkpoint: CheckpointIdentity
    reference: CheckpointIdentity | None
    objectives: tuple[str, str]
    """What the denoisers of the checkpoint and of the reference predict."""
    works: Sequence[PortfolioWork]
    held_out: Sequence[PortfolioWork]
    timesteps: Sequence[int]
    noises: int


def judge_portfolio(portfolio: Portfolio, alpha: float) -> PortfolioFinding:
    """Does the checkpoint know the works, taken together, better than the held-out images?

    One p for the set: of the mean gain over the reference, by permuting which images are works, or
    by the signs of pairs where every work names its pair. The gain is the residual of the loss on a
    line in the reference's loss through all images, works and held-out ones alike, so that p is
    exact where they are exchangeable. Works that are the same image count once. *Supported* only
    where p ≤ α and a classifier of no model does not tell works from held-out images.
    """
    works = [work for work in portfolio.works if not work.same_as]
    held_out = [image for image in portfolio.held_out if not image.same_as]
    duplicates = sorted(work.name for work in portfolio.works if work.same_as)
    pairs = {image.name: number for number, image in enumerate(held_out)}
    is_paired = bool(works) and all(work.pair in pairs for work in works)
    blind = _classify(works, held_out)
    exclusions = list_portfolio_exclusions(portfolio, works, held_out, blind)
    p = gain = slope = above = None
    gains = _measure_gains(portfolio, works, held_out)
    limits = _list_limits(portfolio, works, gains)
    if gains is not None:
        slope, own, others = gains
        p = (
            compare_pairs_of_sets(
                [value - others[pairs[work.pair]] for work, value in zip(works, own, strict=True)]
            )
            if is_paired
            else compare_sets(own.tolist(), others.tolist())
        )
        spread = float(others.std(ddof=1))
        gain = float((own.mean() - others.mean()) / spread) if spread else 0.0
        above = estimate_rate(int((own > np.median(others)).sum()), len(own))
    finding, reasons = _conclude(exclusions, p, len(works), len(held_out), alpha, is_paired)
    reference = portfolio.reference
    return PortfolioFinding(
        checkpoint=portfolio.checkpoint.name,
        checkpoint_sha256=portfolio.checkpoint.sha256,
        reference=reference.name if reference else None,
        reference_sha256=reference.sha256 if reference else None,
        works=len(works),
        held_out=len(held_out),
        duplicates=duplicates,
        finding=finding,
        reasons=reasons,
        limits=limits,
        test="paired" if is_paired else "unpaired",
        p=p,
        resolution=max(1 / (RESAMPLES + 1), 2.0 ** -len(works) if is_paired else 0.0),
        alpha=alpha,
        gain=gain,
        slope=slope,
        above_median=above,
        blind=blind,
        timesteps=list(portfolio.timesteps),
        noises=portfolio.noises,
        nfe=len(portfolio.timesteps)
        * portfolio.noises
        * (1 + bool(reference))
        * (len(portfolio.works) + len(portfolio.held_out)),
    )


def list_portfolio_exclusions(
    portfolio: Portfolio,
    works: Sequence[PortfolioWork],
    held_out: Sequence[PortfolioWork],
    blind: BlindClassifier | None,
) -> list[Reason]:
    """Why nothing is concluded of a portfolio, whatever its p; mostly empty."""
    reasons = []
    names = {image.name for image in portfolio.held_out}
    shared = next((work for work in portfolio.works if work.same_as in names), None)
    if shared:
        values: ReasonValues = {"work": shared.name, "held_out": shared.same_as}
        reasons.append(Reason(code="portfolio-work-held-out", values=values))
    if len(works) < MIN_WORKS or len(held_out) < MIN_HELD_OUT:
        reasons.append(
            Reason(
                code="portfolio-too-small",
                values={
                    "works": len(works),
                    "min_works": MIN_WORKS,
                    "held_out": len(held_out),
                    "min_held_out": MIN_HELD_OUT,
                },
            )
        )
    artists = sorted({work.artist for work in works if work.artist})
    if len(artists) > 1:
        reasons.append(Reason(code="portfolio-several-artists", values={"artists": artists}))
    for image in (*works, *held_out):
        if not np.isfinite([image.loss, image.reference_loss or 0.0]).all():
            reasons.append(Reason(code="portfolio-loss-not-finite", values={"image": image.name}))
            break
    if portfolio.reference and portfolio.reference.sha256 == portfolio.checkpoint.sha256:
        reasons.append(
            Reason(
                code="reference-same-weights",
                values={
                    "reference": portfolio.reference.name,
                    "checkpoint": portfolio.checkpoint.name,
                },
            )
        )
    if blind and blind.tells_apart:
        reasons.append(
            Reason(
                code="portfolio-blind-tells-apart",
                values={
                    "auc": blind.auc,
                    "low": blind.low,
                    "high": blind.high,
                    "works": blind.works,
                    "held_out": blind.held_out,
                    "features": blind.features,
                },
            )
        )
    if portfolio.reference is None:
        reasons.append(Reason(code="exposed-without-reference"))
    return reasons


def _classify(
    works: Sequence[PortfolioWork], held_out: Sequence[PortfolioWork]
) -> BlindClassifier | None:
    if min(len(works), len(held_out)) < 2:
        return None
    names = list(works[0].features)
    both = [_matrix(each, names) for each in (works, held_out)]
    estimate = cross_fit_classifier(*both)
    return BlindClassifier(
        auc=estimate.auc.value,
        low=estimate.auc.low,
        high=estimate.auc.high,
        works=len(works),
        held_out=len(held_out),
        features=name_weightiest(names, estimate.weights, SHOWN_FEATURES),
    )


def _matrix(images: Sequence[PortfolioWork], names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[image.features[name] for name in names] for image in images])


Gains = tuple[float | None, NDArray[np.float64], NDArray[np.float64]]


def _measure_gains(
    portfolio: Portfolio, works: Sequence[PortfolioWork], held_out: Sequence[PortfolioWork]
) -> Gains | None:
    """The slope, the works' gains and the held-out images'; None where they cannot be measured.

    Higher is better known. Without a reference a gain is the loss with its sign turned.
    """
    images = [*works, *held_out]
    losses = np.array([image.loss for image in images])
    if min(len(works), len(held_out)) < 2 or not np.isfinite(losses).all():
        return None
    if portfolio.reference is None:
        return None, -losses[: len(works)], -losses[len(works) :]
    there = np.array([image.reference_loss for image in images], dtype=float)
    if not np.isfinite(there).all():
        return None
    # All images alike: which one is called the target does not change the line.
    fit = fit_residuals(losses[0], there[0], losses[1:].tolist(), there[1:].tolist())
    gains = -np.array([fit.target, *fit.controls])
    return fit.slope, gains[: len(works)], gains[len(works) :]


def _conclude(
    exclusions: list[Reason],
    p: float | None,
    works: int,
    held_out: int,
    alpha: float,
    is_paired: bool,
) -> tuple[Verdict, list[Reason]]:
    if exclusions or p is None:
        return "inconclusive", exclusions
    values: ReasonValues = {
        "works": works,
        "held_out": held_out,
        "p": p,
        "alpha": alpha,
        "is_paired": is_paired,
    }
    if p <= alpha:
        return "supported", [Reason(code="portfolio-gain-at-most-alpha", values=values)]
    return "not supported", [Reason(code="portfolio-gain-above-alpha", values=values)]


def _list_limits(
    portfolio: Portfolio, works: Sequence[PortfolioWork], gains: Gains | None
) -> list[Reason]:
    limits = [
        Reason(code="exposed-no-copy"),
        Reason(code="exposed-validation"),
        Reason(code="portfolio-of-the-set"),
        Reason(code="portfolio-outputs"),
    ]
    duplicates = [work for work in portfolio.works if work.same_as]
    if duplicates:
        limits.append(
            Reason(
                code="portfolio-duplicates",
                values={"works": len(duplicates), "work": duplicates[0].name},
            )
        )
    p = _compare_groups(works, gains[1]) if gains else None
    if p is not None and p <= SPLIT_ALPHA:
        limits.append(Reason(code="portfolio-two-groups", values={"p": p}))
    if portfolio.reference:
        limits += compare_components(
            portfolio.checkpoint, portfolio.reference, *portfolio.objectives
        )
    return [*limits, Reason(code="exposed-shift")]


def _compare_groups(works: Sequence[PortfolioWork], gains: NDArray[np.float64]) -> float | None:
    """p that two groups of works, by features of no model, differ in their gains.

    The groups are the halves along the first principal component of the standardised features, so
    that no gain decides who is in which. Two-sided by twice the smaller p; None for few works.
    """
    if len(works) < 2 * MIN_WORKS:
        return None
    names = list(works[0].features)
    matrix = _matrix(works, names)
    spread = matrix.std(0)
    scaled = (matrix - matrix.mean(0))[:, spread > 0] / spread[spread > 0]
    if not scaled.shape[1]:
        return None
    places = np.linalg.svd(scaled, full_matrices=False)[0][:, 0]
    first = places > np.median(places)
    if min(first.sum(), (~first).sum()) < 2:
        return None
    one, other = gains[first].tolist(), gains[~first].tolist()
    return min(1.0, 2 * min(compare_sets(one, other), compare_sets(other, one)))
