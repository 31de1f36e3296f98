"""The page of the seed scan and the search strategies: figures to Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.seeds.recovery_section import iter_bars, render_recovery
from benchmarks.seeds.speed_section import (
    MAX_SCAN_SECONDS,
    MIN_SEEDS_PER_SECOND,
    render_agreement,
    render_speed,
)
from benchmarks.seeds.strategy_section import MIN_SPEEDUP, render_strategies, speedup
from benchmarks.shared.markdown import describe_place, format_list, format_rate, format_table
from benchmarks.shared.rates import rate_figures

Figures = Mapping[str, Any]


def render_page(figures: Figures) -> str:
    """The page: its summary, then the parts that were measured."""
    text = (
        "# Seeds\n\n"
        "## Summary\n\n"
        "Questions: can the seed of an image be found among all 2^32 seeds, how long does that "
        "take, and how much work does a search need until a memorised image comes back?\n\n"
        + format_list(summarise(figures))
        + "Written by `make bench-seeds`; the figures are in [seeds.json](seeds.json).\n\n"
    )
    if "speed" in figures:
        text += render_speed(figures["speed"], "Speed")
    if "gpu" in figures:
        text += render_speed(figures["gpu"], "Speed with a GPU")
    if {"speed", "gpu"} <= figures.keys():
        text += render_agreement(figures["speed"]["whole"], figures["gpu"]["whole"])
    if "recovery" in figures:
        text += render_recovery(figures["recovery"])
    if "whole" in figures:
        text += render_full_scan(figures["whole"])
    if "strategies" in figures:
        text += render_strategies(figures["strategies"])
    return text.rstrip("\n") + "\n"


def summarise(figures: Figures) -> Iterator[str]:
    """The sentences that a reader takes away: the main figures, then the bars that were missed."""
    if "recovery" in figures:
        yield from _summarise_recovery(figures["recovery"])
    if "whole" in figures:
        outputs = figures["whole"]["outputs"]
        recovered = rate_figures(sum(output["recovered"] for output in outputs), len(outputs))
        seconds = [output["seconds"] for output in outputs if output["kind"] == "first-noise"]
        yield (
            f"In scans of all 2^32 seeds, the seed is recovered for {format_rate(recovered)} of "
            f"the outputs; the look at the first noise takes {min(seconds):.0f} to "
            f"{max(seconds):.0f} s for one RNG algorithm (bar: 60 s)."
        )
    for part, device in (("speed", "CPU"), ("gpu", "GPU")):
        if part in figures:
            yield _summarise_speed(figures[part], device)
    if "strategies" in figures:
        yield _summarise_strategies(figures["strategies"]["strategies"])


def _summarise_recovery(figures: Figures) -> Iterator[str]:
    bars = list(iter_bars(figures["dependent"]))
    met = sum(cell["encoded"]["hits"] >= bar * cell["encoded"]["n"] for cell, bar in bars)
    missed = [
        f"{cell['sampler']} at guidance {cell['guidance']:g}: {format_rate(cell['encoded'])}, bar "
        f"{100 * bar:.0f} %"
        for cell, bar in bars
        if cell["encoded"]["hits"] < bar * cell["encoded"]["n"]
    ]
    depends = figures["depends"]
    share = rate_figures(sum(cell["hits"] for cell in depends), sum(cell["n"] for cell in depends))
    yield (
        "Without prompt and denoiser, from the encoded PNG alone, of outputs that depend on their "
        f"seed ({format_rate(share)} do): {met} of {len(bars)} recovery bars are met"
        f"{'; missed: ' if missed else ''}{'; '.join(missed)}."
    )
    yield (
        f"A scan needs {figures['mean_nfe']:.1f} NFE on average, because it inverts only where the "
        f"encoded image shows nothing; inverting always needs {figures['inversion_nfe']} and more."
    )
    for null in figures["null"]:
        yield (
            f"False recoveries by the look at {null['kind'].replace('-', ' ')} at a family-wise α "
            f"of {null['alpha']:g}, of images that nobody generated: "
            f"{format_rate(null['false_recoveries'])}; wrong seeds' scores have a standard "
            f"deviation of {null['deviation']:.4f}."
        )


def _summarise_speed(figures: Figures, device: str) -> str:
    seconds = [row["seconds"] for row in figures["whole"]]
    at_bar = [row["seconds"] for row in figures["whole"] if row["r"] == 0.45]
    rates = [
        value
        for name, value in figures["seeds_per_second"].items()
        if ("kernel" in name if device == "CPU" else figures["machine"].get("gpu", "") in name)
    ]
    is_met = max(at_bar) <= MAX_SCAN_SECONDS and min(rates) >= MIN_SEEDS_PER_SECOND
    return (
        f"On the {device}, a scan of all 2^32 seeds by one RNG algorithm takes "
        f"{min(seconds):.0f} to {max(seconds):.0f} s ({len(seconds)} scans), and the kernels score "
        f"{min(rates) / 1e6:.3g} to {max(rates) / 1e6:.3g} million seeds/s; both speed bars are "
        f"{'met' if is_met else '**not both met**'}."
    )


def _summarise_strategies(strategies: Figures) -> str:
    group = next(iter(strategies["sweep"]))
    nfe = strategies["halving"][group]["nfe_within_which"]
    times = {
        share: speedup(strategies["sweep"][group], share, nfe[share]) for share in ("50 %", "90 %")
    }
    is_met = all(value is not None and value >= MIN_SPEEDUP for value in times.values())
    false_alarms = [groups["held out"]["came_back"] for groups in strategies.values()]
    most = max(false_alarms, key=lambda cell: cell["hits"])
    return (
        f"To regenerate 50 and 90 % of the images {group}, `halving` needs "
        f"{' and '.join(f'{value or 0:.1f}' for value in times.values())} times fewer NFE than "
        f"`sweep` (n = {strategies['halving'][group]['came_back']['n']}); its bar of "
        f"{MIN_SPEEDUP} times is {'met' if is_met else 'missed'}. False alarms on held-out images, "
        f"at most, by any strategy: {format_rate(most)}."
    )


def render_full_scan(figures: Figures) -> str:
    """The outputs whose seed was looked for among all seeds."""
    rows = [
        [
            output["kind"],
            output["rng"],
            output["sampler"],
            " → ".join(str(count) for count in output["elements"]),
            f"{output['seconds']:.0f} ({output['processor_seconds']:.0f})",
            f"{output['z']:.1f}",
            f"{output['second_best_z']:.2f}",
            "yes" if output["recovered"] else "no",
        ]
        for output in figures["outputs"]
    ]
    return (
        "## Recovery among all seeds\n\n"
        f"Measured on {describe_place(figures['machine'])}.\n\n"
        "Outputs at guidance 3 that depend on their seed, PNG, no prompt: a scan of all 2^32 seeds "
        f"for each, with a cascade made for z ≥ {figures['min_z']:g}. *Recovered*: the true seed "
        f"ranks first and has at least z = {figures['z_needed']:.2f}. Seconds with those of both "
        "processors together in brackets.\n\n"
    ) + format_table(
        [
            "look",
            "RNG algorithm",
            "sampler",
            "elements by stage",
            "seconds",
            "z",
            "next best z",
            "recovered",
        ],
        rows,
    )
