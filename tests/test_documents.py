"""The pages for people: every link between them leads somewhere; the walkthroughs are linked."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("data/*/README.md")]
LINK = re.compile(r"(?<!`)\]\((?!\w+:)([^)\s]*)\)")


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/tutorial.md"])
def test_every_walkthrough_is_linked(page: str) -> None:
    found = LINK.findall((ROOT / page).read_text())
    links = {((ROOT / page).parent / link).resolve() for link in found}
    walkthroughs = set((ROOT / "docs/walkthroughs").glob("*.md"))
    assert len(walkthroughs) == 3
    assert walkthroughs <= links
