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
from seedwitness.records.attempts import LogCounts
from seedwitness.records.document import Document
from seedwitness.records.findings import Verdict
from seedwitness.records.time_stamps import PlanStamp
from seedwitness.runtime.workspace import is_modified, read_revision

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
    "pillow-heif",
    "pillow-jxl-plugin",
    "c2pa-python",
    "wordfreq",
    "altair",
    "vl-convert-python",
    "typst",
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

    sha256: str
    differences: list[SettingDifference]


class OtherAttempt(Document):
    """Another attempt on the same pixels: other stated prompts, checkpoints or plan.

    ``memorised`` and ``generated`` are its findings by checkpoint; empty if it did not end.
    """

    entry: str
    time: str
    target: str
    stated_prompts: list[str]
    checkpoints: dict[str, str]
    plan_sha256: str
    memorised: dict[str, Verdict]
    generated: dict[str, Verdict]


class AttemptEvidence(Document):
    """The entry of this attempt in the project's log, and what the log had counted.

    ``counts`` are those of the newest entry on the same pixels: when the attempt was made, or later
    when a target was removed. ``p_counted`` is, for each checkpoint, the p of *memorised* times the
    number of images times the number of attempts on each if all were as many as on this one, or as
    there were plans: an upper bound by Bonferroni for whoever chose among all of them.
    """

    entry: str
    time: str
    revision: str
    is_modified: bool
    counted: str
    """When the counts were taken."""
    counts: LogCounts
    p_counted: dict[str, float]
    others: list[OtherAttempt]


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
    stamps: list[PlanStamp]
    """Time stamps of this plan by authorities, the earliest first; each was checked."""
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
    revision: str
    """The commit of Git that was checked out; empty without one."""
    is_modified: bool
    """Whether a file that Git keeps differed from that commit."""
    code: dict[str, str]
    """By stage, SHA-256 of the list of source files that it runs, each with its hash."""


class InputFile(Document):
    """A file that the report rests on, by its path in the project."""

    path: str
    sha256: str


class TableFile(Document):
    """A table beside the evidence, by its path in the report's folder."""

    path: str
    what: str
    """``trials``, ``reference``, ``controls`` or ``learned``."""
    rows: int
    sha256: str


def describe_environment(code: dict[str, str]) -> Environment:
    """Versions of everything that can change a figure, without times or names of users."""
    return Environment(
        revision=read_revision(),
        is_modified=is_modified(),
        code=code,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
        packages={name: _version(name) for name in PACKAGES},
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_INSTALLED
