"""The bars of a lab: what it has to reach, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from seedwitness.records.rates import Rate

CHANCE_RATE = 0.01
REQUIRED_RATES = {"128": 0.95, "32": 0.8}
KIND_TITLES = {"once": "seen once", "held_out": "held out (cross-fitted)", "twin": "twins"}


@dataclass(frozen=True)
class Bar:
    """One line of the table; ``is_met`` is None where no value is required."""

    quantity: str
    required: str
    measured: str
    is_met: bool | None


def check_bars(figures: dict[str, Any]) -> list[Bar]:
    """All bars of a lab, checked against its figures."""
    return [
        _autoencoder_bar(figures["autoencoder"]),
        *network_bars(figures),
        *_planted_bars(figures),
        *chance_bars(figures),
        _caption_bar(figures),
    ]


def read_rate(entry: dict[str, Any]) -> Rate:
    """A rate as figures.json holds it."""
    return Rate(hits=entry["hits"], n=entry["n"], low=entry["low"], high=entry["high"])


def _autoencoder_bar(psnr: dict[str, float]) -> Bar:
    return Bar(
        "autoencoder, held-out pictures, mean PSNR",
        "24 dB",
        f"{psnr['mean']:.2f} dB (n = {psnr['n']}, lowest tenth below "
        f"{psnr['lowest_tenth']:.1f} dB)",
        psnr["mean"] >= 24,
    )


def network_bars(figures: dict[str, Any]) -> Iterator[Bar]:
    """Quality of the networks that judge similarity."""
    clip = figures["clip"]
    yield Bar(
        f"CLIP (lab weights), held out, 1 of {clip['among']} with distinct captions, recall@1",
        "60 %",
        f"{100 * clip['mean']:.1f} % (mean of {clip['draws']} draws, "
        f"{100 * clip['lowest']:.0f} to {100 * clip['highest']:.0f} %)",
        clip["mean"] >= 0.6,
    )
    among = figures["descriptor"]["among"]
    for edit, recall in figures["descriptor"].items():
        if edit != "among":
            yield Bar(
                f"descriptor (lab weights), held out, 1 of {among}, recall@1 after {edit}",
                "95 %",
                f"{100 * recall:.1f} %",
                recall >= 0.95,
            )


def _planted_bars(figures: dict[str, Any]) -> Iterator[Bar]:
    """Planted pictures that ``lab-memorised`` regenerates, by multiplicity."""
    planted = figures["lab-memorised"]["planted"]
    for multiplicity in sorted(planted, key=int, reverse=True):
        required = REQUIRED_RATES.get(multiplicity)
        rate = read_rate(planted[multiplicity])
        yield Bar(
            f"`lab-memorised`, planted {multiplicity} times, own caption: pictures regenerated",
            f"{100 * required:.0f} %" if required else "none",
            str(rate),
            rate.value >= required if required else None,
        )


def chance_bars(figures: dict[str, Any]) -> Iterator[Bar]:
    """Pictures that a checkpoint should regenerate no more often than by chance."""
    for name in ("lab-memorised", "lab-clean"):
        measured = figures[name]
        kinds = {title: measured[kind] for kind, title in KIND_TITLES.items() if kind in measured}
        if name == "lab-clean":
            kinds |= {
                f"{kind} {int(m):,} times in `lab-memorised`": entry
                for kind in ("planted", "portfolio")
                for m, entry in measured.get(kind, {}).items()
            }
        for title, entry in kinds.items():
            rate = read_rate(entry)
            yield Bar(
                f"`{name}`, {title}: pictures regenerated",
                f"no more than chance ({100 * CHANCE_RATE:.0f} %)",
                str(rate),
                rate.low <= CHANCE_RATE,
            )


def _caption_bar(figures: dict[str, Any]) -> Bar:
    """Whether generations follow their captions."""
    gain = figures["lab-memorised"]["captions"]
    return Bar(
        "CLIP score (lab weights) of generations for held-out captions, minus shuffled captions",
        "above 0",
        f"{gain['difference']:+.3f} (95 % interval {gain['low']:+.3f} to {gain['high']:+.3f}, "
        f"n = {gain['n']}, Wilcoxon p = {gain['p']:.1g})",
        gain["low"] > 0,
    )
