"""SHA-256 of files and of values."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in lower-case hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: object) -> bytes:
    """``value`` as canonical JSON: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def printable_json(value: object) -> str:
    """``value`` as canonical JSON in which characters that do not show are escaped.

    Controls could drive a terminal, and marks of direction reorder what it shows.
    """
    text = canonical_json(value).decode()
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
