"""The section on the speed of the seed scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.shared.markdown import describe_place, format_table

PUBLISHED_SEEDS_PER_SECOND = 5.1e5
"""The rate that the literature states."""

MIN_SEEDS_PER_SECOND = 8_000_000
"""The bar for the kernels."""

MAX_SCAN_SECONDS = 540
"""The bar for a scan of all 2^32 seeds made for a correlation of 0.45."""


def render_speed(figures: Mapping[str, Any], heading: str) -> str:
    """Seeds a second of each implementation, and the seconds of scans of all 2^32 seeds."""
    text = (
        f"## {heading}\n\nMeasured on {describe_place(figures['machine'])}.\n\n"
        f"Seeds per second at {figures['elements']} elements: medians of {figures['rounds']} "
        "rounds in one process, in turns. The bar for the kernels is 8 million seeds/s. "
        "The published rate is a paper's and was not measured here.\n\n"
    ) + format_table(
        ["implementation", "seeds/s", "against the published 5.1e5 seeds/s"],
        [
            [name, f"{rate:,}", f"{rate / PUBLISHED_SEEDS_PER_SECOND:.1f} ×"]
            for name, rate in figures["seeds_per_second"].items()
        ],
    )
    if "whole" not in figures:
        return text
    return (
        text
        + "Scans of all 2^32 seeds, one query, one run each, by cascades made for a correlation r. "
        "*Loss* is the probability to lose a seed of that correlation. The bar is 9 minutes at "
        "r = 0.45.\n\n"
        + format_table(
            ["r", "RNG algorithm", "seconds", "seed of that r", "z", "next best z", "loss"],
            [
                [
                    scan["r"],
                    scan["rng"],
                    scan["seconds"],
                    "found" if scan["found"] else "lost",
                    f"{scan['z']:.1f}",
                    f"{scan['second_best_z']:.2f}",
                    f"{scan['lost']:.2g}",
                ]
                for scan in figures["whole"]
            ],
        )
    )


def render_agreement(
    cpu_scans: Sequence[Mapping[str, Any]], gpu_scans: Sequence[Mapping[str, Any]]
) -> str:
    """How far scans of all seeds on a GPU agree with those on a CPU."""
    pairs = list(zip(cpu_scans, gpu_scans, strict=True))
    difference = max(abs(cpu[z] - gpu[z]) for cpu, gpu in pairs for z in ("z", "second_best_z"))
    counts = ", ".join(
        f"{cpu['looked_at_in_full']} and {gpu['looked_at_in_full']}" for cpu, gpu in pairs
    )
    return (
        f"The highest z and the next best z on the GPU agree with those on the CPU within "
        f"{difference:.0e}. Seeds that passed all levels of the cascade, on the CPU and on the "
        "GPU, row by row (some lie at a threshold, and scores of the first levels differ by up to "
        f"0.01): {counts}.\n\n"
    )
