"""The page of the speed benchmarks: figures to Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.shared.markdown import (
    describe_place,
    format_list,
    format_table,
    format_verdict,
)

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """What was measured, the bar it has to meet, the measured value, and whether it meets the bar.

    ``is_met`` is None where there is no bar.
    """

    what: str
    bar: str
    measured: str
    is_met: bool | None = None


def render_page(figures: Figures) -> str:
    """The page: its summary, then every figure beside its bar."""
    sections = [section(figures[part]) for part, section in SECTIONS.items() if part in figures]
    bars = [bar for section in sections for bar in section]
    places = {
        f"{describe_place(machine)}, Python {machine['python']}"
        for machine in (part["machine"] for part in figures.values())
    }
    return (
        "# Speed\n\n"
        "## Summary\n\n"
        "Question: how long do the demonstration, single stages, sampling and publishing take, and "
        "do they meet the bars that were set before measuring?\n\n"
        + format_list(summarise(figures, bars))
        + "## Method\n\n"
        "Written by `make bench-speed`; the figures are in [benchmarks.json](benchmarks.json). "
        "Values are medians over rounds, 5 where nothing else is said; `make demo` and `publish` "
        "ran once. The *start* of a stage is the interpreter and all imports, without the stage's "
        "work. The *total* of a stage is its whole process, with its work; what it needs from the "
        "latent cache is already there. Starts and totals were measured in separate rounds, so "
        "they also differ by the load of the machine. Except under `seedwitness run`, a stage runs "
        "in a process of its own. Rows with a number of targets are of the real pipeline with "
        "stubs for commands: DVC's bookkeeping alone. Stages have the names of the revision that "
        "was measured.\n\n"
        f"Measured on {'; '.join(sorted(places))}.\n\n"
        "## Figures\n\n"
        + format_table(
            ["what", "bar", "measured", "met"],
            [[bar.what, bar.bar, bar.measured, format_verdict(bar.is_met)] for bar in bars],
        ).rstrip("\n")
        + "\n"
    )


def summarise(figures: Figures, bars: list[Bar]) -> Iterator[str]:
    """The sentences that a reader takes away: the main figures, then the bars that were missed."""
    if "pipeline" in figures:
        pipeline = figures["pipeline"]
        yield (
            f"The demonstration takes {pipeline['demo']['seconds']:.0f} s (1 run); `dvc repro` "
            f"with nothing to do takes {pipeline['nothing_to_do']['seconds']} s (median of "
            f"{pipeline['rounds']})."
        )
    if "bookkeeping" in figures:
        largest = figures["bookkeeping"]["projects"][-1]
        no_op, one_more = largest["no_op"], largest["one_more"]
        note = figures["bookkeeping"]["machine"].get("note")
        yield (
            f"With {largest['targets']} targets and {largest['checkpoints']} checkpoints "
            f"({largest['stages']:,} stages), `dvc repro` takes {no_op['seconds']} s with nothing "
            f"to do (processor time {no_op['processor_seconds']} s), and {one_more['seconds']} s "
            "of bookkeeping after one more target was added (processor time "
            f"{one_more['processor_seconds']} s; {_format_rounds(no_op['rounds'])}"
            f"{f'; {note}' if note else ''})."
        )
    for part, device in (("engine", "CPU"), ("gpu", "GPU")):
        if part in figures:
            engine = figures[part]
            rounds = engine["speedup_of_each_round"]
            yield (
                f"On the {device}, batches of {engine['seeds']} images are {engine['speedup']} "
                f"times as fast as `StableDiffusionPipeline` called seed by seed (median of "
                f"{len(rounds)} rounds, {min(rounds)} to {max(rounds)})."
            )
    for store in figures["publish"]["stores"] if "publish" in figures else ():
        yield (
            f"`publish` writes {store['trials']:,} trials with {store['scores']:,} scores into "
            f"{store['store']} in {store['seconds']:.0f} s (processor time "
            f"{store['cpu_seconds']:.0f} s, 1 run), with at most {store['peak_mb']:,} MB of memory."
        )
    with_bar = [bar for bar in bars if bar.is_met is not None]
    missed = [f"{bar.what} ({bar.measured}; bar {bar.bar})" for bar in with_bar if not bar.is_met]
    yield f"{len(with_bar) - len(missed)} of {len(with_bar)} bars are met." + (
        f" Missed: {'; '.join(missed)}." if missed else ""
    )


def pipeline_bars(figures: Figures) -> Iterator[Bar]:
    """The demonstration, `dvc repro` with nothing to do, and the total of each stage."""
    demo, no_op = figures["demo"]["seconds"], figures["nothing_to_do"]["seconds"]
    yield Bar("`make demo`, environment in place", "≤ 10 min", f"{demo:.0f} s", demo <= 600)
    yield Bar("`dvc repro` with nothing to do", "≤ 4 s", f"{no_op} s", no_op <= 4)
    for name, total in (figures["stages_without_torch"] | figures["stages_with_torch"]).items():
        yield Bar(f"stage `{name}`: total", "", f"{total['seconds']} s")


def bookkeeping_bars(figures: Figures) -> Iterator[Bar]:
    """DVC's bookkeeping by the number of targets."""
    for project in figures["projects"]:
        size = f"{project['targets']} targets × {project['checkpoints']} checkpoints"
        for what, key, bars in (
            ("nothing to do", "no_op", NO_OP_BARS),
            ("one more target, commands replaced by stubs", "one_more", ONE_MORE_BARS),
        ):
            seconds, bar = project[key]["seconds"], bars.get(project["targets"])
            yield Bar(
                f"`dvc repro`, {size}: {what}",
                f"≤ {bar} s" if bar else "",
                f"{seconds} s ({_format_rounds(project[key]['rounds'])}; processor time "
                f"{project[key]['processor_seconds']} s)",
                seconds <= bar if bar else None,
            )


def startup_bars(figures: Figures) -> Iterator[Bar]:
    """The start of a stage, without its work."""
    fork = figures["fork"]
    yield Bar("any stage under `seedwitness run`: start", "≤ 1.0 s", f"{fork} s", fork <= 1)
    for kind, bar in (("without_torch", 1.0), ("with_torch", 4.0)):
        for name, seconds in figures[kind].items():
            what = f"stage `{name}`, {kind.replace('_', ' ')}: start"
            yield Bar(what, f"≤ {bar:g} s", f"{seconds} s", seconds <= bar)


def publish_bars(figures: Figures) -> Iterator[Bar]:
    """Trials into each kind of store."""
    for store in figures["stores"]:
        seconds, few = store["seconds"], store["few"]
        what = f"`publish` of {store['trials']:,} trials into {store['store']}, 7 metrics each"
        bar = PUBLISH_SECONDS * store["trials"] / 100_000
        measured = f"{seconds} s (processor time {store['cpu_seconds']} s)"
        yield Bar(what, f"≤ {bar:.0f} s", measured, seconds <= bar)
        memory = f"{store['peak_mb']:,} MB; with {few['trials']:,} trials {few['peak_mb']:,} MB"
        yield Bar(f"{what}: peak memory", "", memory)


def engine_bars(figures: Figures) -> Iterator[Bar]:
    """The engine's batches against diffusers' own pipeline."""
    yield Bar(
        f"batches of {figures['seeds']} against `StableDiffusionPipeline` called seed by seed",
        "≥ 2 ×",
        f"{figures['speedup']} × (rounds: {figures['speedup_of_each_round']}; in processor time "
        f"{figures['speedup_in_processor_time']} ×)",
        figures["speedup"] >= 2,
    )


def gpu_bars(figures: Figures) -> Iterator[Bar]:
    """The engine on a GPU, and how far its batches are from single images there."""
    gpu = figures["machine"]["gpu"]
    for bar in engine_bars(figures):
        yield Bar(f"{bar.what}, on {gpu}", bar.bar, bar.measured, bar.is_met)
    single = "equal" if figures["bit_equal_at_batch_1"] else "not equal"
    yield Bar(
        f"latents of batches against those of `StableDiffusionPipeline`, on {gpu}",
        "",
        f"largest difference {figures['largest_difference']:.1g}; at batch 1 {single} bit for bit",
    )


def _format_rounds(rounds: Sequence[float]) -> str:
    return "1 run" if len(rounds) == 1 else f"median of {len(rounds)}"


NO_OP_BARS = {8: 4, 200: 30}
"""Seconds of `dvc repro` with nothing to do, at most, by the number of targets."""

ONE_MORE_BARS = {200: 15}
"""Seconds of bookkeeping after one target was added, at most, by the number of targets."""

PUBLISH_SECONDS = 60
"""Seconds of `publish` for 100,000 trials, at most."""

SECTIONS = {
    "pipeline": pipeline_bars,
    "bookkeeping": bookkeeping_bars,
    "startup": startup_bars,
    "publish": publish_bars,
    "engine": engine_bars,
    "gpu": gpu_bars,
}
