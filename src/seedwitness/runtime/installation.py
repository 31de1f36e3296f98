"""Checks of the installation: Python packages and the machine.

Nothing is imported for a check: a package's version is in its metadata, and a GPU is found by its
driver's own command. Only ``gpu=True`` asks torch, which takes seconds.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.version import Version

State = Literal["ok", "missing", "too old", "wrong", "note"]

PACKAGE = "seedwitness"
RUN = "run"
"""The extra that everything needs but checking a bundle; its packages are required here."""
MIN_PYTHON = Version("3.11")
MIN_DISK_BYTES = 2 * 10**9
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Check:
    """The result of one check; ``remedy`` says what to do if it is not ``ok``."""

    group: str
    name: str
    state: State
    detail: str
    remedy: str = ""
    path: Path | None = None
    """The path of a missing file or folder."""

    @property
    def is_required(self) -> bool:
        """Whether it has to be fixed, because something does not run without it."""
        return self.state in ("missing", "too old", "wrong")


def check_packages(name: str = PACKAGE) -> Iterator[Check]:
    """Check every package that ``name`` requires; those of extras are notes only."""
    python = Version(platform.python_version())
    state: State = "ok" if python >= MIN_PYTHON else "too old"
    yield Check("packages", "python", state, str(python), f"Install Python {MIN_PYTHON} or newer.")
    for text in importlib.metadata.requires(name) or []:
        yield from _check_package(Requirement(text))


def _check_package(requirement: Requirement) -> Iterator[Check]:
    marker = requirement.marker
    extras = "extra" in str(marker or "")
    optional = extras and f'extra == "{RUN}"' not in str(marker)
    if marker is not None and not optional and not marker.evaluate({"extra": RUN}):
        return
    extra = str(marker).split("==")[-1].strip(" \"'") if optional else ""
    purpose = f"; only for {extra}" if extra else ""
    remedy = f'`make setup`, or `pip install "{requirement.name}{requirement.specifier}"`.'
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        state: State = "note" if optional else "missing"
        yield Check("packages", requirement.name, state, f"not installed{purpose}", remedy)
        return
    if requirement.specifier.contains(version, prereleases=True):
        yield Check("packages", requirement.name, "ok", version)
    else:
        detail = f"{version}, required {requirement.specifier}{purpose}"
        state = "note" if optional else "too old"
        yield Check("packages", requirement.name, state, detail, remedy)


def check_machine(*, gpu: bool) -> Iterator[Check]:
    """Check disk, git, make, browser and GPU; with ``gpu`` torch is asked for the GPU."""
    free = shutil.disk_usage(Path()).free
    state: State = "ok" if free >= MIN_DISK_BYTES else "note"
    yield Check("machine", "disk", state, f"{free / 1e9:.1f} GB free", "Free some space.")
    for name, remedy in (("git", "Install git."), ("make", "Install make.")):
        command = shutil.which(name)
        state = "ok" if command else ("missing" if name == "git" else "note")
        yield Check("machine", name, state, command or "not found", remedy)
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    yield Check(
        "machine",
        "browser",
        "ok" if browser else "note",
        browser or "no Chromium or Chrome: the reports' browser tests are skipped",
        "Install chromium to run them.",
    )
    yield _check_gpu_by_torch() if gpu else _check_gpu_by_driver()


def _check_gpu_by_driver() -> Check:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        detail = "no NVIDIA driver; everything runs on the CPU. `--gpu` asks torch"
        return Check("machine", "gpu", "ok", detail)
    command = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("machine", "gpu", "note", f"nvidia-smi fails: {error}", "Repair the driver.")
    return Check("machine", "gpu", "ok", "; ".join(result.stdout.split("\n")).strip("; "))


def _check_gpu_by_torch() -> Check:
    import torch

    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        names = ", ".join(torch.cuda.get_device_name(number) for number in range(count))
        return Check("machine", "gpu", "ok", f"{names} (torch {torch.__version__})")
    if torch.backends.mps.is_available():
        detail = f"Apple GPU, which is not used; the CPU is (torch {torch.__version__})"
        return Check("machine", "gpu", "note", detail)
    return Check(
        "machine", "gpu", "ok", f"none that torch {torch.__version__} can use; the CPU is used"
    )
