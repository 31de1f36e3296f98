"""The commands of a walkthrough, and what the page says that they print.

A block of `sh` runs as it stands. A block of `sh fails` is one command that has to end with an
error. A block of `text` holds what the block of commands before it prints: `…` stands for a part of
a line, and alone for any number of lines. A page may have no other block.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(?P<kind>.*)\n(?P<content>(?:.*\n)*?)```$", re.M)
FENCE = re.compile(r"^\s*(```|~~~)", re.M)
PATH = re.compile(r"`((?:reports|data|conf)/[^\s`]+)`")
SECTION = re.compile(r"^- \*(.+?)\*:", re.M)
MARK = "\x1e"
DID_NOT_FAIL = 97


@dataclass(frozen=True)
class Block:
    """Commands of a page, and what they print; None where the page does not say it."""

    commands: str
    fails: bool
    output: str | None = None


def read_blocks(page: str) -> list[Block]:
    """The blocks of commands in their order. Raises ValueError for a block that cannot be run."""
    found = list(BLOCK.finditer(page))
    if len(FENCE.findall(page)) != 2 * len(found):
        raise ValueError("a fence is not closed, or is not at the beginning of its line")
    blocks: list[Block] = []
    for number, match in enumerate(found):
        kind, content = match["kind"], match["content"]
        if kind in ("sh", "sh fails"):
            blocks.append(Block(content, kind == "sh fails"))
        elif kind == "text" and number and found[number - 1]["kind"].startswith("sh"):
            blocks[-1] = Block(blocks[-1].commands, blocks[-1].fails, content)
        else:
            raise ValueError(f"a block of {kind!r} is not run, or follows no commands: {content}")
    return blocks


def run_blocks(blocks: list[Block], root: Path, environment: Mapping[str, str]) -> list[str]:
    """Run the blocks in one shell that begins in ``root``; what each printed, errors included.

    The shell ends at the first command that fails, and the AssertionError shows what it printed.
    """
    lines = ["set -e"]
    for block in blocks:
        lines.append(f"printf '{MARK}'")
        if block.fails:
            lines.append(f"if\n{block.commands}then exit {DID_NOT_FAIL}\nfi")
        else:
            lines.append(block.commands)
    ended = subprocess.run(
        ["sh", "-c", "\n".join(lines)],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    outputs = ended.stdout.split(MARK)[1:]
    last = blocks[max(len(outputs) - 1, 0)].commands
    assert ended.returncode == 0, f"{ended.returncode} in\n{last}\n{ended.stdout[-6000:]}"
    return outputs


def agrees(expected: str, printed: str) -> bool:
    """Whether what was printed is what a page says."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n"
        for line in expected.splitlines()
    )
    lines = (line.rstrip() for line in printed.splitlines())
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


def list_paths(page: str) -> list[str]:
    """The files and folders that the text of a page names; capitals become a pattern."""
    prose = BLOCK.sub("", page)
    return [re.sub(r"\b[A-Z]+\b", "*", path).rstrip("/") for path in PATH.findall(prose)]


def list_sections(page: str) -> list[str]:
    """The headings that a page says a report has: what its lists begin with, in italics."""
    return SECTION.findall(BLOCK.sub("", page))
