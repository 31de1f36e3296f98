"""Tables without vectors: captions, URLs and hashes are found, and the share searched is stated."""

from pathlib import Path

import pyarrow as pa
import pytest
from corpus_sources import draw
from pyarrow import parquet

from seedwitness.corpus.table_search import TableQuery, hash_file, search_tables
from seedwitness.errors import ConfigError, RecordError
from seedwitness.imaging.decoding import decode_image_bytes
from seedwitness.metrics import phash


def write_table(path: Path, start: int, rows: int, **more: list[str]) -> None:
    numbers = range(start, start + rows)
    captions = [f"A Fox no. {number} in the snow" for number in numbers]
    urls = [f"https://e.org/{number}.jpg" for number in numbers]
    parquet.write_table(pa.table({"url": urls, "caption": captions, **more}), path)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    for number in range(3):
        write_table(tmp_path / f"part-{number}.parquet", 100 * number, 100)
    return tmp_path


def test_captions_are_found_whatever_their_case(tables: Path) -> None:
    answer = search_tables(tables, TableQuery(text="fox no. 25"))
    assert [match.caption for match in answer.matches] == [
        "A Fox no. 25 in the snow",
        *(f"A Fox no. {number} in the snow" for number in range(250, 260)),
    ]
    assert answer.total == 11
    assert answer.totals == {"caption": 11, "whole caption": 0}
    assert answer.share == 1
    assert (answer.rows, answer.rows_searched, answer.files_searched) == (300, 300, 3)
    assert (answer.matches[0].file, answer.matches[0].row) == ("part-0.parquet", 25)


def test_whole_captions_come_first_and_all_are_counted(tables: Path) -> None:
    captions = ["a fox no. 7 in the snow and more", "a FOX no. 7 in the snow", "another"]
    parquet.write_table(pa.table({"TEXT": captions}), tables / "z.parquet")
    answer = search_tables(tables, TableQuery(text="A fox  no. 7 in the snow"))
    assert [(match.file, match.row) for match in answer.matches] == [
        ("part-0.parquet", 7),
        ("z.parquet", 1),
        ("z.parquet", 0),
    ]
    assert [match.is_whole_caption for match in answer.matches] == [True, True, False]
    assert answer.totals == {"caption": 3, "whole caption": 2}
    few = search_tables(tables, TableQuery(text="fox"), listed=2)
    assert len(few.matches) == 2
    assert few.total == 302


def test_urls_are_found_exactly_and_quotes_are_only_text(tables: Path) -> None:
    answer = search_tables(tables, TableQuery(url="https://e.org/142.jpg"))
    assert [match.caption for match in answer.matches] == ["A Fox no. 142 in the snow"]
    assert answer.matches[0].by == ["url"]
    assert search_tables(tables, TableQuery(url="https://e.org/14")).total == 0
    assert search_tables(tables, TableQuery(text="' OR 1=1 --")).total == 0
    assert search_tables(tables, TableQuery(text="50 %_")).total == 0


@pytest.mark.parametrize("as_number", [False, True])
def test_pictures_are_found_by_their_hashes(tmp_path: Path, as_number: bool) -> None:
    files = [draw(number) for number in range(5)]
    hashes = [phash.hash_image(decode_image_bytes(data, "picture")) for data in files]
    near = f"{int(hashes[3], 16) ^ 0b1011:016x}"
    stored: list[object] = [*hashes[:4], near]
    values = pa.array([int(str(each), 16) for each in stored], pa.uint64())
    columns = {
        "url": [str(number) for number in range(5)],
        "md5": [hash_file(data)["md5"].upper() for data in files],
        "image_phash": values if as_number else stored,
    }
    parquet.write_table(pa.table(columns), tmp_path / "part.parquet")
    query = TableQuery(file_hashes=hash_file(files[3]), phash=hashes[3])
    answer = search_tables(tmp_path, query)
    assert [(match.row, match.by, match.phash_distance) for match in answer.matches] == [
        (3, ["md5", "phash"], 0),
        (4, ["phash"], 3),
    ]
    assert answer.not_applicable == ["sha256"]


@pytest.mark.parametrize(
    "text", ["(a+b)* [c] \\d {2} $^ | #x-y ~& é", "ÉCOLE à la mer", "日本 の 絵", "x" * 10_000]
)
def test_any_text_is_only_text(tables: Path, text: str) -> None:
    captions = [f"before {text.lower()}  after", "another"]
    parquet.write_table(pa.table({"caption": captions}), tables / "z.parquet")
    answer = search_tables(tables, TableQuery(text=text))
    assert [(match.file, match.row) for match in answer.matches] == [("z.parquet", 0)]
    assert answer.unreadable == {}


def test_a_column_that_some_tables_lack_is_counted(tables: Path) -> None:
    write_table(tables / "with.parquet", 0, 10, md5=["0" * 32] * 10)
    answer = search_tables(tables, TableQuery(file_hashes={"md5": "0" * 32}))
    assert answer.total == 10
    assert answer.rows_without_column == {"md5": 300}
    assert answer.share == 1


def test_damaged_files_are_named_and_the_share_is_not_claimed(tables: Path) -> None:
    data = (tables / "part-1.parquet").read_bytes()
    (tables / "part-1.parquet").write_bytes(data[: len(data) // 2])
    damaged = bytearray((tables / "part-2.parquet").read_bytes())
    damaged[4:400] = bytes(396)
    (tables / "part-2.parquet").write_bytes(bytes(damaged))
    answer = search_tables(tables, TableQuery(text="fox"))
    assert set(answer.unreadable) == {"part-1.parquet", "part-2.parquet"}
    assert all(answer.unreadable.values())
    assert answer.share is None
    assert (answer.total, answer.rows_searched, answer.files) == (100, 100, 3)


def test_captions_that_are_not_utf8_do_not_stop_a_search(tables: Path) -> None:
    raw = pa.array([b"a fox \xff", b"a good fox"], pa.binary())
    table = pa.table({"caption": raw.view(pa.string())})
    parquet.write_table(table, tables / "odd.parquet")
    answer = search_tables(tables, TableQuery(text="fox"))
    assert answer.total >= 300
    assert ("odd.parquet" in answer.unreadable) == (answer.share is None)


def test_a_search_that_ends_early_states_what_it_searched(tables: Path) -> None:
    answer = search_tables(tables, TableQuery(text="fox"), max_seconds=0)
    assert answer.rows_searched < answer.rows == 300
    assert answer.share is not None
    assert answer.share < 1


def test_what_cannot_be_searched_is_an_error(tables: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no parquet file that can be read"):
        search_tables(tmp_path / "nowhere", TableQuery(text="a"))
    with pytest.raises(ConfigError, match="nothing to search for"):
        search_tables(tables, TableQuery())
