"""Kills `seedwitness run` again and again and writes the page of what came of it.

.venv/bin/python -m benchmarks.interruptions docs/interruptions.md docs/interruptions.json
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.interruptions.killing import run_until
from benchmarks.interruptions.page import render_page
from benchmarks.interruptions.project import lay_out, make_environment
from benchmarks.interruptions.series import run_series
from benchmarks.shared.measurement import write_page

PART = "kills"
TARGETS, KILLS, LONGEST, SEED = 1, 54, 20.0, 1


def measure_series(_: str, __: Path) -> dict[str, Any]:
    """Run the project once undisturbed, then the series of kills on copies of it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        pristine = lay_out(folder, TARGETS)
        environment = make_environment()
        undisturbed = folder / "undisturbed"
        shutil.copytree(pristine, undisturbed, symlinks=True)
        first = run_until(undisturbed, environment, "", None)
        if first.code:
            raise SystemExit(f"The undisturbed run failed:\n{first.output[-4000:]}")
        series = run_series(
            pristine, undisturbed, folder / "series", environment, KILLS, LONGEST, SEED
        )
        settings = {"targets": TARGETS, "longest": LONGEST, "seed": SEED}
        return {**settings, "undisturbed_seconds": round(first.seconds, 1), **asdict(series)}


if __name__ == "__main__":
    write_page(__doc__ or "", [PART], measure_series, render_page)
