"""The log of attempts: a folder of entries that only grows, and that two branches can merge."""

import json
import random
import shutil
from pathlib import Path

import pytest
from repositories import commit_all, git, init_git

from seedwitness.errors import RecordError
from seedwitness.records.attempts import (
    ATTEMPTS,
    OUTCOMES,
    LogCounts,
    LogEntry,
    Outcome,
    Question,
    append_entry,
    append_outcome,
    list_log_files,
    name_folder,
    read_log,
    read_outcomes,
)
from seedwitness.runtime.hashes import sha256_file

OWL, HERON = "a" * 64, "b" * 64


def ask(pixels: str = OWL, prompt: str = "an owl", plan: str = "c" * 64) -> Question:
    return Question(
        pixels_sha256=pixels,
        stated_prompts=[prompt],
        checkpoints={"own": "d" * 64},
        plan_sha256=plan,
    )


def enter(root: Path, question: Question, minute: int) -> str:
    """Append an attempt to the log in ``root`` as the stage does; gives its hash."""
    log, image = read_log(root), name_folder(question.pixels_sha256)
    entry = LogEntry(
        kind="attempt",
        parents=log.heads,
        time=f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00+00:00",
        revision="e" * 40,
        is_modified=False,
        target="owl",
        question=question,
        counts=log.count(image, question),
    )
    return append_entry(entry, image, [root])


def enter_removal(root: Path, pixels: str, minute: int) -> str:
    log, image = read_log(root), name_folder(pixels)
    entry = LogEntry(
        kind="removal",
        parents=log.heads,
        time=f"2026-01-01T00:{minute:02}:00+00:00",
        revision="",
        is_modified=False,
        target="heron",
        question=None,
        counts=log.count(image),
    )
    return append_entry(entry, image, [root])


def copy_entries(source: Path, destination: Path) -> None:
    """Give a log the entries of another one."""
    shutil.copytree(source / ATTEMPTS, destination / ATTEMPTS, dirs_exist_ok=True)


def entry_path(root: Path, key: str) -> Path:
    (path,) = (root / ATTEMPTS).glob(f"*/{key}.json")
    return path


@pytest.fixture
def chain(tmp_path: Path) -> list[str]:
    """Three entries, one after the other, on two images."""
    questions = (ask(), ask(HERON), ask(prompt="a snowy owl"))
    return [enter(tmp_path, question, minute) for minute, question in enumerate(questions)]


def test_an_entry_is_read_as_it_was_written_under_its_hash(tmp_path: Path) -> None:
    key = enter(tmp_path, ask(), 0)
    path = tmp_path / ATTEMPTS / name_folder(OWL) / f"{key}.json"
    assert sha256_file(path) == key
    entry = read_log(tmp_path).entries[key]
    assert entry.question == ask()
    assert LogEntry.model_validate_json(path.read_bytes()) == entry


def test_where_there_is_no_log_there_is_no_entry(tmp_path: Path) -> None:
    log = read_log(tmp_path)
    assert (dict(log.entries), log.heads) == ({}, [])
    assert log.count_all() == LogCounts(attempts_on_image=0, attempts=0, images=0, plans=0)


def test_appending_leaves_all_earlier_entries_as_they_are(tmp_path: Path, chain: list[str]) -> None:
    before = {key: entry_path(tmp_path, key).read_bytes() for key in chain}
    enter(tmp_path, ask(plan="f" * 64), 9)
    assert {key: entry_path(tmp_path, key).read_bytes() for key in chain} == before
    assert list(read_log(tmp_path).entries)[:3] == chain


def test_every_entry_names_the_one_before_it(tmp_path: Path, chain: list[str]) -> None:
    entries = read_log(tmp_path).entries
    assert [entries[key].parents for key in chain] == [[], [chain[0]], [chain[1]]]
    assert read_log(tmp_path).heads == [chain[2]]


def test_the_same_question_is_found_and_no_other(tmp_path: Path, chain: list[str]) -> None:
    log = read_log(tmp_path)
    assert [log.find(each) for each in (ask(), ask(prompt="a snowy owl"))] == [chain[0], chain[2]]
    for other in (ask(prompt="an eagle owl"), ask("e" * 64), ask(plan="f" * 64)):
        assert log.find(other) is None
    renamed = ask().model_copy(update={"checkpoints": {"tuned": "d" * 64}})
    assert log.find(renamed) is None


def test_logs_of_two_branches_merge_and_the_next_entry_follows_both(tmp_path: Path) -> None:
    """As two people add attempts, each on a branch of their own."""
    init_git(tmp_path)
    first = enter(tmp_path, ask(), 0)
    commit_all(tmp_path, "one attempt")
    git(tmp_path, "checkout", "-q", "-b", "other")
    theirs = enter(tmp_path, ask(prompt="a snowy owl"), 1)
    commit_all(tmp_path, "their attempt")
    git(tmp_path, "checkout", "-q", "main")
    mine = enter(tmp_path, ask(prompt="a barn owl"), 2)
    commit_all(tmp_path, "my attempt")
    git(tmp_path, "merge", "-q", "-m", "both", "other")
    log = read_log(tmp_path)
    assert list(log.entries) == [first, theirs, mine]
    assert log.heads == sorted([theirs, mine])
    assert log.entries[theirs].parents == log.entries[mine].parents == [first]
    after = enter(tmp_path, ask(HERON), 3)
    assert read_log(tmp_path).entries[after].parents == sorted([theirs, mine])
    assert read_log(tmp_path).heads == [after]


def test_a_question_that_two_branches_asked_is_one_attempt(tmp_path: Path) -> None:
    clones = [tmp_path / name for name in "ab"]
    for minute, clone in enumerate(clones):
        enter(clone, ask(), minute)
        copy_entries(clone, tmp_path)
    log = read_log(tmp_path)
    assert len(log.entries) == len(log.heads) == 2
    once = LogCounts(attempts_on_image=1, attempts=1, images=1, plans=1)
    assert log.count(name_folder(OWL)) == log.count(name_folder(OWL), ask()) == once
    assert log.find(ask()) == next(iter(log.entries))  # the earlier one


def test_entries_of_any_number_of_clones_form_a_graph_without_cycles(tmp_path: Path) -> None:
    rng = random.Random(1)
    clones = [tmp_path / name for name in "abc"]
    for minute in range(30):
        root = rng.choice(clones)
        other = rng.choice(clones)
        if other != root and (other / ATTEMPTS).exists():
            copy_entries(other, root)
        enter(root, ask(f"{rng.randrange(3):064x}", f"prompt {minute}"), minute)
    for clone in clones:
        copy_entries(clone, tmp_path)
    log = read_log(tmp_path)
    assert len(log.entries) == 30
    assert any(len(entry.parents) > 1 for entry in log.entries.values())
    place = {key: number for number, key in enumerate(log.entries)}
    for key, entry in log.entries.items():
        assert all(place[parent] < place[key] for parent in entry.parents)
    reached, waiting = set(), [*log.heads]
    while waiting:
        reached.add(key := waiting.pop())
        waiting += log.entries[key].parents
    assert reached == set(log.entries)
    for key in log.entries:
        path = entry_path(tmp_path, key)
        content = path.read_bytes()
        path.unlink()
        if key in log.heads:  # which Git alone knows of
            assert key not in read_log(tmp_path).entries
        else:
            with pytest.raises(RecordError, match=f"lacks the entry {key}"):
                read_log(tmp_path)
        path.write_bytes(content)
    assert read_log(tmp_path) == log


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_altered_entry_is_named_with_the_remedy(
    tmp_path: Path, chain: list[str], number: int
) -> None:
    path = entry_path(tmp_path, chain[number])
    content = json.loads(path.read_text())
    content["question"]["stated_prompts"] = ["another prompt"]
    path.write_text(json.dumps(content, indent=1) + "\n")
    with pytest.raises(RecordError, match=r"was altered.*Restore it: `git checkout HEAD -- ") as it:
        read_log(tmp_path)
    # Where the alteration was committed, the commit that added the entry has the true one.
    for command in ("checkout HEAD", "checkout COMMIT", "log --diff-filter=A"):
        assert f"`git {command} -- {path}`" in str(it.value)


@pytest.mark.parametrize("number", [0, 1])
def test_an_entry_that_is_missing_before_another_is_named_with_the_remedy(
    tmp_path: Path, chain: list[str], number: int
) -> None:
    entry_path(tmp_path, chain[number]).unlink()
    message = f"lacks the entry {chain[number]}, which the entry {chain[number + 1]} of 2026-01"
    with pytest.raises(RecordError, match=f"{message}.*`git checkout HEAD -- data/attempts`"):
        read_log(tmp_path)


def test_the_log_of_one_image_has_its_entries_only(tmp_path: Path, chain: list[str]) -> None:
    log = read_log(tmp_path, name_folder(HERON))
    assert list(log.entries) == [chain[1]]  # though its parent is on another image
    assert log.images == {chain[1]: name_folder(HERON)}
    assert read_log(tmp_path).images == dict(
        zip(chain, [name_folder(each) for each in (OWL, HERON, OWL)], strict=True)
    )


def test_attempts_images_and_plans_are_counted(tmp_path: Path, chain: list[str]) -> None:
    enter(tmp_path, ask(HERON, plan="f" * 64), 5)
    log = read_log(tmp_path)
    owl = LogCounts(attempts_on_image=2, attempts=4, images=2, plans=2)
    assert log.count(name_folder(OWL)) == owl
    assert log.count_all() == owl.model_copy(update={"attempts_on_image": 0})
    assert [log.entries[key].counts.attempts for key in chain] == [1, 2, 3]
    assert [log.entries[key].counts.attempts_on_image for key in chain] == [1, 1, 2]


def test_a_new_question_is_counted_with_those_of_the_log(tmp_path: Path, chain: list[str]) -> None:
    log = read_log(tmp_path)
    new = ask("e" * 64, plan="f" * 64)
    assert log.count(name_folder("e" * 64), new) == LogCounts(
        attempts_on_image=1, attempts=4, images=3, plans=2
    )
    assert log.count(name_folder(OWL), ask()) == log.count(name_folder(OWL))  # asked before


def test_a_removal_is_no_attempt_and_takes_none_away(tmp_path: Path, chain: list[str]) -> None:
    before = read_log(tmp_path).count(name_folder(OWL))
    key = enter_removal(tmp_path, OWL, 9)
    log = read_log(tmp_path)
    assert log.heads == [key]
    assert log.count(name_folder(OWL)) == before == log.entries[key].counts
    assert list(log.entries) == [*chain, key]


def test_an_entry_goes_into_the_log_of_each_root(tmp_path: Path) -> None:
    roots = [tmp_path / "workspace", tmp_path / "project"]
    key = enter(roots[0], ask(), 0)
    append_entry(read_log(roots[0]).entries[key], name_folder(OWL), roots)
    assert read_log(roots[0]) == read_log(roots[1])


def test_outcomes_are_read_as_they_were_written(tmp_path: Path) -> None:
    folder = tmp_path / OUTCOMES / name_folder(OWL)
    assert read_outcomes(folder) == []
    outcomes = [
        Outcome(attempt=key, memorised={"own": word}, generated={"own": "inconclusive"})
        for key, word in (("1" * 64, "supported"), ("2" * 64, "not supported"))
    ]
    for outcome in [*outcomes, outcomes[0]]:  # the last adds nothing
        append_outcome(outcome, name_folder(OWL), [tmp_path])
    assert sorted(read_outcomes(folder), key=lambda each: each.attempt) == outcomes


def test_an_altered_outcome_is_named(tmp_path: Path) -> None:
    outcome = Outcome(attempt="1" * 64, memorised={"own": "supported"}, generated={})
    append_outcome(outcome, name_folder(OWL), [tmp_path])
    (path,) = (tmp_path / OUTCOMES).rglob("*.json")
    path.write_text(path.read_text().replace("supported", "inconclusive"))
    with pytest.raises(RecordError, match=r"was altered.*`git checkout HEAD -- .*data/outcomes/"):
        read_outcomes(path.parent)


def test_a_listed_image_that_nothing_was_asked_of_counts_once(tmp_path: Path) -> None:
    enter(tmp_path, ask(OWL), 1)
    listed = [OWL, HERON, "e" * 64]
    counts = read_log(tmp_path).count(name_folder(OWL), listed=listed)
    assert counts == LogCounts(attempts_on_image=1, attempts=3, images=3, plans=1)
    again = read_log(tmp_path).count(name_folder(HERON), ask(HERON), listed)
    assert again == counts


def test_what_a_killed_process_left_beside_an_entry_is_no_entry(
    tmp_path: Path, chain: list[str]
) -> None:
    entry = entry_path(tmp_path, chain[0])
    cut = entry.with_name(f".{entry.stem}.0123abcd.part.json")
    cut.write_bytes(entry.read_bytes()[:40])
    assert set(read_log(tmp_path).entries) == set(chain)
    assert cut not in list_log_files(entry.parent)
