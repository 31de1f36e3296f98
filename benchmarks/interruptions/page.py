"""The page of the interrupted runs: figures to Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.shared.markdown import describe_place, format_list, format_table

Figures = Mapping[str, Any]


def render_page(figures: Mapping[str, Figures]) -> str:
    """The page: its summary, how it was measured, and in which stage each kill fell."""
    (series,) = figures.values()
    machine = series["machine"]
    return (
        "# Interrupted runs\n\n"
        "## Summary\n\n"
        "Question: does `seedwitness run` go on by itself after it was killed, and is anything "
        "lost that was finished?\n\n" + format_list(summarise(series)) + "## Method\n\n"
        "Written by `make bench-interruptions`; the figures are in "
        "[interruptions.json](interruptions.json). The small project of the tests, with "
        f"{series['targets']} target and 2 checkpoints, is run in a terminal of its own and "
        "killed at a random moment, again and again until it is complete; then the next copy of it "
        f"begins. Four of five kills fall within {series['longest']:g} s after the first stage "
        f"began, the others within {series['longest']:g} s after the start of the run. SIGTERM is "
        "sent to the process of the run, SIGKILL to its group of processes, and Ctrl-C is typed. A "
        "fourth way waits until DVC has cut one of its lock files, which it writes in place, and "
        "sends SIGKILL then. The order and the moments follow from the seed "
        f"{series['seed']}. A stage counts as finished when DVC has recorded it or the next one "
        "has begun. At the end, all files of `data/` and `reports/`, and the contents in MLflow's "
        "store, are compared with those of a run that was not disturbed. Durations are left out, "
        "and the log of attempts, which holds the time, is given to each copy.\n\n"
        f"Measured on {describe_place(machine)}, Python {machine['python']}. The undisturbed run "
        f"took {series['undisturbed_seconds']} s there.\n\n"
        "## Kills\n\n" + format_table(["stage", *_list_ways(series)], list_rows(series))
    )


def summarise(series: Figures) -> Iterator[str]:
    """The sentences that a reader takes away."""
    kills, failures = series["kills"], series["failures"]
    ways = Counter(kill["way"] for kill in kills)
    cut = sum(bool(kill["cut"]) for kill in kills)
    yield (
        f"{len(kills)} kills of {series['projects']} projects: "
        + ", ".join(f"{count} × {way}" for way, count in sorted(ways.items()))
        + f". {cut} left a lock file of DVC that could not be read."
    )
    again = [kill["way"] for kill in kills if kill["signals"] > 1]
    if again:
        yield f"{len(again)} had to be sent or typed again after 30 s: {', '.join(again)}."
    yield f"{len(kills) - len(failures)} times the next run went on without help."
    yield (
        f"{len(series['differing'])} results differ from those of the undisturbed run."
        if series["differing"]
        else "All results equal those of the undisturbed run, byte for byte."
    )
    yield (
        f"{series['begun_stages']} stages began, where {series['stages']} are needed; "
        f"{len(series['repeated_stages'])} of them had been finished before. Of "
        f"{series['latent_files']} files in the latent cache, {len(series['repeated_latents'])} "
        "were computed again."
    )


def list_rows(series: Figures) -> list[list[str]]:
    """A row for each kind of stage: how many kills of each way fell in it."""
    ways = _list_ways(series)
    counts = Counter((_name_kind(kill["stage"]), kill["way"]) for kill in series["kills"])
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    return [[kind, *(str(counts[kind, way]) for way in ways)] for kind in kinds]


def _list_ways(series: Figures) -> list[str]:
    return sorted({kill["way"] for kill in series["kills"]})


def _name_kind(stage: str) -> str:
    """``search`` of ``owl, search-clean``."""
    return stage.rpartition(", ")[2].partition("-")[0].partition("@")[0]
