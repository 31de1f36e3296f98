"""The bars of a drawn world: what it has to reach, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seedlab.bars import Bar, chance_bars, network_bars, read_rate

NAMED_RIGHT = {"subject": 0.8, "palette": 0.9, "artist": 0.9}
"""Share of ordinary outputs in which a classifier names the attribute of the caption."""
NAMED_RIGHT_OF_DRAWINGS = 0.97
SHARPNESS = (0.7, 1.3)
REGENERATED = (0.95, 0.8)
"""Share of the planted pictures of the most, and of the second most, exposures."""
SEED_DEPENDENT = 0.95
PSNR, PSNR_LOWEST_TENTH = 30.0, 26.0
FIRST_LAB_RATIO = 5.52
"""Fréchet distance of the first lab's ordinary outputs, as a multiple of that of two halves of its
drawings: 1,000 captions, guidance 4, 20 steps, 128 × 128 pixels, in the features of its own CLIP.
"""


def check_world_bars(figures: dict[str, Any]) -> list[Bar]:
    """All bars of a drawn world, checked against its figures."""
    return [
        *_output_bars(figures["lab-memorised"]),
        *_autoencoder_bars(figures["autoencoder"]),
        *network_bars(figures),
        *_planted_bars(figures["lab-memorised"]),
        *chance_bars(figures),
        *_template_bars(figures),
    ]


def _output_bars(measured: dict[str, Any]) -> Iterator[Bar]:
    """Ordinary outputs: right attributes, sharpness, distance to drawings, spread over seeds."""
    ordinary = measured["ordinary"]
    for name, required in NAMED_RIGHT.items():
        rate = read_rate(ordinary["named"]["outputs"][name])
        yield Bar(
            f"ordinary outputs whose {_title(name)} is named right",
            f"{100 * required:.0f} %",
            str(rate),
            rate.value >= required,
        )
    for name in NAMED_RIGHT:
        rate = read_rate(ordinary["named"]["drawings"][name])
        yield Bar(
            f"drawings whose {_title(name)} is named right by the same classifier",
            f"{100 * NAMED_RIGHT_OF_DRAWINGS:.0f} %",
            str(rate),
            rate.value >= NAMED_RIGHT_OF_DRAWINGS,
        )
    sharpness, (low, high) = ordinary["sharpness"], SHARPNESS
    by_hand = sharpness["by_hand"].values()
    yield Bar(
        "their power above half of the highest frequency, as a multiple of that of drawings",
        f"{low} to {high}",
        f"{sharpness['all']:.2f} ({min(by_hand):.2f} to {max(by_hand):.2f} by hand)",
        low <= sharpness["all"] <= high,
    )
    ratio = ordinary["frechet"]["ratio"]
    yield Bar(
        "Fréchet distance to drawings, as a multiple of that of two halves of the drawings",
        f"{FIRST_LAB_RATIO / 4:.1f}, a quarter of the first lab's {FIRST_LAB_RATIO:.1f}",
        f"{ratio:.1f}",
        ratio <= FIRST_LAB_RATIO / 4,
    )
    dependence = measured["seed_dependence"]
    rate = read_rate(dependence["captions"])
    yield Bar(
        f"captions whose outputs depend on their seed: median LPIPS above {dependence['line']:.3f}",
        f"{100 * SEED_DEPENDENT:.0f} %",
        str(rate),
        rate.value >= SEED_DEPENDENT,
    )


def _title(attribute: str) -> str:
    return "hand" if attribute == "artist" else attribute


def _autoencoder_bars(psnr: dict[str, float]) -> Iterator[Bar]:
    for title, key, required in (
        ("mean PSNR", "mean", PSNR),
        ("lowest tenth below", "lowest_tenth", PSNR_LOWEST_TENTH),
    ):
        yield Bar(
            f"autoencoder, held-out pictures, {title}",
            f"{required:.0f} dB",
            f"{psnr[key]:.1f} dB (n = {psnr['n']})",
            psnr[key] >= required,
        )


def _planted_bars(measured: dict[str, Any]) -> Iterator[Bar]:
    """Pictures that ``lab-memorised`` regenerates for their own caption, by exposures."""
    planted = measured["planted"]
    required = dict(zip(sorted(map(int, planted), reverse=True), REGENERATED, strict=False))
    for kind in ("planted", "portfolio"):
        for exposures in sorted(map(int, measured.get(kind, {})), reverse=True):
            least = required.get(exposures) if kind == "planted" else None
            rate = read_rate(measured[kind][str(exposures)])
            yield Bar(
                f"`lab-memorised`, {kind}, {exposures:,} exposures: pictures regenerated",
                f"{100 * least:.0f} %" if least else "none",
                str(rate),
                rate.value >= least if least else None,
            )


def _template_bars(figures: dict[str, Any]) -> Iterator[Bar]:
    """Templates by the number of their pictures that were shown; no value is required."""
    for name in ("lab-memorised", "lab-clean"):
        for exposures, rates in figures[name]["templates"].items():
            layout, part = read_rate(rates["layout"]), read_rate(rates["part_unseen"])
            yield Bar(
                f"`{name}`, templates, {int(exposures):,} pictures shown: layout returns for an "
                "unseen caption / part nearer than 19 others",
                "shown",
                f"{layout} / {part}",
                None,
            )
