"""A walkthrough that is wrong is found to be."""

import os
from pathlib import Path

import pytest
from walkthroughs import Block, agrees, list_paths, list_sections, read_blocks, run_blocks

PAGE = """\
Text.

```sh
echo one; cd folder
```

```text
one
```

```sh fails
test -e missing
```

```sh
pwd
```
"""


def test_blocks_run_in_one_shell(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    blocks = read_blocks(PAGE)
    assert [block.fails for block in blocks] == [False, True, False]
    assert [block.output for block in blocks] == ["one\n", None, None]
    assert run_blocks(blocks, tmp_path, os.environ) == ["one\n", "", f"{tmp_path}/folder\n"]


@pytest.mark.parametrize(
    "page",
    [
        "```bash\necho\n```\n",
        "```\necho\n```\n",
        "```sh skip\necho\n```\n",
        "```text\nout\n```\n",
        "```sh\necho\n```\n```text\na\n```\n```text\nb\n```\n",
        "```sh\necho\n",
        "1. item\n\n   ```sh\n   echo\n   ```\n",
    ],
)
def test_what_cannot_be_run_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"block|fence"):
        read_blocks(page)


@pytest.mark.parametrize(
    "block", [Block("false\ntrue\n", fails=False), Block("true\n", fails=True)], ids=str
)
def test_a_command_that_ends_otherwise_is_found(block: Block, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="true"):
        run_blocks([Block("echo before\n", fails=False), block], tmp_path, os.environ)


@pytest.mark.parametrize(
    ("expected", "printed", "right"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a\nb\n", False),
        ("a\n…\n", "a\nb\nc\n", True),
        ("…\na\n", "a\n", True),
        ("…\na\n", "b\n", False),
        ("p = …, (1)\n", "p = 0.5, (1)\n", True),
        ("p = …\n", "p = 1\nq = 2\n", False),
        ("a.c\n", "abc\n", False),
        ("a b\n", "a b  \n", True),
    ],
)
def test_output_is_compared_line_by_line(expected: str, printed: str, right: bool) -> None:
    assert agrees(expected, printed) is right


def test_sections_that_the_text_names_are_listed() -> None:
    page = "- *Findings*: the answer\n- *not* a section\n```sh\n- *a*: b\n```\n"
    assert list_sections(page) == ["Findings"]


def test_paths_of_the_text_are_listed() -> None:
    page = "See `reports/a/b.html`, `data/plans/HASH.json` and `seedwitness run`.\n" + PAGE
    assert list_paths(page) == ["reports/a/b.html", "data/plans/*.json"]
