"""The section on how often the seed of an output is recovered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.shared.markdown import describe_place, format_rate, format_table

DETERMINISTIC = ("ddim", "euler", "dpmpp-2m")
CIVITAI_SHARE = "about 95 %"
"""What SeedSnitch (2509.09488) states of CivitAI's images; it was not measured here."""

Figures = Mapping[str, Any]


def find_bar(sampler: str, guidance: float) -> float:
    """The recovery rate to reach by the looks at the encoded image."""
    if guidance <= 3:
        return 0.99
    return 0.95 if sampler in DETERMINISTIC else 0.85


def iter_bars(cells: Sequence[Figures]) -> Iterator[tuple[Figures, float]]:
    """Each cell with its bar."""
    return ((cell, find_bar(cell["sampler"], cell["guidance"])) for cell in cells)


def render_recovery(figures: Figures) -> str:
    """What depends on its seed, recovery by sampler, guidance and file, and the null."""
    looks = ", ".join(f"{count} of {kind}" for kind, count in figures["looks"].items())
    return (
        f"## Recovery of seeds\n\nMeasured on {describe_place(figures['machine'])}.\n\n"
        f"{figures['pairs']} captions of held-out images for each sampler and guidance, two random "
        f"32-bit seeds for each, both RNG algorithms, {figures['steps']} steps on "
        "`lab-memorised`. *Recovered*: the true seed passes a cascade made for z ≥ "
        f"{figures['min_z']:g} and has z ≥ {figures['z_needed']:.2f}, so that its family-wise p "
        f"over 2^32 seeds, both RNG algorithms and all looks (of a PNG as it is {looks}) is at "
        "most 0.001. "
        "*Encoded*: by the looks at the encoded image, without prompt and denoiser. *Any*: also by "
        "inversion under the empty prompt, where those failed. Intervals: Clopper–Pearson, 95 %, "
        "as if the two outputs of a caption were independent. *z*: of the initial noise, for "
        "Euler a of the step noise.\n\n"
        "### Outputs that depend on their seed\n\n"
        "An output depends on its seed if the final latents of the two seeds have a cosine "
        f"similarity of at most {figures['max_sameness']:g}; this was fixed before measuring.\n\n"
        + format_table(
            ["sampler", "guidance", "depend on their seed"],
            [
                [cell["sampler"], f"{cell['guidance']:g}", format_rate(cell)]
                for cell in figures["depends"]
            ],
        )
        + "### Recovery of those, PNG\n\n"
        + format_table(
            ["sampler", "guidance", "bar", "encoded", "any", "median z"],
            [
                [
                    cell["sampler"],
                    f"{cell['guidance']:g}",
                    f"≥ {100 * bar:.0f} %",
                    format_rate(cell["encoded"]),
                    format_rate(cell["any"]),
                    cell["median_z"],
                ]
                for cell, bar in iter_bars(figures["dependent"])
            ],
        )
        + "### Recovery of all outputs, PNG\n\n"
        + format_table(
            ["sampler", "guidance", "encoded", "any", "mean NFE of a scan"],
            [
                [
                    cell["sampler"],
                    f"{cell['guidance']:g}",
                    format_rate(cell["encoded"]),
                    format_rate(cell["any"]),
                    cell["mean_nfe"],
                ]
                for cell in figures["all"]
            ],
        )
        + "### Recovery by file, guidance 3\n\n"
        "Outputs that depend on their seed, by the looks at the encoded image. For comparison, "
        f"SeedSnitch states {CIVITAI_SHARE} of CivitAI's images, by the search of one known "
        "checkpoint.\n\n"
        + format_table(
            ["sampler", "file", "encoded", "median z"],
            [
                [
                    cell["sampler"],
                    cell["file"],
                    format_rate(cell["encoded"]),
                    cell["median_z"],
                ]
                for cell in figures["files"]
            ],
        )
        + "".join(_render_null(null) for null in figures["null"])
    )


def _render_null(figures: Figures) -> str:
    name = figures["kind"].replace("-", " ")
    return (
        f"### Wrong seeds: {name}\n\n"
        f"{figures['pictures']:,} images that nobody generated, seeds 0 to "
        f"{figures['seeds'] - 1:,} by torch-cpu, every score on all elements. Mean "
        f"{figures['mean']:.5f}, standard deviation {figures['deviation']:.5f}. Falsely recovered "
        f"at a family-wise α of {figures['alpha']:g} over these seeds (z ≥ "
        f"{figures['z_needed']:.2f}): {format_rate(figures['false_recoveries'])}; the highest z is "
        f"{figures['highest_z']:.2f}.\n\n"
        + format_table(
            ["z", "scores above", "expected of a normal score"],
            [
                [f"{level['z']:g}", f"{level['scores']:,}", f"{level['expected']:,.1f}"]
                for level in figures["levels"]
            ],
        )
    )
