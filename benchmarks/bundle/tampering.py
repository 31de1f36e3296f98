"""Ways to tamper with a bundle: each changes the files and gives the class of what it changed."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.bundle.forged_files import (
    Files,
    add_file,
    change_bytes,
    classify_file,
    edit_json,
    find_evidence,
    seal_manifest,
    seal_with_key,
    swap_files,
)
from seedwitness.bundle import layout

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORGERIES = ("report figure", "log entry removed", "rows removed", "document of a stage")
Tampering = Callable[[Files, random.Random], str]


def change_one_file(files: Files, rng: random.Random) -> str:
    """Some bytes of a file; each class of files is as likely."""
    kinds = sorted({classify_file(name) for name in files})
    kind = rng.choice(kinds)
    name = rng.choice(sorted(each for each in files if classify_file(each) == kind))
    files[name] = change_bytes(files[name], rng)
    return kind


def add_one_file(files: Files, rng: random.Random) -> str:
    """A file that was not there."""
    return classify_file(add_file(files, rng))


def remove_one_file(files: Files, rng: random.Random) -> str:
    """A file that was there, but not the manifest, without which there is no bundle."""
    name = rng.choice(sorted(set(files) - {layout.MANIFEST}))
    del files[name]
    return classify_file(name)


def swap_two_files(files: Files, rng: random.Random) -> str:
    """Two files, each under the name of the other."""
    return classify_file(swap_files(files, rng)[0])


def forge(files: Files, rng: random.Random) -> str:
    """A forgery that says something else, and fits at first sight; gives its kind."""
    kind = rng.choice(FORGERIES)
    if kind == "log entry removed":
        names = sorted(each for each in files if each.startswith("data/attempts/"))
        del files[rng.choice(names)]
    elif kind == "rows removed":
        _remove_rows(files, rng)
    elif kind == "report figure":
        edit_json(files, find_evidence(files), lambda value: _change_number(value, rng))
    else:
        names = sorted(each for each in files if each.endswith(("finding.json", "search.json")))
        edit_json(files, rng.choice(names), lambda value: _change_number(value, rng))
    return kind


def _remove_rows(files: Files, rng: random.Random) -> None:
    """Take trials out of a table, and out of the counts in the evidence."""
    table = csv.DictReader(io.StringIO(files[layout.TRIALS_TABLE].decode()))
    rows = list(table)
    dropped = rng.choice(rows)
    kept = [row for row in rows if row is not dropped]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, table.fieldnames or [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    files[layout.TRIALS_TABLE] = text.getvalue().encode()

    def adjust(value: Any) -> None:
        for case in value["cases"]:
            if case["checkpoint"] == dropped["checkpoint"] and dropped["group"] == "target":
                case["search"]["trials"] -= 1
                case["search"]["nfe"] -= int(dropped["nfe"])
                case["memorised"]["copies"]["rate"]["n"] -= 1

    edit_json(files, find_evidence(files), adjust)


def _change_number(value: Any, rng: random.Random) -> None:
    """Change one number somewhere in a JSON value, but not in the description of the machine."""
    places = [
        (holder, key) for holder, key in _list_numbers(value) if key not in ("made", "seconds")
    ]
    holder, key = rng.choice(places)
    number = holder[key]
    holder[key] = number + rng.choice((-1, 1)) if isinstance(number, int) else number * 1.01 + 0.01


def _list_numbers(value: Any) -> list[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, Any]] = []
    for key, each in items:
        if isinstance(each, dict | list):
            found += _list_numbers(each)
        elif isinstance(each, int | float) and not isinstance(each, bool):
            found.append((value, key))
    return found


def seal_again(way: str, forger: Ed25519PrivateKey) -> Callable[[Files], None]:
    """How a forger seals what was changed: not at all, by a manifest, another key, or unsigned."""
    ways: dict[str, Callable[[Files], None]] = {
        "left as it is": lambda files: None,
        "manifest written again": seal_manifest,
        "signed by another key": lambda files: seal_with_key(files, forger),
        "signatures removed": lambda files: seal_with_key(files, None),
    }
    return ways[way]


SEALINGS = (
    "left as it is",
    "manifest written again",
    "signed by another key",
    "signatures removed",
)
TAMPERINGS: dict[str, Tampering] = {
    "bytes changed": change_one_file,
    "file added": add_one_file,
    "file removed": remove_one_file,
    "files swapped": swap_two_files,
    "forgery": forge,
}
