"""Checks a bundle: first that it is whole and signed, then that every figure follows from it.

What is altered is not read further: later checks are made only of files that the manifest vouches
for. Each check names the file that does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seedwitness.bundle import content_checks, layout
from seedwitness.bundle.container import Bundle, hash_file, open_bundle, read_file
from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.keys import find_fingerprint, load_public_key
from seedwitness.bundle.manifest import read_manifest
from seedwitness.bundle.opened import Finding, NotCheckable
from seedwitness.bundle.record import BundleRecord
from seedwitness.bundle.results import CheckResult, Level, State, Verification
from seedwitness.bundle.safe_documents import read_document
from seedwitness.bundle.ssh_signature import check_signature
from seedwitness.bundle.statement import check_envelope, list_subjects
from seedwitness.errors import BundleError, SeedwitnessError
from seedwitness.records.time_stamps import parse_certificates, verify_stamp

SHOWN = 5
MAX_SEAL = 32 * 2**20


@dataclass(frozen=True)
class Trust:
    """What the recipient has from elsewhere; each is None where it has nothing."""

    key: bytes | None = None
    """The signer's public key, in PEM or OpenSSH's format."""
    authorities: bytes | None = None
    """Certificates of time stamping authorities, in PEM."""


def verify_bundle(path: Path, trust: Trust, *, with_page: bool = False) -> Verification:
    """Check the bundle in a folder or a ZIP file, offline; nothing of it is run.

    ``with_page`` also writes the report again and compares it, which takes some seconds. Raises
    BundleError if there is no bundle, or one that holds what none may hold.
    """
    return verify_files(open_bundle(path), trust, path.as_posix(), with_page=with_page)


def verify_files(
    bundle: Bundle, trust: Trust, place: str, *, with_page: bool = False
) -> Verification:
    """As ``verify_bundle``, for files that were opened; ``place`` names them."""
    checks = [*_check_seals(bundle, trust)]
    if not _has_failed(checks):
        checks += _check_contents(bundle, with_page=with_page)
    else:
        checks.append(
            CheckResult(
                name="contents",
                state="not checked",
                files=[],
                detail="Figures are computed again only from files that are as the manifest says.",
            )
        )
    key = trust.key or _read_key(bundle)
    return Verification(
        bundle=spell_out(place),
        target=_read_target(bundle),
        manifest_sha256=hash_file(bundle, layout.MANIFEST),
        fingerprint=_try_fingerprint(key),
        level=_find_level(bundle, checks, trust),
        checks=checks,
    )


def _check_seals(bundle: Bundle, trust: Trust) -> Iterator[CheckResult]:
    yield _run("files", [layout.MANIFEST], lambda: _check_manifest(bundle))
    key = trust.key or _read_key(bundle)
    if key is None:
        yield _describe_unsigned(bundle)
    else:
        signatures = (
            ("statement", layout.STATEMENT, _check_statement),
            ("signature", layout.SSH_SIGNATURE, _check_ssh_signature),
        )
        for name, file, check in signatures:
            yield _run(name, [file], lambda check=check: check(bundle, key))  # type: ignore[misc]
        yield _run("key", [layout.PUBLIC_KEY], lambda: _check_key(bundle, trust))
    yield _check_stamp(bundle, trust)


def _check_manifest(bundle: Bundle) -> Finding:
    listed = read_manifest(bundle)
    there = set(bundle.sizes) - set(layout.SEALS)
    added, missing = sorted(there - set(listed)), sorted(set(listed) - there)
    altered = [
        name for name in sorted(there & set(listed)) if hash_file(bundle, name) != listed[name]
    ]
    faults = [
        f"{len(names)} {what}: {_shorten(names)}"
        for what, names in (("altered", altered), ("missing", missing), ("added", added))
        if names
    ]
    return [*altered, *missing, *added], "; ".join(faults) or f"{len(listed)} files are as listed"


def _check_statement(bundle: Bundle, key: bytes) -> Finding:
    content = read_file(bundle, layout.STATEMENT, MAX_SEAL)
    statement = check_envelope(content, load_public_key(key, "The key"))
    seals = [name for name in layout.SEALS if name in bundle.sizes and name != layout.STATEMENT]
    listed = read_manifest(bundle) | {name: hash_file(bundle, name) for name in seals}
    subjects = list_subjects(statement)
    names = sorted(
        name for name in {**listed, **subjects} if listed.get(name) != subjects.get(name)
    )
    if names:
        return [layout.STATEMENT, *names], f"it is about other files: {_shorten(names)}"
    return [], f"an in-toto statement about {len(subjects)} files, signed"


def _check_ssh_signature(bundle: Bundle, key: bytes) -> Finding:
    check_signature(
        read_file(bundle, layout.SSH_SIGNATURE, MAX_SEAL),
        read_file(bundle, layout.MANIFEST, MAX_SEAL),
        load_public_key(key, "The key"),
    )
    return [], f"{layout.MANIFEST} is signed"


def _check_key(bundle: Bundle, trust: Trust) -> Finding:
    """Whether the keys in the bundle are one, and the one that was named."""
    public = load_public_key(trust.key or _read_key(bundle) or b"", "The key")
    fingerprint = find_fingerprint(public)
    line = read_file(bundle, layout.ALLOWED_SIGNERS, MAX_SEAL).decode(errors="replace").split()
    allowed = load_public_key(" ".join(line[2:4]).encode(), layout.ALLOWED_SIGNERS)
    own = load_public_key(read_file(bundle, layout.PUBLIC_KEY, MAX_SEAL), layout.PUBLIC_KEY)
    ssh = load_public_key(read_file(bundle, layout.SSH_KEY, MAX_SEAL), layout.SSH_KEY)
    keys = ((layout.ALLOWED_SIGNERS, allowed), (layout.PUBLIC_KEY, own), (layout.SSH_KEY, ssh))
    for name, other in keys:
        if find_fingerprint(other) != fingerprint:
            return [name], "it holds another key than the one that signed"
    if trust.key:
        return [], f"it is the key that you named, {fingerprint}"
    return [], f"compare it with the signer's, or name theirs with --key: {fingerprint}"


def _describe_unsigned(bundle: Bundle) -> CheckResult:
    seals = [name for name in (layout.STATEMENT, layout.SSH_SIGNATURE) if name in bundle.sizes]
    if seals:
        detail = f"There are signatures, and no {layout.PUBLIC_KEY}: name the key with --key."
        return CheckResult(name="signature", state="FAILED", files=seals, detail=detail)
    return CheckResult(
        name="signature",
        state="not checked",
        files=[],
        detail=f"Nobody has signed it: compare the SHA-256 of {layout.MANIFEST} with its maker.",
    )


def _check_stamp(bundle: Bundle, trust: Trust) -> CheckResult:
    if layout.STAMP not in bundle.sizes:
        return CheckResult(
            name="time stamp", state="not checked", files=[], detail="No authority stamped it."
        )

    def check() -> Finding:
        certificates = trust.authorities or read_file(bundle, layout.AUTHORITIES, MAX_SEAL)
        stamp = verify_stamp(
            read_file(bundle, layout.STAMP, MAX_SEAL),
            read_file(bundle, layout.MANIFEST, MAX_SEAL),
            parse_certificates(certificates, layout.AUTHORITIES),
            layout.STAMP,
        )
        whose = "yours" if trust.authorities else "in the bundle: compare it with the authority's"
        return [], (
            f"{layout.MANIFEST} existed at {stamp.time}, says {spell_out(stamp.authority)}; root "
            f"certificate SHA-256 {stamp.root_sha256}, {whose}"
        )

    return _run("time stamp", [layout.STAMP], check)


def _check_contents(bundle: Bundle, *, with_page: bool) -> list[CheckResult]:
    checks = []
    for name, files, check in content_checks.list_checks(bundle, with_page=with_page):
        checks.append(_run(name, files, check))
    return checks


def _run(name: str, files: list[str], check: Callable[[], Finding]) -> CheckResult:
    """The result of a check, which gives the files that do not fit and a sentence, or raises."""
    state: State = "ok"
    try:
        found, detail = check()
        if found:
            state, files = "FAILED", found
    except NotCheckable as reason:
        state, files, detail = "not checked", [], str(reason)
    except ModuleNotFoundError as error:
        detail = f"The package {error.name} is not installed: pip install 'seedwitness[run]'."
        state, files = "not checked", []
    except SeedwitnessError as error:
        state, detail = "FAILED", str(error)
    except MemoryError:
        state, detail = "FAILED", "it needs more memory than a check may take"
    except Exception as error:  # whatever a stranger's file makes a library raise is a result
        state, detail = "FAILED", f"it cannot be read: {type(error).__name__}: {error}"
    named = [spell_out(each) for each in (files if state == "FAILED" else [])]
    return CheckResult(name=name, state=state, files=named, detail=spell_out(detail, 1000))


def _find_level(bundle: Bundle, checks: list[CheckResult], trust: Trust) -> Level:
    if _has_failed(checks):
        return "altered"
    if layout.STATEMENT not in bundle.sizes or layout.SSH_SIGNATURE not in bundle.sizes:
        return "whole"
    return "trusted" if trust.key else "signed"


def _has_failed(checks: list[CheckResult]) -> bool:
    return any(check.state == "FAILED" for check in checks)


def _read_key(bundle: Bundle) -> bytes | None:
    if layout.PUBLIC_KEY not in bundle.sizes:
        return None
    return read_file(bundle, layout.PUBLIC_KEY, MAX_SEAL)


def _try_fingerprint(key: bytes | None) -> str | None:
    try:
        return key and find_fingerprint(load_public_key(key, "The key"))  # type: ignore[return-value]
    except BundleError:
        return None


def _read_target(bundle: Bundle) -> str:
    try:
        return spell_out(read_document(BundleRecord, bundle, layout.RECORD).target)
    except BundleError:
        return ""


def _shorten(names: list[str]) -> str:
    shown = ", ".join(spell_out(name) for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
