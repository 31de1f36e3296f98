"""The walkthroughs of docs/: their commands run as they stand and print what the pages say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from demonstration import begin_demonstration
from travelling import ENVIRONMENT, ROOT, run
from walkthroughs import agrees, list_paths, list_sections, read_blocks, run_blocks

from seedwitness.runtime.fork_server import SOCKET_VARIABLE, running_server

HEADING = re.compile(r"<h[2-4][^>]*>([^<]+)<")
PAGES = sorted((ROOT / "docs/walkthroughs").glob("*.md"))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The repository that every page clones; DVC's cache beside it saves what a page did before."""
    root = tmp_path_factory.mktemp("walkthroughs") / "seedwitness"
    with running_server() as environment, pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENVIRONMENT, SOCKET_VARIABLE, environment.get(SOCKET_VARIABLE, ""))
        patch.setitem(ENVIRONMENT, "COLUMNS", "160")
        begin_demonstration(root)
        yield root


def test_there_are_three_pages() -> None:
    assert [path.stem for path in PAGES] == ["compare-checkpoints", "dispute", "experiments"]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_walkthrough_prints_what_its_page_says(page: Path, project: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(project), str(clone))
    run(clone, "dvc", "config", "--local", "cache.dir", str(project.parent / "cache"))
    text = page.read_text()
    blocks = read_blocks(text)
    for block, printed in zip(blocks, run_blocks(blocks, clone, ENVIRONMENT), strict=True):
        if block.output is not None:
            assert agrees(block.output, printed), f"{block.commands}\n{printed}"
    paths, sections = list_paths(text), list_sections(text)
    missing = [path for path in paths if not any(tmp_path.glob(f"*/{path}"))]
    assert paths
    assert missing == []
    reports = [path.read_text() for path in tmp_path.glob("*/reports/**/*.html")]
    headings = {each for html in reports for each in HEADING.findall(html)}
    assert [each for each in sections if not any(h.startswith(each) for h in headings)] == []
