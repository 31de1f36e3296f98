"""The checks of what a whole bundle says, in their order, and those of its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from seedwitness.bundle import (
    document_checks,
    layout,
    picture_checks,
    recomputation,
    run_checks,
)
from seedwitness.bundle.container import Bundle, read_file
from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.opened import Finding, NotCheckable, OpenedBundle
from seedwitness.bundle.recipient_files import read_recipient_file
from seedwitness.runtime.environment import OWN_VERSION

SHOWN = 3
Check = tuple[str, list[str], Callable[[], Finding]]


def list_checks(bundle: Bundle, *, with_page: bool) -> Iterator[Check]:
    """The checks in their order: a name, the file that is at fault if one raises, a function."""
    with ExitStack() as stack:
        opened = OpenedBundle(bundle, stack)
        yield "record", [layout.RECORD], lambda: document_checks.check_record(opened)
        yield "schema", ["evidence.json"], lambda: document_checks.check_schema(opened)
        yield "log", ["data/attempts"], lambda: document_checks.check_log(opened)
        yield "stages", ["dvc.lock"], lambda: run_checks.check_lock(opened)
        yield "crate", [layout.CRATE], lambda: run_checks.check_crate(opened)
        yield "pictures", [], lambda: picture_checks.check_pictures(opened)
        yield "latents", [], lambda: picture_checks.check_latents(opened)
        yield "tables", [layout.TRIALS_TABLE], lambda: _check_tables(opened)
        yield "findings", ["finding.json"], lambda: _check_findings(opened)
        yield "figures", ["evidence.json"], lambda: _check_evidence(opened)
        yield "check.py", [layout.CHECK], lambda: _check_recipient_files(opened)
        yield "page", ["report.html"], lambda: _check_page(opened, with_page=with_page)


def _check_tables(opened: OpenedBundle) -> Finding:
    names = [case.checkpoint for case in opened.evidence.cases]
    tables = recomputation.recompute_tables(opened.root, opened.record.target, names)
    wrong = [name for name, content in tables.items() if read_file(opened.bundle, name) != content]
    if wrong:
        return wrong, "other rows than in the stages' tables"
    rows = sum(content.count(b"\n") - 1 for content in tables.values())
    return [], f"{rows} trials of target, reference and controls, as in the stages' tables"


def _check_findings(opened: OpenedBundle) -> Finding:
    found = recomputation.recompute_findings(opened.root, opened.record.target)
    wrong = {name: differences for name, differences in found.items() if differences}
    if wrong:
        name, differences = next(iter(wrong.items()))
        return list(wrong), f"{name}: {_describe(differences)}"
    return [], f"{len(found) - 1} findings follow from the tables, to the last digit"


def _check_evidence(opened: OpenedBundle) -> Finding:
    differences = recomputation.recompute_evidence(
        opened.root, opened.source, opened.evidence, opened.record
    )
    name = f"reports/{opened.record.target}/evidence.json"
    if differences:
        return [name], _describe(differences)
    return [], f"every figure of {name} follows from the tables, to the last digit"


def _describe(differences: list[recomputation.Difference]) -> str:
    shown = [
        f"{place} is stated as {spell_out(repr(stated), 80)}, and is {spell_out(repr(found), 80)}"
        for place, stated, found in differences[:SHOWN]
    ]
    more = f" and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    return "; ".join(shown) + more


def _check_recipient_files(opened: OpenedBundle) -> Finding:
    """Whether the programs in the bundle are those of this version: they are not run here."""
    names = (layout.CHECK, layout.PAGE)
    others = [n for n in names if read_file(opened.bundle, n) != read_recipient_file(n)]
    if not others:
        return [], f"{' and '.join(names)} are those of seedwitness {OWN_VERSION}"
    if opened.record.version != OWN_VERSION:
        raise NotCheckable(
            f"The bundle was made by another version, {spell_out(opened.record.version)}."
        )
    return others, "it is not the program that this version of seedwitness writes: do not run it"


def _check_page(opened: OpenedBundle, *, with_page: bool) -> Finding:
    if not with_page:
        raise NotCheckable("--page writes the report again and compares it, in some seconds.")
    if opened.record.is_redacted:
        raise NotCheckable("Pictures were left out, so the page cannot be written again.")
    wrong = recomputation.recompute_page(
        opened.root, opened.source, opened.evidence, opened.bundle, opened.record.target
    )
    if wrong is None:
        raise NotCheckable(
            "The libraries here have other versions than those that wrote the report "
            f"({layout.ENVIRONMENT} names them), so the page may differ in its plots."
        )
    if wrong:
        return wrong, f"not what the report writes from these files: {', '.join(wrong[:SHOWN])}"
    return [], "the report, written again, is the same to the last byte"
