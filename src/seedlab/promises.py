"""What a lab promises of itself, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seedwitness.statistics.rates import Rate

CHANCE = 0.01
PLANTED = {"128": 0.95, "32": 0.8}
KINDS = {"once": "seen once", "held_out": "held out (cross-fitted)", "twin": "twins"}


@dataclass(frozen=True)
class Promise:
    """One line of the table; ``met`` is None where nothing was promised."""

    what: str
    least: str
    measured: str
    met: bool | None


def told(entry: dict[str, Any]) -> Rate:
    """A rate as the figures have it."""
    return Rate(entry["hits"], entry["n"], entry["low"], entry["high"])


def promises(figures: dict[str, Any]) -> list[Promise]:
    """Every promise of a lab, from its figures."""
    return [*_eyes(figures), *_memorised(figures), *_chance(figures), _follows(figures)]


def _eyes(figures: dict[str, Any]) -> Iterator[Promise]:
    vae, clip = figures["autoencoder"], figures["clip"]
    yield Promise(
        "autoencoder, held-out pictures, mean PSNR",
        "24 dB",
        f"{vae['mean']:.2f} dB (n = {vae['n']}, lowest tenth below {vae['lowest_tenth']:.1f} dB)",
        vae["mean"] >= 24,
    )
    yield Promise(
        f"CLIP (lab weights), held out, 1 of {clip['among']} with distinct captions, recall@1",
        "60 %",
        f"{100 * clip['mean']:.1f} % (mean of {clip['draws']} draws, "
        f"{100 * clip['lowest']:.0f} to {100 * clip['highest']:.0f} %)",
        clip["mean"] >= 0.6,
    )
    among = figures["descriptor"]["among"]
    for edit, found in figures["descriptor"].items():
        if edit != "among":
            yield Promise(
                f"descriptor (lab weights), held out, 1 of {among}, recall@1 after {edit}",
                "95 %",
                f"{100 * found:.1f} %",
                found >= 0.95,
            )


def _memorised(figures: dict[str, Any]) -> Iterator[Promise]:
    planted = figures["lab-memorised"]["planted"]
    for multiplicity in sorted(planted, key=int, reverse=True):
        least = PLANTED.get(multiplicity)
        found = told(planted[multiplicity])
        yield Promise(
            f"`lab-memorised`, planted {multiplicity} times, own caption: pictures regenerated",
            f"{100 * least:.0f} %" if least else "as it is",
            str(found),
            found.value >= least if least else None,
        )


def _chance(figures: dict[str, Any]) -> Iterator[Promise]:
    for name in ("lab-memorised", "lab-clean"):
        measured = figures[name]
        kinds = {said: measured[kind] for kind, said in KINDS.items() if kind in measured}
        if name == "lab-clean":
            kinds |= {
                f"planted {m} times in the other": entry for m, entry in measured["planted"].items()
            }
        for said, entry in kinds.items():
            found = told(entry)
            yield Promise(
                f"`{name}`, {said}: pictures regenerated",
                f"no more than chance ({100 * CHANCE:.0f} %)",
                str(found),
                found.low <= CHANCE,
            )


def _follows(figures: dict[str, Any]) -> Promise:
    found = figures["lab-memorised"]["captions"]
    return Promise(
        "CLIP score (lab weights) of generations for held-out captions, minus shuffled captions",
        "above 0",
        f"{found['difference']:+.3f} (95 % interval {found['low']:+.3f} to {found['high']:+.3f}, "
        f"n = {found['n']}, Wilcoxon p = {found['p']:.1g})",
        found["low"] > 0,
    )
