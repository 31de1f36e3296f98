"""``seedwitness bundle``: seals the report of a target with all that is needed to check it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seedwitness.bundle.building import Sealing, WrittenBundle, write_bundle
from seedwitness.bundle.keys import load_private_key
from seedwitness.bundle.weights import describe_checkpoint
from seedwitness.commands.stamp import ask_authority
from seedwitness.config.inputs import CheckpointSettings, EntryName
from seedwitness.config.reading import load_section
from seedwitness.errors import ConfigError
from seedwitness.records.checkpoint import CheckpointIdentity
from seedwitness.records.document import read_document

FOLDER = Path("bundles")


def make_bundle(
    target: str, out: Path | None, sealing: Sealing, *, is_redacted: bool
) -> WrittenBundle:
    """Write the bundle of a target of the project in the working directory.

    Raises as ``write_bundle`` does, and BundleError if a checkpoint's files have changed since.
    """
    root = Path()
    checkpoints = load_section(dict[EntryName, CheckpointSettings], "checkpoints")
    names = sorted(path.parent.name for path in root.glob(f"data/judge/{target}/*/finding.json"))
    described = [
        describe_checkpoint(
            read_document(CheckpointIdentity, root / "data/identify" / name / "checkpoint.json"),
            checkpoints.get(name),
        )
        for name in names
    ]
    place = out or FOLDER / (f"{target}-redacted" if is_redacted else target)
    return write_bundle(root, target, place, described, is_redacted=is_redacted, sealing=sealing)


def make_sealing(
    key: Path | None, pass_phrase: str, stamp_url: str | None, authority: Path | None
) -> Sealing:
    """How a bundle is sealed: by a key, and by an authority where one is configured.

    Raises ConfigError if the key is not opened, or only one of address and certificates is given.
    """
    if (stamp_url is None) != (authority is None):
        raise ConfigError(
            "A time stamp needs both: the authority's address (--stamp-url) and the file of its "
            "root certificate (--authority)."
        )
    private = load_private_key(key, pass_phrase) if key else None
    if stamp_url is None or authority is None:
        return Sealing(key=private)
    try:
        certificates = authority.read_bytes()
    except OSError as error:
        raise ConfigError(f"{authority} cannot be read: {error.strerror}.") from error
    return Sealing(
        key=private,
        stamp=lambda data: ask_authority(stamp_url, data, authority),
        authorities=certificates,
    )


def format_lines(written: WrittenBundle) -> Iterator[str]:
    """What was written, and what its recipient compares."""
    record = written.record
    yield f"{written.path}: {written.files} files, {written.size / 2**20:.1f} MiB."
    if record.is_redacted:
        yield f"Left out, by their hashes: {len(record.left_out)} pictures, latents and pages."
    yield from (f"Not at hand: {each}." for each in record.not_at_hand)
    yield from (f"Passwords were hidden in {each}." for each in record.hidden)
    yield "Tell the recipient by another way, such as a letter or a telephone call:"
    if written.fingerprint:
        yield f"  key           {written.fingerprint}"
    else:
        yield "  (not signed: `seedwitness keygen` makes a key, --key names it)"
    yield f"  MANIFEST      SHA-256 {written.manifest_sha256}"
    yield f"Check it as they do: seedwitness verify {written.path}"
