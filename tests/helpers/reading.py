"""Written pages as a browser would see them, and the evidence beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

TARGETS = ("owl", "heron", "flat")
VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """What a browser would make of a page: its elements in order, its text, its open elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def numbers(self) -> set[float]:
        """Exact values of ``<data>`` elements."""
        return {float(each["value"]) for tag, each in self.elements if tag == "data"}


def pages(project: Path) -> list[Path]:
    return [project / "reports" / name / "report.html" for name in TARGETS] + [
        project / "reports" / "index.html"
    ]


def parsed(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def evidence(project: Path, target: str) -> Any:
    return json.loads((project / "reports" / target / "evidence.json").read_text("utf-8"))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value
