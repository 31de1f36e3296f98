"""The log of attempts: appended to, chained by hash, and read back as it was written."""

from pathlib import Path

import pytest

from seedwitness.errors import RecordError
from seedwitness.records.attempts import Attempt, append_attempt, read_log

FIRST = Attempt(
    pixels_sha256="a" * 64,
    stated_prompts=["an owl"],
    checkpoints={"own": "b" * 64},
    plan_sha256="c" * 64,
    memorised={"own": "not supported"},
    generated={"own": "inconclusive"},
)
OTHER_PROMPT = FIRST.model_copy(update={"stated_prompts": ["a snowy owl"]})
OTHER_ANSWER = FIRST.model_copy(update={"memorised": {"own": "supported"}})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    for attempt in (FIRST, OTHER_PROMPT, OTHER_ANSWER):
        append_attempt(path, attempt)
    return path


def test_attempts_stand_in_the_order_in_which_they_were_made(log: Path) -> None:
    entries = list(read_log(log))
    assert [entry.attempt for entry in entries] == [FIRST, OTHER_PROMPT, OTHER_ANSWER]
    assert [entry.number for entry in entries] == [1, 2, 3]


def test_the_same_question_with_the_same_answer_is_not_appended_again(log: Path) -> None:
    before = log.read_bytes()
    append_attempt(log, OTHER_PROMPT)
    append_attempt(log, OTHER_ANSWER)
    assert log.read_bytes() == before


def test_an_answer_that_returns_is_appended(log: Path) -> None:
    before = log.read_bytes()
    append_attempt(log, FIRST)  # the newest answer to this question was another one
    assert log.read_bytes().startswith(before)
    assert len(list(read_log(log))) == 4


def test_another_image_is_another_attempt(log: Path) -> None:
    append_attempt(log, OTHER_ANSWER.model_copy(update={"pixels_sha256": "d" * 64}))
    assert len(list(read_log(log))) == 4


@pytest.mark.parametrize("line", [0, 1])
def test_a_removed_entry_shows(log: Path, line: int) -> None:
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:line] + lines[line + 1 :]))
    with pytest.raises(RecordError, match="was removed or altered"):
        list(read_log(log))


def test_an_altered_entry_shows(log: Path) -> None:
    log.write_text(log.read_text().replace("not supported", "inconclusive", 1))
    with pytest.raises(RecordError, match=r"line 2: .*removed or altered"):
        list(read_log(log))


def test_where_there_is_no_log_there_is_no_entry(tmp_path: Path) -> None:
    assert list(read_log(tmp_path / "none.jsonl")) == []
