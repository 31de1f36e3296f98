"""The files that are made for the recipient: README, ``check.py`` and ``verify.html``."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from seedwitness.bundle import layout
from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.record import BundleRecord
from seedwitness.report.evidence import Evidence

TEMPLATE = "README.md.jinja"
MARKDOWN = str.maketrans({each: f"\\{each}" for each in "\\`*[]<>|!&"})


def read_recipient_file(name: str) -> bytes:
    """A file that is the same in every bundle of this version."""
    return files("seedwitness.bundle").joinpath("recipient", name).read_bytes()


def render_readme(
    evidence: Evidence, record: BundleRecord, fingerprint: str | None, *, is_stamped: bool
) -> str:
    """The text for the recipient: what this is, what to compare, and how to check it by hand."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # Markdown; foreign values are escaped by `_escape`
        undefined=StrictUndefined, keep_trailing_newline=True, finalize=_escape
    )
    environment.filters["plain"] = lambda text: spell_out(text).translate(MARKDOWN)
    template = environment.from_string(read_recipient_file(TEMPLATE).decode())
    return template.render(
        target=record.target,
        cases=evidence.cases,
        record=record,
        fingerprint=fingerprint,
        is_stamped=is_stamped,
        layout=vars(layout),
        seals=list_seals(is_signed=fingerprint is not None, is_stamped=is_stamped),
        signatures=[name for each in record.checkpoints for name in each.signatures],
    )


def list_seals(*, is_signed: bool, is_stamped: bool) -> list[str]:
    """The files that the manifest does not list, of those that this bundle has."""
    present: Mapping[str, bool] = {
        layout.MANIFEST: True,
        layout.STATEMENT: is_signed,
        layout.SSH_SIGNATURE: is_signed,
        layout.STAMP: is_stamped,
    }
    return [name for name, is_there in present.items() if is_there]


def _escape(value: object) -> object:
    """A value as Markdown shows it: hidden characters spelled out, none with a meaning."""
    return value if isinstance(value, int) else spell_out(value, 2000)
