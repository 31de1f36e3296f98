"""``seedwitness ledger``: lists the caches on disk by key, and prunes unused keys."""

from __future__ import annotations

import json
from collections.abc import Sequence

from seedwitness.runtime.keyed_cache import ROOT, CacheEntry, list_entries, remove_entries
from seedwitness.stages import output_path

KEY_DIGITS = 12


def list_ledger() -> list[CacheEntry]:
    """The keys of the project's cache, the newest first; a user counts while its output exists."""
    return list_entries(ROOT, is_current=lambda user: output_path(*user.split("/")).exists())


def format_lines(entries: Sequence[CacheEntry]) -> list[str]:
    """One line for each key: size, files, date, users, environment; and a line with the sums."""
    unused = [entry for entry in entries if not entry.users]
    return [
        f"{'key':{KEY_DIGITS}}  {'MB':>8}  {'files':>5}  {'newest (UTC)':16}  used by",
        *(
            f"{_shorten_key(entry.key):{KEY_DIGITS}}  {entry.bytes / 1e6:8.2f}  {entry.files:5}  "
            f"{entry.newest:%Y-%m-%d %H:%M}  {_format_users(entry)}; {describe(entry)}"
            for entry in entries
        ),
        f"{len(entries)} keys, {sum(entry.bytes for entry in entries) / 1e6:.2f} MB; "
        f"{len(unused)} of them, {sum(entry.bytes for entry in unused) / 1e6:.2f} MB, have no "
        "users: `seedwitness ledger --prune` removes them.",
    ]


def describe(entry: CacheEntry) -> str:
    """Code, library versions and device of a key, as far as its description has them."""
    facts = entry.description
    libraries = facts.get("libraries", {})
    versions = " ".join(f"{name} {version}" for name, version in libraries.items())
    code = str(facts.get("code_sha256", ""))[:8]
    return f"code {code}, {versions}, {facts.get('device', '')}"


def format_json(entries: Sequence[CacheEntry]) -> str:
    """The entries as a JSON list."""
    return json.dumps(
        [
            {
                "key": entry.key,
                "bytes": entry.bytes,
                "files": entry.files,
                "newest": entry.newest.isoformat(timespec="seconds"),
                "users": list(entry.users),
                "description": entry.description,
            }
            for entry in entries
        ],
        indent=1,
        ensure_ascii=False,
    )


def prune(entries: Sequence[CacheEntry]) -> str:
    """Remove the keys without users; gives a sentence with their number and size."""
    unused = [entry for entry in entries if not entry.users]
    remove_entries(ROOT, unused)
    freed = sum(entry.bytes for entry in unused)
    return f"Removed {len(unused)} of {len(entries)} keys, {freed / 1e6:.2f} MB."


def _shorten_key(key: str) -> str:
    group, _, name = key.rpartition("/")
    return f"{group}/{name}"[:KEY_DIGITS] if group else name[:KEY_DIGITS]


def _format_users(entry: CacheEntry) -> str:
    if not entry.users:
        return "none"
    first, others = entry.users[0], len(entry.users) - 1
    return f"{first} and {others} more" if others else first
