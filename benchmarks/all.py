"""Every benchmark in turn, each in a process of its own; writes a page and the figures behind it.

    .venv/bin/python benchmarks/all.py docs/benchmarks.md docs/benchmarks.json [--parts engine …]

Both files are written after each part, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import torch
from pages import place, table

from seedwitness.runtime.cores import available_cores
from seedwitness.runtime.files import write_whole

HERE = Path(__file__).parent
CHECKPOINT = HERE.parent / "data/lab/checkpoints/lab-memorised"
TILES = Path("data/pictures/dcss")
LABS = [Path("data/lab"), *([Path("data/dcss")] if TILES.exists() else [])]
"""The labs that can be asked here: the second is of tiles that are not in git."""
Row = tuple[str, str, str, bool | None]
"""What was measured, its bar, the figure, and whether it clears that; None where there is none."""


def run(name: str, *arguments: str) -> dict[str, Any]:
    """The figures of one benchmark, in a process of its own."""
    sys.stderr.write(f"{name} …\n")
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def processor() -> str:
    """What the processor calls itself, where that can be read."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Where and when something was measured."""
    return {
        "processor": processor(),
        "cores": available_cores(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": date.today().isoformat(),
    }


def main(
    about: str,
    parts: Collection[str],
    measured: Callable[[str, Path], dict[str, Any]],
    page: Callable[[dict[str, Any]], str],
) -> None:
    """Measure part after part, and write the page and its figures after each.

    With each part goes where and when it was measured; parts that are not asked for stay.
    ``measured`` is told the page's folder too, for what is to lie beside it.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("markdown", type=Path)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--parts", nargs="+", choices=list(parts), default=list(parts))
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    if asked.figures.exists():
        found = json.loads(asked.figures.read_text("utf-8"))
    for part in asked.parts:
        found[part] = measured(part, asked.markdown.parent) | {"machine": machine()}
        write_whole(asked.figures, json.dumps(found, indent=1) + "\n")
        write_whole(asked.markdown, page(found))


def page(found: dict[str, Any]) -> str:
    """What was measured so far, beside the bars that it is to clear."""
    rows: list[Row] = []
    for name, section in SECTIONS.items():
        if name in found:
            rows += section(found[name])
    words = {None: "–", True: "yes", False: "**no**"}
    cells = [[what, bar, value, words[met]] for what, bar, value, met in rows]
    places = {
        f"{place(where)}, Python {where['python']}"
        for where in (each["machine"] for each in found.values())
    }
    return (
        "# Speed\n\n"
        "Written by `make bench-speed`; the figures themselves are in "
        "[benchmarks.json](benchmarks.json). Medians. A stage *starts* with its interpreter and "
        "all that it imports, its work not counted; its *whole* is that of the process, its work "
        "included, with what it needs of the ledger already there. Starts and wholes were timed in "
        "rounds of their own, and differ by what the machine did then.\n\n"
        f"Measured on {'; '.join(sorted(places))}.\n\n"
        + table(["what", "bar", "measured", "met"], cells).rstrip("\n")
        + "\n"
    )


def pipeline(found: dict[str, Any]) -> Iterator[Row]:
    """The demonstration, nothing to do, and whole stages."""
    demo, nothing = found["demo"]["seconds"], found["nothing_to_do"]["seconds"]
    yield "`make demo`, environment in place", "≤ 10 min", f"{demo:.0f} s", demo <= 600
    yield "`dvc repro` with nothing to do", "≤ 4 s", f"{nothing} s", nothing <= 4
    for name, each in (found["stages_without_torch"] | found["stages_with_torch"]).items():
        what = f"the whole of a stage in a process of its own: `{name}`"
        yield what, "", f"{each['seconds']} s", None


def startup(found: dict[str, Any]) -> Iterator[Row]:
    """Stages, their work not counted."""
    fork = found["fork"]
    yield "start of any stage under `seedwitness run`", "≤ 1.0 s", f"{fork} s", fork <= 1
    for kind, bar in (("without_torch", 1.0), ("with_torch", 4.0)):
        for name, each in found[kind].items():
            what = f"start of a stage {kind.replace('_', ' ')} in a process of its own: `{name}`"
            yield what, f"≤ {bar:g} s", f"{each} s", each <= bar


def publish(found: dict[str, Any]) -> Iterator[Row]:
    """Trials into SQLite."""
    rate = found["trials_per_second"]
    what = "`publish` into SQLite, 7 metrics a trial"
    yield what, "≥ 2,000 trials/s", f"{rate:,} trials/s", rate >= 2000


def engine(found: dict[str, Any]) -> Iterator[Row]:
    """Batches against diffusers' own pipeline."""
    yield (
        f"batches of {found['seeds']} against StableDiffusionPipeline, seed by seed",
        "≥ 2 ×",
        f"{found['speedup']} × (rounds: {found['speedup_of_each_round']}; in processor time "
        f"{found['speedup_in_processor_time']} ×)",
        found["speedup"] >= 2,
    )


def on_a_gpu(found: dict[str, Any]) -> Iterator[Row]:
    """As ``engine``, and how far batches on a GPU are from single pictures there."""
    for _, bar, value, met in engine(found):
        yield f"the same on {found['machine']['gpu']}", bar, value, met
    alone = "bit for bit" if found["bit_equal_at_batch_1"] else "not bit for bit"
    what = "there, latents of a batch against those of StableDiffusionPipeline, one by one"
    yield what, "", f"within {found['largest_difference']:.1g}; at batch 1 equal {alone}", None


SECTIONS = {"pipeline": pipeline, "startup": startup, "publish": publish, "engine": engine}
SECTIONS["gpu"] = on_a_gpu
PARTS = [name for name in SECTIONS if name != "gpu" or torch.cuda.is_available()]
BENCHES = {"gpu": "engine"}
ARGUMENTS = {"engine": ("--checkpoint", str(CHECKPOINT))}


def measured(part: str, _: Path) -> dict[str, Any]:
    """The figures of one part."""
    name = BENCHES.get(part, part)
    return run(name, *ARGUMENTS.get(name, ()))


if __name__ == "__main__":
    main(__doc__ or "", PARTS, measured, page)
