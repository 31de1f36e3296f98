"""``docs/claims.md`` and the code say the same: tools, the fields read of each, and their use."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from seedwitness.attribution import claimed_recipes, seed_attribution
from seedwitness.records.target import Claim
from seedwitness.targets import content_credentials
from seedwitness.targets.claims import READERS

PAGE = (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by their first cell."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    return {cell[0]: cell[1:] for cell in cells[2:]}


def claimed_fields(module: object) -> set[str]:
    """The fields of the claims that a reader's module makes."""
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        str(keyword.arg)
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Claim"
        for keyword in call.keywords
    } - {"tool", "others"}


def modules() -> Iterator[tuple[str, object]]:
    for name, reader in READERS.items():
        yield name, inspect.getmodule(reader)
    yield "C2PA", content_credentials


def test_the_page_names_every_reader() -> None:
    assert list(rows("Tools")) == [name for name, _ in modules()]


def test_the_page_names_the_fields_that_each_reader_reads() -> None:
    by_field = {
        field: [name for name, module in modules() if field in claimed_fields(module)]
        for field in Claim.model_fields
        if field not in ("tool", "others")
    }
    assert {
        field.strip("`"): cells[0].split("; ") for field, cells in rows("Fields").items()
    } == by_field


def test_the_page_says_of_each_field_whether_the_search_uses_it() -> None:
    sources = inspect.getsource(claimed_recipes) + inspect.getsource(seed_attribution)
    for field, (_, use) in rows("Fields").items():
        is_used = re.search(rf"\b(claim|each)\.{field.strip('`')}\b", sources) is not None
        assert is_used is (not use.startswith("recorded only")), field
