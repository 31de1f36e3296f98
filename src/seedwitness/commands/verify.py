"""``seedwitness verify``: checks a bundle offline, and on request makes its images again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import psutil

from seedwitness.bundle.results import CheckResult, Level, Verification
from seedwitness.bundle.second_examination import render_form
from seedwitness.bundle.verification import Trust, verify_bundle
from seedwitness.errors import BundleError, ConfigError
from seedwitness.runtime.files import write_whole

MEMORY = 12 * 2**30
"""Bytes that the checks may add to the process: a stranger's tables may fill any memory."""

LEVELS: dict[Level, str] = {
    "altered": "FAILED: the bundle is not what its maker sealed, or its figures do not follow.",
    "whole": "The bundle is whole and its figures follow; nobody has signed it.",
    "signed": "The bundle is whole and its figures follow. It is signed by the key that it names: "
    "compare the fingerprint with the signer's.",
    "trusted": "The bundle is whole and its figures follow. It is signed by the key you named.",
}


def check_bundle(
    path: Path, key: Path | None, authority: Path | None, *, with_page: bool
) -> Verification:
    """Check a bundle with what the recipient has from elsewhere.

    Raises ConfigError if ``key`` or ``authority`` cannot be read, BundleError without a bundle.
    """
    trust = Trust(*(_read(each) if each else None for each in (key, authority)))
    # What draws the plots of a page reserves far more address space than it uses.
    with nullcontext() if with_page else _limited_memory():
        return verify_bundle(path, trust, with_page=with_page)


def describe_no_bundle(path: Path, error: BundleError) -> Verification:
    """The result for what is no bundle, or one that was refused unread."""
    check = CheckResult(name="container", state="FAILED", files=[], detail=str(error))
    return Verification(
        bundle=path.as_posix(),
        target="",
        manifest_sha256="",
        fingerprint=None,
        level="altered",
        checks=[check],
    )


def add_rerun(result: Verification, path: Path, folder: Path) -> Verification:
    """The result with a check for each cited trial, made again on its checkpoint in ``folder``.

    Raises ConfigError if a checkpoint is not there.
    """
    from seedwitness.commands.rerun import rerun_trials

    checks = [
        CheckResult(
            name=f"rerun {each.checkpoint} {each.trial}",
            state="ok" if each.agrees else "FAILED",
            files=[],
            detail=" ".join(each.lines),
        )
        for each in rerun_trials(path, folder)
    ]
    level = result.level if all(each.state == "ok" for each in checks) else "altered"
    return result.model_copy(update={"checks": [*result.checks, *checks], "level": level})


def format_lines(result: Verification) -> Iterator[str]:
    """A line a check, the files that do not fit below it, and what they amount to."""
    width = max(len(check.name) for check in result.checks)
    for check in result.checks:
        yield f"{check.state:11}  {check.name:{width}}  {check.detail}"
        yield from (f"{'':11}  {'':{width}}    {file}" for file in check.files[:20])
    yield f"MANIFEST.sha256 has the SHA-256 {result.manifest_sha256}."
    yield LEVELS[result.level]


def write_form(result: Verification, path: Path, command: str, examiner: str) -> None:
    """Write the form of a second examiner as an HTML page, in one step; nothing is overwritten.

    Raises ConfigError if ``path`` exists already, or cannot be written.
    """
    if path.exists():
        raise ConfigError(f"{path} exists already: a signed form is not overwritten. Name another.")
    level = LEVELS[result.level]
    page = render_form(result, level, command, examiner, datetime.now(UTC))
    try:
        write_whole(path, page)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


@contextmanager
def _limited_memory() -> Iterator[None]:
    """Bound the address space of this process, where the system can, while the block runs."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = psutil.Process().memory_info().vms + MEMORY
    limits = [each for each in (soft, hard, wanted) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
