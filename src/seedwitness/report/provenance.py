"""How and where the evidence was made: the protocol, the environment, the files it rests on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from seedwitness.config.steps import (
    LookupSettings,
    PrepareSettings,
    ReachSettings,
    ScanSettings,
    SearchSettings,
)
from seedwitness.config.verdicts import DetectorSettings, JudgeSettings
from seedwitness.records.document import Document

PACKAGES = (
    "seedwitness",
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "tokenizers",
    "safetensors",
    "open_clip_torch",
    "lpips",
    "torchmetrics",
    "imagehash",
    "pdqhash",
    "faiss-cpu",
    "networkx",
    "numba",
    "triton",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "pillow",
    "wordfreq",
    "sd-parsers",
    "altair",
    "vl-convert-python",
    "jinja2",
)
NOT_INSTALLED = "not installed"


class ControlSet(Document):
    """Where the controls come from, or the pictures that a checkpoint is known to have learned."""

    source: str
    count: int
    like: list[str]
    """Names of the pictures that they were chosen to resemble; none: by the hash of their names."""


class Attempt(Document):
    """Another protocol that was written in the project, and in which settings it differs."""

    number: str
    sha256: str
    differs: list[str]


class Positions(Document):
    """In which positions a target is tried beside itself; for targets and controls alike."""

    mirrored: bool
    shift: int
    """Pixels to each of eight sides; 0 for none."""


class Protocol(Document):
    """The settings that were written down before the target was searched for.

    ``sha256`` is that of ``data/protocol/protocol.json``. ``others`` were written in the same
    project too; what was tried elsewhere, or was taken away, is not shown.
    """

    sha256: str
    others: list[Attempt]
    prepare: PrepareSettings
    recover_methods: list[str]
    recover_phrases: int
    lookup: LookupSettings
    search: SearchSettings
    scan: ScanSettings
    reach: ReachSettings
    detectors: DetectorSettings
    metrics: list[str]
    not_run: list[str]
    """Those of them that no weights were named for."""
    positions: Positions
    controls: ControlSet
    known: ControlSet | None
    """Pictures that a checkpoint is known to have learned."""
    judge: JudgeSettings


class Environment(Document):
    """The machine that wrote the report; it may differ from those that searched and scored."""

    python: str
    platform: str
    packages: dict[str, str]


class Input(Document):
    """A file that the report rests on, by its place in the project."""

    path: str
    sha256: str


def environment() -> Environment:
    """Versions of everything that can change a figure. No time, no name of a user or machine."""
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
        packages={name: _version(name) for name in PACKAGES},
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_INSTALLED
