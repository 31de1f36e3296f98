"""Which files of a project belong into a bundle, and which a redacted one leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from seedwitness.bundle.cited_latents import collect_latents
from seedwitness.bundle.foreign_text import find_name_fault
from seedwitness.bundle.layout import CONTROL_PICTURES, LATENTS, is_picture
from seedwitness.bundle.record import LeftOut
from seedwitness.config.inputs import NAME_PATTERN
from seedwitness.config.stage_settings import ReportStage, load_stage_settings
from seedwitness.config.targets import load_target
from seedwitness.errors import BundleError, ConfigError
from seedwitness.records.attempts import ATTEMPTS, OUTCOMES, PLANS, require_whole_log
from seedwitness.records.document import read_document
from seedwitness.records.tables import CONTROL_SCORES, read_table
from seedwitness.report.evidence import Evidence
from seedwitness.runtime.hashes import sha256_file

EMBEDDED_PICTURE = re.compile(
    rb"data:image/(?!svg)[a-z0-9.+-]+(?:;[a-z0-9=-]+)*;base64,[A-Za-z0-9+/=%]+"
)
NO_PICTURE = b"data:image/gif;base64,R0lGODlhAQABAIAAAMLCwgAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
"""A grey dot of one pixel."""
EVIDENCE = "evidence.json"


@dataclass
class Contents:
    """Files by their paths in the bundle; ``not_at_hand`` says in words what could not be had."""

    files: dict[str, bytes | Path] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    not_at_hand: list[str] = field(default_factory=list)

    def read(self, name: str) -> bytes:
        """The content of a file."""
        content = self.files[name]
        return content if isinstance(content, bytes) else content.read_bytes()


def read_report(root: Path, target: str) -> Evidence:
    """The evidence of a target's report, which has to rest on the files as they are now.

    Raises ConfigError if there is no report; BundleError, with the file, if one has changed since.
    """
    path = root / "reports" / target / EVIDENCE
    if not NAME_PATTERN.fullmatch(target) or not path.is_file():
        known = ", ".join(sorted(each.parent.name for each in root.glob(f"reports/*/{EVIDENCE}")))
        raise ConfigError(
            f"There is no report of `{target}` in {root.absolute() / 'reports'}. "
            f"`seedwitness run` makes it. Reports are there of: {known or 'no target'}."
        )
    evidence = read_document(Evidence, path)
    for each in evidence.inputs:
        file = root / each.path
        if not file.is_file() or sha256_file(file) != each.sha256:
            state = "has changed since" if file.is_file() else "is missing"
            raise BundleError(
                f"The report of {target} rests on {each.path}, which {state}. `seedwitness run` "
                "brings both to one state (`dvc pull` fetches what is missing from a remote)."
            )
    return evidence


def collect_files(root: Path, evidence: Evidence) -> Contents:
    """All files of a bundle that lie in the project, or follow from what does."""
    target = evidence.target.name
    require_whole_log(root)
    contents = Contents()
    for name in sorted(set(_list_project_files(root, evidence))):
        if fault := find_name_fault(name):
            raise BundleError(f"{root / name} cannot be in a bundle: {fault}. Rename it.")
        contents.files[name] = root / name
    _add_original(contents, root, target)
    missing = 0
    for name, latent in collect_latents(root, evidence):
        if latent is None:
            missing += 1
        else:
            contents.files[name] = latent
    if missing:
        contents.not_at_hand.append(
            f"the latents of {missing} cited trials, which no search or cache has kept"
        )
    _add_control_pictures(contents, root, evidence)
    if not (root / "dvc.lock").is_file():
        contents.not_at_hand.append("dvc.lock: the stages were not run by DVC")
    return contents


def redact(contents: Contents) -> None:
    """Leave out pictures, and what becomes one by decoding; keep their hashes.

    A page keeps its text: pictures that are embedded in it become grey dots.
    """
    for name in sorted(contents.files):
        content = contents.read(name)
        why = (
            "picture" if is_picture(name) else "latent" if name.startswith(f"{LATENTS}/") else None
        )
        if why:
            contents.left_out.append(_describe(name, content, why))
            del contents.files[name]
        elif name.endswith(".html") and EMBEDDED_PICTURE.search(content):
            contents.left_out.append(_describe(name, content, "page-with-pictures"))
            contents.files[name] = EMBEDDED_PICTURE.sub(NO_PICTURE, content)


def _describe(name: str, content: bytes, why: str) -> LeftOut:
    return LeftOut.model_validate(
        {"path": name, "sha256": sha256(content).hexdigest(), "bytes": len(content), "why": why}
    )


def _list_project_files(root: Path, evidence: Evidence) -> Iterator[str]:
    target = evidence.target.name
    yield from (each.path for each in evidence.inputs)
    for folder in (f"reports/{target}", ATTEMPTS, OUTCOMES, PLANS, "data/plan", "data/materials"):
        yield from _list_below(root, Path(folder))
    yield from _list_existing(root, ("params.yaml", "case.yaml", "dvc.yaml", "dvc.lock"))
    names = ("target.yaml", "case.yaml", "dvc.yaml", "dvc.lock")
    settings = (f"data/targets/{target}/{name}" for name in names)
    yield from _list_existing(root, [*settings, f"data/judge/{target}/outcome.json"])
    for case in evidence.cases:
        place = f"{target}/{case.checkpoint}"
        controls = f"data/controls/{case.checkpoint}"
        yield from _list_existing(
            root,
            (
                f"data/replay/{place}/trials.parquet",
                f"data/scan/{place}/scan.json",
                f"data/timings/{place}/timing.json",
                f"{controls}/trials.parquet",
                f"{controls}/prompts.parquet",
            ),
        )


def _list_existing(root: Path, names: Sequence[str]) -> Iterator[str]:
    yield from (name for name in names if (root / name).is_file())


def _list_below(root: Path, folder: Path) -> Iterator[str]:
    for path in sorted((root / folder).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(root).as_posix()


def _add_original(contents: Contents, root: Path, target: str) -> None:
    """The file of the target as it was received, with all of its metadata."""
    try:
        image = load_target(target, root).image
    except ConfigError:
        contents.not_at_hand.append("the file of the target as it was received")
        return
    name = f"data/targets/{target}/{image}"
    if (root / name).is_file() and find_name_fault(name) is None:
        contents.files[name] = root / name
    else:
        contents.not_at_hand.append("the file of the target as it was received")


def _add_control_pictures(contents: Contents, root: Path, evidence: Evidence) -> None:
    """The pictures of the controls, named by the hash of their pixels: file names are foreign."""
    folder = root / load_stage_settings("report", ReportStage, root).controls.path
    pictures: dict[str, str] = {}
    for case in evidence.cases:
        path = root / "data" / "controls" / case.checkpoint / "controls.parquet"
        table = read_table(path, CONTROL_SCORES)
        pictures |= dict(zip(table["control"], table["pixels_sha256"], strict=True))
    missing = 0
    for control, pixels in pictures.items():
        path = folder / control
        if (
            path.is_file()
            and is_picture(path.name)
            and path.resolve().is_relative_to(folder.resolve())
        ):
            contents.files[f"{CONTROL_PICTURES}/{pixels}{path.suffix.lower()}"] = path
        else:
            missing += 1
    if missing:
        contents.not_at_hand.append(f"the pictures of {missing} of {len(pictures)} controls")
