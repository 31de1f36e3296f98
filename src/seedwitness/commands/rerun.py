"""Makes the images that a bundle cites again, on a checkpoint that is found by its hash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from seedwitness.bundle.container import Bundle, open_bundle, read_file
from seedwitness.bundle.layout import RECORD
from seedwitness.bundle.record import BundleRecord
from seedwitness.bundle.safe_documents import read_document
from seedwitness.bundle.safe_names import require_safe_evidence
from seedwitness.bundle.weights import list_candidates
from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.report.evidence import CaseEvidence, Evidence


@dataclass(frozen=True)
class Rerun:
    """One cited trial, made again."""

    checkpoint: str
    trial: str
    agrees: bool
    lines: list[str]


def find_checkpoint(folder: Path, evidence: Evidence, name: str) -> CheckpointSettings:
    """The checkpoint ``name`` of a report, found in ``folder`` by its digest.

    Raises ConfigError if no checkpoint in the folder has it.
    """
    identity = next((c.identity for c in evidence.cases if c.checkpoint == name), None)
    if identity is None:
        known = ", ".join(case.checkpoint for case in evidence.cases)
        raise ConfigError(f"The report has no checkpoint `{name}`. It has: {known}.")
    tried = 0
    for settings in list_candidates(folder):
        try:
            found = identify_checkpoint(name, settings)
        except (CheckpointError, KeyError):
            continue  # not one that this program knows
        tried += 1
        if found.sha256 == identity.sha256:
            return settings.model_copy(
                update={"dtype": identity.dtype, "width": identity.width, "height": identity.height}
            )
    raise ConfigError(
        f"None of {tried} checkpoints in {folder} is {name}, whose digest is {identity.sha256}. "
        f"{RECORD} of the bundle has the SHA-256, AutoV2 and AutoV3 of its files."
    )


def find_in_folder(folder: Path, evidence: Path, name: str) -> CheckpointSettings:
    """As ``find_checkpoint``, for the report whose ``evidence.json`` is at ``evidence``.

    Raises ConfigError also for a recipe, which has no report that names a checkpoint by its hash.
    """
    try:
        document = Evidence.model_validate_json(evidence.read_bytes())
    except ValidationError as error:
        raise ConfigError(
            f"{evidence} is no report's evidence.json, so no hash says which checkpoint in "
            f"{folder} is meant. Leave --weights out, and name one of params.yaml."
        ) from error
    return find_checkpoint(folder, document, name)


def read_bundle_evidence(bundle: Bundle) -> tuple[str, Evidence]:
    """The path and the evidence of the report of a bundle."""
    record = read_document(BundleRecord, bundle, RECORD)
    name = f"reports/{record.target}/evidence.json"
    evidence = read_document(Evidence, bundle, name)
    require_safe_evidence(evidence, record.target)
    return name, evidence


def lay_out_report(path: Path, folder: Path) -> Path:
    """Write the evidence and the pictures of a bundle's report to a folder; gives the evidence.

    Nothing else is taken out of it. Raises BundleError if it is no bundle.
    """
    bundle = open_bundle(path)
    name, _ = read_bundle_evidence(bundle)
    prefix = name.rpartition("/")[0] + "/"
    for each in sorted(bundle.sizes):
        if each == name or each.startswith(f"{prefix}images/"):
            place = folder / each
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(read_file(bundle, each))
    return folder / name


def rerun_trials(path: Path, folder: Path) -> Iterator[Rerun]:
    """Make every cited trial of a bundle again, on its checkpoints in ``folder``.

    Raises ConfigError if a checkpoint of the report is not there.
    """
    from seedwitness.commands.render import find_recipe, render_recipe

    with TemporaryDirectory(prefix="seedwitness-") as temporary:
        place = lay_out_report(path, Path(temporary))
        evidence = Evidence.model_validate_json(place.read_bytes())
        for case in evidence.cases:
            settings = find_checkpoint(folder, evidence, case.checkpoint)
            for trial in _list_trials(case):
                _, reported = find_recipe(place, case.checkpoint, trial)
                if reported.picture and not reported.picture.exists():  # a redacted bundle
                    reported = replace(reported, picture=None)
                image = Path(temporary) / "rendered.png"
                result = render_recipe(case.checkpoint, reported, image, settings)
                yield Rerun(case.checkpoint, trial, result.agrees, result.lines[:-1])


def _list_trials(case: CaseEvidence) -> list[str]:
    """The trials that a case cites, and the one of a seed that was recovered."""
    regenerated = case.generated.scan.regenerated
    return [*(each.trial for each in case.cited), *([regenerated.trial] if regenerated else [])]
