"""Writes a bundle: collects, redacts, describes, hashes, signs and stamps, in this order."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from seedwitness.bundle import layout
from seedwitness.bundle.contents import Contents, collect_files, read_report, redact
from seedwitness.bundle.keys import find_fingerprint, format_pem, format_ssh_key
from seedwitness.bundle.manifest import format_manifest
from seedwitness.bundle.recipient_files import read_recipient_file, render_readme
from seedwitness.bundle.record import BundleRecord, CheckpointHashes, StageTime
from seedwitness.bundle.run_crate import StageRun, make_crate, read_lock
from seedwitness.bundle.secret_values import hide_passwords, list_secrets, require_no_secret
from seedwitness.bundle.ssh_signature import sign_message
from seedwitness.bundle.statement import make_statement, sign_statement
from seedwitness.bundle.trial_tables import make_tables
from seedwitness.errors import BundleError
from seedwitness.report.evidence import Evidence
from seedwitness.runtime.environment import OWN_VERSION
from seedwitness.runtime.files import replace_whole
from seedwitness.runtime.workspace import read_revision

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every entry of a ZIP file: the earliest that the format knows."""

Stamp = Callable[[bytes], bytes]
"""Has an authority stamp data; gives its answer, which was checked."""


@dataclass(frozen=True)
class Sealing:
    """How a bundle is sealed; each is None where it is not."""

    key: Ed25519PrivateKey | None = None
    stamp: Stamp | None = None
    authorities: bytes | None = None
    """The certificates that the stamp is checked against, in PEM."""


@dataclass(frozen=True)
class WrittenBundle:
    """A bundle that was written. The recipient compares ``manifest_sha256`` and ``fingerprint``."""

    path: Path
    files: int
    size: int
    manifest_sha256: str
    fingerprint: str | None
    record: BundleRecord


def write_bundle(
    root: Path,
    target: str,
    out: Path,
    checkpoints: Sequence[tuple[CheckpointHashes, dict[str, Path]]],
    *,
    is_redacted: bool,
    sealing: Sealing,
) -> WrittenBundle:
    """Write the bundle of a target to a folder, or to a ZIP file where ``out`` ends in ``.zip``.

    ``checkpoints`` are hashes with the signature files that go into the bundle. Raises ConfigError
    if there is no report; BundleError if files have changed since, or one holds a secret.
    """
    if out.exists():
        raise BundleError(f"{out} exists already. Move it away, or name another place with --out.")
    evidence = read_report(root, target)
    contents = collect_files(root, evidence)
    for _, signatures in checkpoints:
        contents.files |= signatures
    hidden, passwords = _hide_passwords(contents)
    names = [case.checkpoint for case in evidence.cases]
    contents.files |= make_tables(root / "data", target, names)
    if is_redacted:
        redact(contents)
    stages = _read_stages(contents)
    record = BundleRecord(
        format=layout.FORMAT,
        target=target,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        version=OWN_VERSION,
        revision=read_revision(root),
        is_redacted=is_redacted,
        left_out=contents.left_out,
        not_at_hand=contents.not_at_hand,
        checkpoints=[hashes for hashes, _ in checkpoints],
        corpus_sha256=evidence.lookup.corpus.sha256,
        plan_sha256=evidence.plan.sha256,
        stage_times=_find_stage_times(root, stages),
        hidden=hidden,
    )
    _add_own_files(contents, evidence, record, sealing)
    hashes = _hash_all(contents, list_secrets(passwords))
    crate = make_crate(record, stages, hashes)
    contents.files[layout.CRATE] = crate
    hashes[layout.CRATE] = (len(crate), sha256(crate).hexdigest())
    digests = {name: digest for name, (_, digest) in hashes.items()}
    manifest = format_manifest(digests)
    seals = make_seals(manifest, digests, record, sealing)
    _write(out, {**contents.files, **seals})
    return WrittenBundle(
        path=out,
        files=len(contents.files) + len(seals),
        size=sum(size for size, _ in hashes.values()) + sum(map(len, seals.values())),
        manifest_sha256=sha256(manifest).hexdigest(),
        fingerprint=find_fingerprint(sealing.key.public_key()) if sealing.key else None,
        record=record,
    )


def _hide_passwords(contents: Contents) -> tuple[list[str], list[str]]:
    """Hide the passwords in the settings; gives the files that had any, and the passwords."""
    hidden, passwords = [], []
    for name in contents.files:
        if name.endswith(("params.yaml", "dvc.yaml", "dvc.lock")):
            text, words = hide_passwords(contents.read(name).decode())
            if words:
                contents.files[name] = text.encode()
                hidden.append(name)
                passwords += words
    return hidden, passwords


def _read_stages(contents: Contents) -> list[StageRun]:
    locks = [name for name in sorted(contents.files) if name.endswith("dvc.lock")]
    return [
        stage for name in locks for stage in read_lock(contents.read(name), name.rpartition("/")[0])
    ]


def _find_stage_times(root: Path, stages: Sequence[StageRun]) -> list[StageTime]:
    """When the newest output of each stage was written, of those that are all here."""
    times = []
    for stage in stages:
        paths = [root / path for path in stage.outputs]
        files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else [path])]
        if files and all(file.exists() for file in files):
            newest = datetime.fromtimestamp(max(file.stat().st_mtime for file in files), UTC)
            times.append(StageTime(stage=stage.name, ended=newest.isoformat(timespec="seconds")))
    return times


def _add_own_files(
    contents: Contents, evidence: Evidence, record: BundleRecord, sealing: Sealing
) -> None:
    files = contents.files
    files[layout.RECORD] = record.to_json().encode()
    files[layout.ENVIRONMENT] = list_packages().encode()
    for name in (layout.CHECK, layout.PAGE):
        files[name] = read_recipient_file(name)
    fingerprint = None
    if sealing.key:
        public = sealing.key.public_key()
        fingerprint = find_fingerprint(public)
        files |= format_key_files(public)
    if sealing.authorities:
        files[layout.AUTHORITIES] = sealing.authorities
    files[layout.README] = render_readme(
        evidence, record, fingerprint, is_stamped=sealing.stamp is not None
    ).encode()


def format_key_files(public: Ed25519PublicKey) -> dict[str, bytes]:
    """The signer's public key as OpenSSL, ssh-keygen and its list of signers have it."""
    ssh = format_ssh_key(public)
    signer = f'{layout.SIGNER} namespaces="{layout.NAMESPACE}" {ssh}\n'
    return {
        layout.PUBLIC_KEY: format_pem(public),
        layout.SSH_KEY: f"{ssh}\n".encode(),
        layout.ALLOWED_SIGNERS: signer.encode(),
    }


def list_packages() -> str:
    """Every installed package with its version, a line each, as pip installs them again."""
    found = {(each.name or "").lower(): each.version for each in distributions()}
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found) if name)


def _hash_all(contents: Contents, secrets: Sequence[bytes]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file. Raises BundleError if one holds a secret."""
    hashes = {}
    for name in contents.files:
        content = contents.read(name)
        require_no_secret(name, content, secrets)
        hashes[name] = (len(content), sha256(content).hexdigest())
    return hashes


def make_seals(
    manifest: bytes, digests: dict[str, str], record: BundleRecord, sealing: Sealing
) -> dict[str, bytes]:
    """The manifest, and its signatures and time stamp where it is sealed by them."""
    seals = {layout.MANIFEST: manifest}
    if sealing.stamp:
        seals[layout.STAMP] = sealing.stamp(manifest)
    if sealing.key:
        seals[layout.SSH_SIGNATURE] = sign_message(manifest, sealing.key)
        subjects = digests | {name: sha256(each).hexdigest() for name, each in seals.items()}
        seals[layout.STATEMENT] = sign_statement(make_statement(subjects, record), sealing.key)
    return seals


def _write(out: Path, files: dict[str, bytes | Path]) -> None:
    with replace_whole(out) as part:
        if out.suffix == ".zip":
            _write_zip(part, files)
            return
        for name, content in files.items():
            place = part / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                place.write_bytes(content)
            else:
                shutil.copyfile(content, place)


def _write_zip(path: Path, files: dict[str, bytes | Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            content = files[name]
            info = zipfile.ZipInfo(name, EARLIEST)
            info.external_attr = 0o100644 << 16
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
