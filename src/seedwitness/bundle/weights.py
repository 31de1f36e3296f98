"""The checkpoints of a report by their hashes, and where one may lie in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seedwitness.bundle.record import CheckpointHashes, WeightsFile
from seedwitness.checkpoints.file_hashes import hash_autov3, hash_tensors, shorten_to_autov2
from seedwitness.checkpoints.layout import SAFETENSORS_SUFFIX, find_components
from seedwitness.config.inputs import AMBIGUOUS_DESCRIPTIONS, CheckpointSettings
from seedwitness.errors import BundleError, CheckpointError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.runtime.hashes import sha256_file

SIGNATURES = "checkpoints"
SIGNATURE_SUFFIX = ".sig"
INDEX = "model_index.json"
MAX_FOLDERS = 10_000


def describe_checkpoint(
    identity: CheckpointIdentity, settings: CheckpointSettings | None
) -> tuple[CheckpointHashes, dict[str, Path]]:
    """The hashes of a checkpoint's files, and its signature files by their paths in a bundle.

    ``settings`` say where the files are; None, or files that are not there, leave AutoV3 and the
    digest of the tensors empty. Raises BundleError if the files are not those of ``identity``.
    """
    paths = _find_files(settings)
    files = []
    for component in identity.components:
        for label, sha256 in component.files.items():
            path = paths.get((component.name, label))
            if path is not None and sha256_file(path) != sha256:
                raise BundleError(
                    f"{path} is not the file that the report is about: its SHA-256 is another. "
                    "`seedwitness run` examines the checkpoint as it is now."
                )
            is_readable = path is not None and path.suffix == SAFETENSORS_SUFFIX
            files.append(
                WeightsFile(
                    name=label
                    if label.startswith(f"{component.name}/")
                    else f"{component.name}/{label}",
                    sha256=sha256,
                    autov2=shorten_to_autov2(sha256),
                    autov3=hash_autov3(path) if path and is_readable else "",
                    tensors=hash_tensors(path) if path and is_readable else "",
                )
            )
    signatures = {
        f"{SIGNATURES}/{identity.name}/{number}{SIGNATURE_SUFFIX}": path
        for number, path in enumerate(_list_signatures(settings))
    }
    hashes = CheckpointHashes(
        name=identity.name, sha256=identity.sha256, files=files, signatures=list(signatures)
    )
    return hashes, signatures


def list_candidates(folder: Path) -> Iterator[CheckpointSettings]:
    """Whatever in a folder, at any depth, may be a checkpoint; nothing is read yet.

    A single file has a bundled description, which its keys or its settings named, or a folder that
    describes it: every one that lies in ``folder`` is tried.
    """
    folders = [path.parent for path in sorted(folder.rglob(INDEX))[:MAX_FOLDERS]]
    for path in folders:
        yield CheckpointSettings(family="diffusers", path=path)
    for file in sorted(folder.rglob(f"*{SAFETENSORS_SUFFIX}")):
        for config in (None, *map(Path, AMBIGUOUS_DESCRIPTIONS), *folders):
            yield CheckpointSettings(family="single-file", path=file, config=config)


def _find_files(settings: CheckpointSettings | None) -> dict[tuple[str, str], Path]:
    """The path of each file by component and label, as ``identify`` labels them."""
    if settings is None:
        return {}
    try:
        parts = find_components(settings)
    except CheckpointError:
        return {}  # the weights are not on this machine, which the record says by empty hashes
    return {
        (part.name, path.name if path in part.weights else f"{part.name}/{path.name}"): path
        for part in parts
        for path in (*part.files, *part.weights)
    }


def _list_signatures(settings: CheckpointSettings | None) -> list[Path]:
    """Files of OpenSSF model signing beside a checkpoint: ``model.sig`` in it, or ``FILE.sig``."""
    if settings is None:
        return []
    if settings.path.is_dir():
        return sorted(settings.path.glob(f"*{SIGNATURE_SUFFIX}"))
    beside = settings.path.with_name(settings.path.name + SIGNATURE_SUFFIX)
    return [beside] if beside.is_file() else []
