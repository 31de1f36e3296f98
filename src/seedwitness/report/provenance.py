"""How and where the evidence was made: the analysis plan, the environment, and the input files."""

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
    """Where the controls come from, or the learned images."""

    source: str
    count: int
    like: list[str]
    """Names of the images that they were chosen to resemble; none: chosen by the hash of names."""


class SettingDifference(Document):
    """A setting that another plan has otherwise; the values are JSON, None where it is not set."""

    setting: str
    other: str | None
    here: str | None


class OtherPlan(Document):
    """Another analysis plan that was written in the project, and the settings that differ."""

    number: str
    sha256: str
    differences: list[SettingDifference]


class Alignments(Document):
    """The alignments of a target that are tried, for targets and controls alike."""

    mirrored: bool
    shift: int
    """Pixels to each of eight sides; 0 for none."""


class AnalysisPlan(Document):
    """The settings that were written before the target was searched for.

    ``sha256`` is that of ``data/plan/plan.json``. ``others`` were written in the same project too;
    plans that were tried elsewhere, or deleted, are not shown.
    """

    sha256: str
    others: list[OtherPlan]
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
    """Metrics that did not run because no weights were named for them."""
    alignments: Alignments
    controls: ControlSet
    learned_images: ControlSet | None
    """Images that a checkpoint is known to have learned."""
    judge: JudgeSettings


class Environment(Document):
    """The machine that wrote the report; it may differ from those that searched and scored."""

    python: str
    platform: str
    packages: dict[str, str]


class InputFile(Document):
    """A file that the report rests on, by its path in the project."""

    path: str
    sha256: str


def describe_environment() -> Environment:
    """Versions of everything that can change a figure, without times or names of users."""
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
