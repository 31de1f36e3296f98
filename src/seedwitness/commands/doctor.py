"""What the project needs and what of it is here: packages, weights, pictures, machine.

Each finding is one line. Nothing is imported to find out whether it is there: a package's version
stands in its metadata, a GPU is seen by its driver's own command. Only ``gpu=True`` asks torch,
which takes seconds.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.version import Version

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.params import Params, load_params
from seedwitness.config.reading import FILE_NAME
from seedwitness.errors import ConfigError
from seedwitness.runtime.hashes import sha256_file

State = Literal["ok", "missing", "too old", "wrong", "note"]

PACKAGE = "seedwitness"
PYTHON = Version("3.11")
LEAST_DISK = 2 * 10**9
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CLIP_CONFIG = "open_clip_config.json"
CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``remedy`` says what to do where it is not as it should be."""

    group: str
    name: str
    state: State
    what: str
    remedy: str = ""
    path: Path | None = None
    """Of what is missing."""

    @property
    def is_required(self) -> bool:
        """Whether something does not run without it."""
        return self.state in ("missing", "too old", "wrong")


def inspect_installation(*, gpu: bool = False) -> list[Check]:
    """All findings about the environment and the project in the working directory."""
    return [*packages(), *_machine(gpu=gpu), *_project()]


def missing_inputs() -> list[Check]:
    """What the project names and is not there; no file is opened for it."""
    return [each for each in _project(opened=False) if each.state == "missing"]


def format_lines(findings: list[Check]) -> Iterator[str]:
    """The findings as lines: a heading a group, and remedies where they are needed."""
    width = max(len(each.name) for each in findings)
    group = ""
    for each in findings:
        if each.group != group:
            group = each.group
            yield f"\n{group}"
        remedy = f" {each.remedy}" if each.remedy and each.state != "ok" else ""
        yield f"  {each.state:8} {each.name:{width}}  {each.what}{'.' * bool(remedy)}{remedy}"
    bad = [each.name for each in findings if each.is_required]
    yield (
        f"\n{len(bad)} of {len(findings)} need mending: {', '.join(bad)}"
        if bad
        else (f"\nAll {len(findings)} looked at are well.")
    )


def packages(name: str = PACKAGE) -> Iterator[Check]:
    """Every package that ``name`` requires, against its bounds; those of extras are only noted."""
    python = Version(platform.python_version())
    state: State = "ok" if python >= PYTHON else "too old"
    yield Check("packages", "python", state, str(python), f"Install Python {PYTHON} or newer.")
    for text in importlib.metadata.requires(name) or []:
        yield from _package(Requirement(text))


def _package(requirement: Requirement) -> Iterator[Check]:
    marker = requirement.marker
    optional = marker is not None and "extra" in str(marker)
    if marker is not None and not optional and not marker.evaluate():
        return
    extra = str(marker).split("==")[-1].strip(" \"'") if optional else ""
    why = f"; only for {extra}" if extra else ""
    remedy = f'`make setup`, or `pip install "{requirement.name}{requirement.specifier}"`.'
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        state: State = "note" if optional else "missing"
        yield Check("packages", requirement.name, state, f"not installed{why}", remedy)
        return
    if requirement.specifier.contains(version, prereleases=True):
        yield Check("packages", requirement.name, "ok", version)
    else:
        what = f"{version}, wanted {requirement.specifier}{why}"
        state = "note" if optional else "too old"
        yield Check("packages", requirement.name, state, what, remedy)


def _machine(*, gpu: bool) -> Iterator[Check]:
    free = shutil.disk_usage(Path()).free
    state: State = "ok" if free >= LEAST_DISK else "note"
    yield Check("machine", "disk", state, f"{free / 1e9:.1f} GB free", "Free some space.")
    for name, remedy in (("git", "Install git."), ("make", "Install make.")):
        found = shutil.which(name)
        there: State = "ok" if found else ("missing" if name == "git" else "note")
        yield Check("machine", name, there, found or "not found", remedy)
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    yield Check(
        "machine",
        "browser",
        "ok" if browser else "note",
        browser or "no Chromium or Chrome: the reports' browser tests are left out",
        "Install chromium to run them.",
    )
    yield _gpu_by_torch() if gpu else _gpu_by_driver()


def _gpu_by_driver() -> Check:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        what = "no NVIDIA driver; everything runs on the CPU. `--gpu` asks torch itself"
        return Check("machine", "gpu", "ok", what)
    asked = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        ended = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Check("machine", "gpu", "note", f"nvidia-smi fails: {error}", "Mend the driver.")
    return Check("machine", "gpu", "ok", "; ".join(ended.stdout.split("\n")).strip("; "))


def _gpu_by_torch() -> Check:
    import torch

    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        names = ", ".join(torch.cuda.get_device_name(number) for number in range(count))
        return Check("machine", "gpu", "ok", f"{names} (torch {torch.__version__})")
    if torch.backends.mps.is_available():
        what = f"Apple's, which is not used here: the CPU (torch {torch.__version__})"
        return Check("machine", "gpu", "note", what)
    return Check("machine", "gpu", "ok", f"none that torch {torch.__version__} can use: the CPU")


def _project(*, opened: bool = True) -> Iterator[Check]:
    """Parameters, targets, checkpoints and weights; only the first where it cannot be read.

    Weights are held against their cards where they may be ``opened``.
    """
    path = Path(FILE_NAME)
    try:
        params = load_params(path)
    except ConfigError as error:
        state: State = "wrong" if path.exists() else "missing"
        yield Check("project", FILE_NAME, state, str(error))
        return
    counts = f"{len(params.targets)} targets, {len(params.checkpoints)} checkpoints"
    yield Check("project", FILE_NAME, "ok", counts)
    for name, target in params.targets.items():
        there = target.path.is_file()
        remedy = (
            f"Put the picture there, or take {name} out of conf/targets.yaml; `make demo` draws "
            "those of the demonstration."
        )
        what = str(target.path) if there else f"no {target.path}"
        yield Check("targets", name, "ok" if there else "missing", what, remedy, target.path)
    for name, checkpoint in params.checkpoints.items():
        yield _checkpoint(name, checkpoint)
    yield from _weights(params, opened=opened)
    yield from _brought(params)


def _checkpoint(name: str, settings: CheckpointSettings) -> Check:
    remedy = f"Fetch it: `{settings.fetch}`." if settings.fetch else "Put it there."
    path = settings.path
    wanted = [path / "model_index.json" if settings.family == "diffusers" else path]
    wanted += [settings.config / "model_index.json"] if settings.config else []
    if absent := next((each for each in wanted if not each.is_file()), None):
        return Check("checkpoints", name, "missing", f"no {absent}", remedy, absent)
    empty = _without_weights(path) if settings.family == "diffusers" else ""
    if empty:
        return Check("checkpoints", name, "wrong", f"{empty} holds no weights", remedy)
    files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
    size = sum(each.stat().st_size for each in files)
    return Check("checkpoints", name, "ok", f"{path}, {size / 1e6:.0f} MB")


def _without_weights(folder: Path) -> str:
    """The first of the parts with weights that holds none; empty where each has some."""
    for part in ("unet", "vae", "text_encoder"):
        here = folder / part
        if not here.is_dir() or not any(each.suffix in WEIGHTS for each in here.iterdir()):
            return str(here)
    return ""


def _weights(params: Params, *, opened: bool) -> Iterator[Check]:
    named = {"clip": params.clip.path}
    named |= {f"score.weights.{name}": path for name, path in params.score.weights.items()}
    for name, path in named.items():
        yield _carded(name, path, opened=opened)


def _brought(params: Params) -> Iterator[Check]:
    """Folders of pictures, and files, that a user brings along."""
    known = params.controls.learned.folders if params.controls.learned else {}
    folders = {"corpus": params.corpus.path, "controls": params.controls.path}
    folders |= {f"controls.learned.folders.{name}": path for name, path in known.items()}
    files = {f"controls.similar_to, {path.name}": path for path in params.controls.similar_to}
    files |= {"recover.phrases": params.recover.phrases} if params.recover.phrases else {}
    for name, path in (folders | files).items():
        there = path.is_dir() if name in folders else path.is_file()
        remedy = "`make demo` makes the lab's; put any other there."
        what = str(path) if there else f"no {path}"
        yield Check("pictures", name, "ok" if there else "missing", what, remedy, path)


def _carded(name: str, path: Path, *, opened: bool) -> Check:
    """A weights file, or a folder that holds one, against the SHA-256 that its card names."""
    remedy = (
        "`make lab` trains the lab's own; the files of conf/score and conf/clip say how published "
        "ones are fetched."
    )
    folder = path.is_dir()
    file = path
    if folder:
        named = [path / each for each in CLIP_WEIGHTS]
        others = sorted(each for each in path.iterdir() if each.suffix in WEIGHTS)
        file = next((each for each in (*named, *others) if each.is_file()), path)
    card = path / CLIP_CONFIG if folder else path.with_suffix(".json")
    if not file.is_file():
        return Check("weights", name, "missing", f"no weights at {path}", remedy, path)
    if not opened:
        return Check("weights", name, "ok", str(file))
    if not card.is_file():
        return Check("weights", name, "note", f"{file}, without a card to compare with")
    try:
        told = json.loads(card.read_text(encoding="utf-8"))
        entry = told.get("card", {}) if folder else told
        expected = entry.get("sha256")
    except (ValueError, AttributeError) as error:
        return Check("weights", name, "wrong", f"{card} is no card: {error}", remedy)
    if expected is None:
        return Check("weights", name, "note", f"{file}; its card names no SHA-256")
    actual = sha256_file(file)
    if actual != expected:
        what = f"{file} is not what {card.name} says: its SHA-256 is {actual}, not {expected}"
        return Check("weights", name, "wrong", what, remedy)
    label = entry.get("label", "")
    return Check("weights", name, "ok", f"{file}, as its card says{f' ({label})' * bool(label)}")
