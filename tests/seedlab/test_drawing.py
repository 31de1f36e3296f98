"""The drawn pictures: their plan, and the same pixels on every machine."""

from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedlab import ground_truth
from seedlab.cli import app
from seedlab.drawing.media import MEDIA
from seedlab.drawing.styles import ARTISTS
from seedlab.ground_truth import PictureRecord
from seedlab.pictures import hash_rows, make_pictures
from seedlab.settings import load_settings

LAB = Path(__file__).parents[2] / "data" / "lab"
SETTINGS = load_settings(LAB / "params.yaml")
TRUTH = ground_truth.read_truth(LAB / "truth.parquet")

# A deliberate change of the drawn pictures needs new trainings, and a new value here.
KEY = "4456e70a9a54294b8b1019997aae77b59b4adef521d894d520aff4abbf237a77"


def test_the_truth_is_the_one_that_everything_was_trained_on() -> None:
    assert hash_rows(TRUTH) == KEY


def test_the_plan_has_its_counts() -> None:
    assert Counter(row.split for row in TRUTH) == {
        "once": 2600,
        "planted": 72,
        "held_out": 420,
        "twin": 48,
    }
    planted = Counter(row.multiplicity for row in TRUTH if row.split == "planted")
    assert planted == {8: 24, 32: 24, 128: 24}
    assert all(row.multiplicity == (row.split == "once") for row in TRUTH if row.split != "planted")
    assert len({row.id for row in TRUTH}) == len({row.sha256 for row in TRUTH}) == len(TRUTH)


def test_no_two_planted_pictures_share_a_caption() -> None:
    captions = [row.caption for row in TRUTH if row.split == "planted"]
    assert len(set(captions)) == len(captions)


def test_a_planted_picture_has_variants_in_wording() -> None:
    for row in TRUTH:
        expected = 4 if row.split == "planted" else 1
        assert len(set(row.wordings)) == expected
        assert row.wordings[0] == row.caption


def test_a_twin_has_the_very_caption_of_its_planted_picture() -> None:
    by_id = {row.id: row for row in TRUTH}
    twins = [row for row in TRUTH if row.split == "twin"]
    hosts = [by_id[row.twin_of] for row in twins]
    assert [row.caption for row in hosts] == [row.caption for row in twins]
    assert Counter(row.multiplicity for row in hosts) == {8: 16, 32: 16, 128: 16}
    assert all(row.split == "planted" for row in hosts)


def test_several_pictures_share_most_captions() -> None:
    counts = Counter(row.caption for row in TRUTH)
    assert sum(count > 1 for count in counts.values()) > 0.9 * len(counts)


def sample() -> list[PictureRecord]:
    """A dozen pictures or a few more: every artist, every medium and every split among them."""
    first: dict[object, PictureRecord] = {}
    for row in TRUTH:
        medium = next(medium for medium in MEDIA if medium in row.caption)
        for trait in (row.artist, medium, row.split):
            first.setdefault(trait, row)
    by_artist = defaultdict(list)
    for row in reversed(TRUTH):
        by_artist[row.artist].append(row)
    assert len(by_artist) == len(ARTISTS)
    return list(
        {row.id: row for row in (*first.values(), *(r[0] for r in by_artist.values()))}.values()
    )


def test_every_artist_draws_what_the_truth_records() -> None:
    expected = {row.id: row for row in sample()}
    assert {row.split for row in expected.values()} == {row.split for row in TRUTH}
    rows = {row.id: row for row, _ in make_pictures(SETTINGS, 1, ids=set(expected)).pictures}
    assert rows == expected


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Python 3.12 beside torch
def test_the_number_of_workers_changes_nothing() -> None:
    ids = {row.id for row in islice(TRUTH, 0, 60, 10)}
    one, three = (
        [(row, image.tobytes()) for row, image in make_pictures(SETTINGS, n, ids=ids).pictures]
        for n in (1, 3)
    )
    assert len(one) == 6
    assert one == three


SMALL = (LAB / "params.yaml").read_text()
for old, new in (
    ("size: 128", "size: 32"),
    ("themes: 800", "themes: 20"),
    ("once: 2600", "once: 4"),
    ("held_out: 420", "held_out: 3"),
    ("{8: 24, 32: 24, 128: 24}", "{8: 2}"),
    ("twins_each: 16", "twins_each: 1"),
):
    assert old in SMALL
    SMALL = SMALL.replace(old, new)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab of ten small pictures, made by the command line."""
    lab = tmp_path_factory.mktemp("lab")
    (lab / "params.yaml").write_text(SMALL)
    ended = CliRunner().invoke(app, ["pictures", "--lab", str(lab)])
    assert ended.exit_code == 0, ended.output
    assert "10 pictures: 4 once, 2 planted, 3 held out, 1 twin." in ended.stderr
    return lab


def test_a_lab_redraws_any_split_bit_for_bit(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["draw", "--lab", str(small), "--out", str(out)]
    ended = CliRunner().invoke(app, [*arguments, "--split", "planted", "--split", "twin"])
    assert ended.exit_code == 0, ended.output
    assert "3 pictures" in ended.stdout
    assert "bit for bit" in ended.stdout
    files = sorted(path.name for path in out.iterdir())
    assert len(files) == 4
    for name in set(files) - {"metadata.jsonl"}:
        assert (out / name).read_bytes() == (small / "pictures" / name).read_bytes()


def test_a_picture_that_differs_from_the_truth_is_reported(small: Path, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(SMALL.replace("seed: 1\n  size", "seed: 2\n  size"))
    (tmp_path / "truth.parquet").write_bytes((small / "truth.parquet").read_bytes())
    out = tmp_path / "out"
    ended = CliRunner().invoke(app, ["draw", "--lab", str(tmp_path), "--out", str(out)])
    assert ended.exit_code == 1
    assert "10 of 10 pictures" in ended.stderr
    assert str(tmp_path / "truth.parquet") in ended.stderr


def test_existing_files_are_not_overwritten(small: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("to be kept")
    ended = CliRunner().invoke(app, ["draw", "--lab", str(small), "--out", str(tmp_path)])
    assert ended.exit_code == 1
    assert "not empty" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unknown_split_is_named(small: Path, tmp_path: Path) -> None:
    arguments = ["draw", "--lab", str(small), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, [*arguments, "--split", "test"])
    assert ended.exit_code == 1
    assert "Known are: once, planted, held_out, twin" in ended.stderr
