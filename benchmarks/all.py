"""Every benchmark in turn, each in a process of its own; writes a page and the figures behind it.

.venv/bin/python benchmarks/all.py docs/benchmarks.md docs/benchmarks.json
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CHECKPOINT = HERE.parent / "data/lab/checkpoints/lab-memorised"


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
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": date.today().isoformat(),
    }


def page(found: dict[str, Any]) -> str:
    """The figures beside the bars that they are to clear."""
    engine, publish, pipeline = (found[name] for name in ("engine", "publish", "pipeline"))
    light = pipeline["stages_without_torch"]
    heavy = pipeline["stages_with_torch"]
    rows = [
        ("`make demo`, environment in place", "≤ 10 min", f"{pipeline['demo']['seconds']:.0f} s"),
        ("`dvc repro` with nothing to do", "≤ 4 s", f"{pipeline['nothing_to_do']['seconds']} s"),
        *(
            (f"a stage without torch, whole: `{name}`", "≤ 1.0 s", f"{each['seconds']} s")
            for name, each in light.items()
        ),
        *(
            (f"a stage with torch, whole: `{name}`", "≤ 4 s", f"{each['seconds']} s")
            for name, each in heavy.items()
        ),
        (
            "`publish` into SQLite, 7 metrics a trial",
            "≥ 2,000 trials/s",
            f"{publish['trials_per_second']:,} trials/s",
        ),
        (
            f"batches of {engine['seeds']} against StableDiffusionPipeline, seed by seed",
            "≥ 2 ×",
            f"{engine['speedup']} × (rounds: {engine['speedup_of_each_round']}; in processor time "
            f"{engine['speedup_in_processor_time']} ×)",
        ),
    ]
    table = "\n".join(f"| {what} | {bar} | {value} |" for what, bar, value in rows)
    return (
        "# Speed\n\n"
        "Written by `make bench`; the figures themselves are in "
        "[benchmarks.json](benchmarks.json). Medians; a stage's time is that of the whole "
        "process, its work included, with what it needs of the ledger already there.\n\n"
        f"Measured on {found['machine']['processor']}, {found['machine']['cores']} cores, "
        f"{found['machine']['date']}, Python {found['machine']['python']}, no GPU in use.\n\n"
        f"| what | bar | measured |\n|---|---|---|\n{table}\n"
    )


def main(markdown: Path, figures: Path) -> None:
    """Measure all and write both files."""
    found: dict[str, Any] = {"machine": machine()}
    found["engine"] = run("engine", "--checkpoint", str(CHECKPOINT))
    found["publish"] = run("publish")
    found["pipeline"] = run("pipeline")
    figures.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    markdown.write_text(page(found), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
