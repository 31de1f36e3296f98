"""The page of lookups: its text is in ``lookup.md``, and the figures of the measurements here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.lookup.vectors import WHAT
from benchmarks.shared.markdown import describe_place, format_list, format_rate, format_table

TEMPLATE = Path(__file__).with_name("lookup.md")
SUMMARY_PLACE, PARTS_PLACE = "<!-- summary -->\n", "<!-- parts -->\n"
EXACT_BAR, EXACT_ROWS = 60, 1_000_000
IVF_BAR, IVF_ROWS, IVF_RECALL, IVF_MEMORY = 10, 10_000_000, 0.95, 2.0
COLD_BAR, WARM_BAR, TABLE_ROWS, TABLE_MEMORY = 30, 5, 100_000_000, 2.0
RANK_BARS = {"PNG": 99, "JPEG 50": 99, "crop 80 %": 95, "mirrored": 95, "halved": 99}
OTHERS_BAR = 1

Figures = Mapping[str, Any]


def render_page(figures: Figures) -> str:
    """The page with its summary, and the parts that were measured."""
    parts = {"exact": _render_exact, "ivf": _render_ivf, "tables": _render_tables}
    sections: dict[str, Callable[[Figures], str]] = {**parts, "lab": _render_lab}
    text = "".join(render(figures[part]) for part, render in sections.items() if part in figures)
    page = TEMPLATE.read_text(encoding="utf-8")
    page = page.replace(SUMMARY_PLACE, format_list(_summarise(figures)))
    return page.replace(PARTS_PLACE, text)


def _summarise(figures: Figures) -> Iterator[str]:
    if "exact" in figures:
        part = figures["exact"]
        times = part["milliseconds"]["codes first"]
        median = times["median"]
        yield (
            f"Exact, {part['rows']:,} × {part['width']}: {median:g} ms in the median for a picture "
            f"and a text together{_judge(median <= EXACT_BAR, f'{EXACT_BAR} ms')}, of which "
            f"{times['processor']:g} ms are its own processor time; other work ran on both "
            "cores."
        )
    if "ivf" in figures:
        part = figures["ivf"]
        median = part["milliseconds"]["first"]["median"]
        is_met = median <= IVF_BAR and part["recall_at_10"] >= IVF_RECALL
        bar = f"{IVF_BAR} ms at a recall of {IVF_RECALL:g}, for {IVF_ROWS:,} rows"
        yield (
            f"IVF-PQ, {part['rows']:,} × {part['width']}: {median:g} ms in the median, recall at "
            f"ten {part['recall_at_10']:.3f}, {part['query_memory_gb']:g} GB of memory"
            f"{_judge_size(part['rows'], IVF_ROWS, is_met, bar)}."
        )
    if "tables" in figures:
        part = figures["tables"]
        searches = part["searches"].values()
        cold = max(each["cold"]["seconds"] for each in searches)
        warm = max(each["warm"]["seconds"] for each in searches)
        bar = f"{COLD_BAR} s and {WARM_BAR} s for {TABLE_ROWS:,} rows"
        is_met = cold <= COLD_BAR and warm <= WARM_BAR
        yield (
            f"Captions and URLs in {part['rows']:,} rows of parquet: at most {cold:g} s cold and "
            f"{warm:g} s warm{_judge_size(part['rows'], TABLE_ROWS, is_met, bar)}."
        )
    if "lab" in figures:
        variants = figures["lab"]["variants"]
        missed = [
            name
            for name, bar in RANK_BARS.items()
            if 100 * variants[name]["rank_1"]["hits"] < bar * variants[name]["rank_1"]["n"]
        ]
        met = f"all {len(RANK_BARS)} bars are met" if not missed else f"missed: {', '.join(missed)}"
        others = figures["lab"]["others_called_copies"]
        is_met = 100 * others["hits"] <= OTHERS_BAR * others["n"]
        yield (
            "In the lab, planted pictures are at rank 1 as PNG, JPEG, cropped, mirrored and halved "
            f"({met}); pictures that the corpus lacks are called copies in {format_rate(others)}"
            f"{_judge(is_met, f'{OTHERS_BAR} %')}."
        )


def _judge(is_met: bool, bar: str) -> str:
    return f" (bar: {bar}{'' if is_met else '; missed'})"


def _judge_size(rows: int, needed: int, is_met: bool, bar: str) -> str:
    if rows < needed:
        return f" (bar: {bar}; so many were not measured)"
    return _judge(is_met, bar)


def _render_exact(part: Figures) -> str:
    rows = [[kind, *_format_times(each)] for kind, each in part["milliseconds"].items()]
    return (
        f"## Exact index\n\n{part['rows']:,} pictures and as many captions of {part['width']} "
        f"dimensions: {WHAT} {part['queries']} pairs of a picture and a text, one after the other, "
        f"{_count_threads(part['threads'])}. *Plain* is faiss's exact index, *codes first* "
        "compares codes of 8 bits and then the vectors, until no other row can be nearer; "
        f"`--serve` does so. Making the codes took {part['codes_seconds']:g} s, the memory was at "
        f"most {part['memory_gb']:g} GB, mapped files included. The answers were equal for "
        f"{part['equal_answers']} of {part['queries']} pairs.\n\n"
        + format_table(["search", "median", "largest", "processor time"], rows)
        + _describe_load(part)
    )


def _render_ivf(part: Figures) -> str:
    rows = [[name, *_format_times(each)] for name, each in part["milliseconds"].items()]
    return (
        f"## IVF-PQ with exact re-scoring\n\n{part['rows']:,} rows of {part['width']} dimensions: "
        f"{WHAT} Index: {part['kind']}. Building it took {part['seconds']:g} s "
        f"({part['rows_per_second']:,} rows a second, {_count_threads(part['threads'])}) and at "
        f"most {part['memory_gb']:g} GB; its codes have {part['codes_gb']:g} GB. Of the ten "
        f"nearest rows by an exact search it finds {part['recall_at_10']:.3f}, the row itself at "
        f"rank 1 {part['recall_at_1']:.3f}, of {part['queries']} queries. The memory of the "
        f"process that queries was at most {part['query_memory_gb']:g} GB, pages of mapped files "
        "included.\n\n"
        + format_table(["query", "median", "largest", "processor time"], rows)
        + _describe_load(part)
    )


def _render_tables(part: Figures) -> str:
    rows = [
        [
            question,
            f"{each['cold']['seconds']:g} s",
            f"{each['warm']['seconds']:g} s",
            f"{each['warm']['processor_seconds']:g} s",
            f"{max(each['cold']['memory_gb'], each['warm']['memory_gb']):g} GB",
            f"{each['warm']['found']:,}",
        ]
        for question, each in part["searches"].items()
    ]
    return (
        f"## Tables by DuckDB\n\n{part['rows']:,} rows in {part['files']} files of parquet, "
        f"{part['gb']:g} GB, with made captions and URLs, which compress better than real ones. "
        "Each search is a process of its own; for the cold one the files had left the page "
        "cache.\n\n"
        + format_table(["search", "cold", "warm", "processor time, warm", "memory", "found"], rows)
        + _describe_load({**part, "load": max(_list_loads(part))})
    )


def _render_lab(part: Figures) -> str:
    rows = [
        [
            name,
            format_rate(each["rank_1"]),
            f"{RANK_BARS[name]} %" if name in RANK_BARS else "none",
            format_rate(each["called_copies"]),
        ]
        for name, each in part["variants"].items()
    ]
    return (
        f"## Variants in the lab\n\nThe corpus is the lab's {part['corpus']:,} training pictures, "
        f"indexed at {part['build_rows_per_second']:g} rows a second; recall at rank 1 of its own "
        f"known items by CLIP alone {100 * part['recall_at_1']:.1f} %. Each planted picture was "
        "changed and looked up among all; *called a copy* also needs PDQ, or a cosine of "
        f"{part['copy_descriptor']:g} by the descriptor, which was chosen so that fewer than one "
        "in a hundred of the held-out pictures have more. Pictures that the corpus lacks, the same "
        f"held-out ones, were called copies in {format_rate(part['others_called_copies'])}.\n\n"
        + format_table(["variant", "rank 1", "bar", "called a copy"], rows)
        + f"{describe_place(part['machine'])}.\n\n"
    )


def _format_times(times: Figures) -> list[str]:
    return [f"{times[name]:g} ms" for name in ("median", "largest", "processor")]


def _list_loads(part: Figures) -> list[float]:
    return [each[kind]["load"] for each in part["searches"].values() for kind in ("cold", "warm")]


def _describe_load(part: Figures) -> str:
    """The machine, and how busy it was: the times on the clock depend on that."""
    return (
        f"{describe_place(part['machine'])}; other work ran beside it, load average "
        f"{part['load']:g}.\n\n"
    )


def _count_threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"
