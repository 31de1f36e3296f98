"""``MANIFEST.sha256``: the hash of every file, in the format of ``sha256sum``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from seedwitness.bundle.container import Bundle, read_file
from seedwitness.bundle.foreign_text import find_name_fault, spell_out
from seedwitness.bundle.layout import MANIFEST
from seedwitness.errors import BundleError

LINE = re.compile(r"([0-9a-f]{64})  (.+)")
MAX_MANIFEST = 32 * 2**20


def format_manifest(hashes: Mapping[str, str]) -> bytes:
    """A line for each file, in the order of their names: hash, two spaces, name."""
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode()


def parse_manifest(content: bytes) -> dict[str, str]:
    """The hashes by file name.

    Raises BundleError if a line has another form, names a file twice, or leads out of the bundle.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BundleError(f"{MANIFEST} is no text: {error}.") from error
    hashes: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = LINE.fullmatch(line)
        if not match or find_name_fault(match[2]) or match[2] in hashes:
            raise BundleError(
                f"{MANIFEST}, line {number}, is not a hash and the name of another file: "
                f"{spell_out(line)}"
            )
        hashes[match[2]] = match[1]
    return hashes


def read_manifest(bundle: Bundle) -> dict[str, str]:
    """The hashes of a bundle's manifest by file name. Raises BundleError as ``parse_manifest``."""
    return parse_manifest(read_file(bundle, MANIFEST, MAX_MANIFEST))
