"""The section on how often the seed of an output is recovered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.shared.markdown import describe_place, format_rate, format_table

RECOVERY_BARS = {
    ("up to 3", "known"): 0.99,
    ("up to 3", "empty"): 0.95,
    ("7.5", "known"): 0.95,
    ("7.5", "empty"): 0.85,
}
"""Recovery rates to reach, by guidance and prompt."""


def render_recovery(figures: Mapping[str, Any]) -> str:
    """Recovery rates by guidance, sameness and planted caption; negatives; every cell."""
    return (
        f"## Recovery of seeds\n\nMeasured on {describe_place(figures['machine'])}.\n\n"
        f"{figures['outputs']} outputs of `lab-memorised` under captions of held-out images: "
        "random 32-bit seeds, both RNG algorithms, DDIM, Euler and DPM-Solver++ (2M), "
        f"{figures['steps']} steps, guidance 1 to 7.5. Inverted by DDIM at guidance 1, "
        f"{figures['steps']} steps. *Prompt* is the prompt of the inversion: the output's own "
        "(*known*), the caption of the nearest corpus image (*recovered*), or none (*empty*). "
        "*Recovered*: the true seed passes a cascade made for r ≥ "
        f"{figures['least']} and has z ≥ {figures['z_needed']:.2f}, so that its family-wise p over "
        "2^32 seeds and both RNG algorithms is at most 0.001. Intervals: Clopper–Pearson, 95 %. "
        "A median z counts 0 where the cascade lost the seed.\n\n"
        "### Recovery by guidance\n\nPNG, DDIM and Euler together:\n\n"
        + format_table(
            ["guidance", "prompt", "bar", "recovered", "median z"],
            [
                [cell["guidance"], cell["prompt"], _bar(cell), format_rate(cell), cell["median_z"]]
                for cell in figures["bars"]
            ],
        )
        + "### Recovery by sameness\n\n"
        "Some recipes give nearly the same image under three other seeds: such an image has lost "
        "its noise. *Sameness* is the mean cosine similarity of the final latents. PNG, empty "
        "prompt, all samplers and guidances:\n\n"
        + format_table(
            ["sameness", "recovered", "median z"],
            [
                [_band(cell["same"]), format_rate(cell), cell["median_z"]]
                for cell in figures["by_sameness"]
            ],
        )
        + "### Recovery under planted captions\n\n"
        "Outputs under captions that were planted 128 times, PNG, all samplers and guidances:\n\n"
        + format_table(
            ["prompt", "recovered", "median z"],
            [
                [cell["prompt"], format_rate(cell), cell["median_z"]]
                for cell in figures["planted_captions"]
            ],
        )
        + _render_negatives(figures["negatives"])
        + "### Recovery in every cell\n\n"
        + format_table(
            ["file", "prompt", "sampler", "guidance", "recovered", "median z"],
            [
                [
                    *(cell[column] for column in ("file", "prompt", "sampler", "guidance")),
                    format_rate(cell),
                    cell["median_z"],
                ]
                for cell in figures["by_sampler"]
            ],
        )
    )


def _render_negatives(figures: Mapping[str, Any]) -> str:
    return (
        "### False alarms\n\n"
        f"{figures['pictures']} held-out images, which the checkpoint did not make, under the "
        f"empty prompt and their own caption, seeds 0 to {figures['seeds'] - 1:,} by both RNG "
        f"algorithms. Falsely recovered at a family-wise α of {figures['family_wise_alpha']:g}: "
        f"{format_rate(figures['false_recoveries'])}. The median of the highest z is "
        f"{figures['median_highest_z']:.2f}; by chance it would be "
        f"{figures['median_highest_z_by_chance']:.2f} if the cascade scored every seed in full.\n\n"
    )


def _bar(cell: Mapping[str, Any]) -> str:
    bar = RECOVERY_BARS.get((str(cell["guidance"]), cell["prompt"]))
    return "–" if bar is None else f"≥ {100 * bar:.0f} %"


def _band(ends: Sequence[float]) -> str:
    low, high = ends
    return f"up to {high:g}" if low < 0 else f"{low:g} to {high:g}"
