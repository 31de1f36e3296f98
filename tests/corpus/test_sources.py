"""Every kind of source is read whole, and what cannot be used is counted and named."""

import csv
import json
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from corpus_sources import (
    FAILED_KEY,
    add_member,
    draw,
    make_vectors,
    write_clip_retrieval,
    write_tar,
)
from drawn_corpus import write_corpus
from pyarrow import parquet

from seedwitness.corpus.sources import (
    CorpusItem,
    Omission,
    hash_source,
    list_parts,
    load_picture,
)
from seedwitness.errors import ConfigError, PictureError, RecordError
from seedwitness.imaging.decoding import decode_image, hash_pixels


def read(kind: str, folder: Path) -> tuple[list[CorpusItem], list[Omission]]:
    content = [each for part in list_parts(kind, folder) for each in part.read()]
    return (
        [each for each in content if isinstance(each, CorpusItem)],
        [each for each in content if isinstance(each, Omission)],
    )


def count(omissions: list[Omission]) -> dict[str, int]:
    return dict(Counter(each.reason for each in omissions))


def test_an_image_folder_is_the_same_by_jsonl_csv_and_parquet(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "art")
    expected, omissions = read("image-folder", folder)
    assert omissions == []
    assert len(expected) == 11
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    (folder / "metadata.jsonl").unlink()
    lines = [line | {"text": line["text"].replace("\0", "")} for line in lines]  # csv has none
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file_name", "text"])
        writer.writeheader()
        writer.writerows(lines)
    by_csv, omissions = read("image-folder", folder)
    assert omissions == []
    (folder / "metadata.csv").unlink()
    parquet.write_table(pa.Table.from_pylist(lines), folder / "metadata.parquet")
    by_parquet, omissions = read("image-folder", folder)
    assert omissions == []
    plain = [(each.location, each.caption.replace("\0", "")) for each in expected]
    for items in (by_csv, by_parquet):
        assert [(each.location, " ".join(each.caption.split())) for each in items] == [
            (location, " ".join(caption.split())) for location, caption in plain
        ]
        assert items[0].load_image is not None
        assert hash_pixels(items[0].load_image()) == hash_pixels(decode_image(folder / "0.png"))


def test_what_an_image_folder_lacks_is_counted_and_named(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "art")
    (folder / "extra.png").write_bytes(draw(20))
    with (folder / "metadata.jsonl").open("ab") as file:
        file.write(b'{"file_name": "gone.png", "text": "a"}\n')
        file.write(b'{"file_name": "../out.png", "text": "a"}\n')
        file.write(b"{nonsense\n")
        file.write(b'{"file_name": "0.png", "text": "again"}\n')
        file.write(b'{"file_name": "1.png", "size": NaN}\n')
        file.write(b"[" * 100_000 + b"\n")
        file.write(b'{"text": "no name"}\n')
        file.write(b'{"file_name": "\xff.png"}\n')
    items, omissions = read("image-folder", folder)
    assert len(items) == 12
    assert count(omissions) == {"no-picture": 1, "bad-metadata": 7, "no-caption": 1}
    assert omissions[0].detail == "there is no gone.png"
    assert omissions[0].location == "metadata.jsonl, line 12"
    assert ("no-caption", "extra.png") in {(each.reason, each.location) for each in omissions}


def test_captions_that_are_not_utf8_are_left_out_and_their_pictures_kept(tmp_path: Path) -> None:
    folder = tmp_path / "art"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.png").write_bytes(draw(ord(name)))
    rows = b"file_name,text\na.png,ca\xffe\nb.png,\nc.png,caf\xc3\xa9\n"
    (folder / "metadata.csv").write_bytes(rows)
    items, omissions = read("image-folder", folder)
    assert [each.caption for each in items] == ["", "", "café"]
    assert [(each.reason, each.location) for each in omissions] == [
        ("bad-caption", "a.png"),
        ("no-caption", "b.png"),
    ]


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("image-folder", PictureError, r"no folder .*nowhere.*corpus\.path"),
        ("webdataset", PictureError, r"no folder .*nowhere.*corpus\.path"),
        ("parquet", PictureError, r"no folder .*nowhere"),
        ("clip-retrieval", PictureError, r"no folder .*nowhere"),
        ("embeddings", PictureError, r"no folder .*nowhere"),
        ("laion", ConfigError, r"no `laion`; known: image-folder, webdataset"),
    ],
)
def test_a_source_that_is_not_there_is_named(
    tmp_path: Path, kind: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        list_parts(kind, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("image-folder", r"has no metadata\.jsonl \(nor \.csv"),
        ("webdataset", r"has no \.tar"),
        ("parquet", r"has no \.parquet"),
        ("clip-retrieval", r"has no img_emb"),
        ("embeddings", r"has no \.npy"),
    ],
)
def test_an_empty_folder_is_named(tmp_path: Path, kind: str, message: str) -> None:
    with pytest.raises((PictureError, RecordError), match=message):
        list_parts(kind, tmp_path)


def test_tars_of_img2dataset_are_read_with_what_failed(tmp_path: Path) -> None:
    write_tar(tmp_path / "00000.tar", range(3))
    write_tar(tmp_path / "00001.tar", range(3, 5), captions={3: b"\xff\xfe", 4: b" "})
    items, omissions = read("webdataset", tmp_path)
    assert [each.location for each in items] == [
        *(f"00000.tar/00000{number:04d}.png" for number in range(3)),
        *(f"00001.tar/00001{number:04d}.png" for number in (3, 4)),
    ]
    assert [each.caption for each in items] == ["picture 0", "picture 1", "picture 2", "", ""]
    assert items[1].url == "https://example.org/1.png"
    assert count(omissions) == {"no-picture": 2, "bad-caption": 1, "no-caption": 1}
    assert omissions[0] == Omission(
        "no-picture", f"00000.tar/{FAILED_KEY}", "HTTP Error 404: Not Found"
    )
    for item in items:
        assert item.load_image is not None
        again = load_picture("webdataset", tmp_path, item.location, "")
        assert again is not None
        assert hash_pixels(again) == hash_pixels(item.load_image())


def test_a_damaged_or_half_written_tar_gives_the_rows_before_the_damage(tmp_path: Path) -> None:
    for name in ("00000", "00001", "00002", "00003"):
        write_tar(tmp_path / f"{name}.tar", range(4))
    data = (tmp_path / "00001.tar").read_bytes()
    (tmp_path / "00001.tar").write_bytes(data[: len(data) // 2])
    with tarfile.open(tmp_path / "00002.tar") as tar:  # cut between two members
        end = tar.getmembers()[6].offset
    data = (tmp_path / "00002.tar").read_bytes()
    (tmp_path / "00002.tar").write_bytes(data[:end])
    (tmp_path / "00003.tar").write_bytes(b"no tar" * 1000)
    items, omissions = read("webdataset", tmp_path)
    by_tar = Counter(each.location.partition("/")[0] for each in items)
    assert by_tar["00000.tar"] == 4
    assert 0 < by_tar["00001.tar"] < 4
    assert by_tar["00002.tar"] == 2
    assert by_tar["00003.tar"] == 0
    damaged = [each for each in omissions if each.reason == "damaged-archive"]
    assert [each.location for each in damaged] == ["00001.tar", "00002.tar", "00003.tar"]
    assert all(each.detail for each in damaged)
    lost = Counter(
        each.location.partition("/")[0] for each in omissions if each.reason == "no-picture"
    )
    assert lost["00002.tar"] == 2 + 1  # and the failed download


def test_rows_without_a_picture_and_metadata_that_is_no_json_are_counted(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        add_member(tar, "a.txt", b"only a caption")
        add_member(tar, "b.json", b'{"caption": NaN}')
        add_member(tar, "b.png", draw(1))
        add_member(tar, "c.json", b'{"caption": "from json", "url": 5}')
        add_member(tar, "c.png", draw(2))
    items, omissions = read("webdataset", tmp_path)
    assert [(each.location, each.caption, each.url) for each in items] == [
        ("0.tar/b.png", "", ""),
        ("0.tar/c.png", "from json", ""),
    ]
    assert count(omissions) == {"no-picture": 1, "bad-metadata": 1, "no-caption": 1}


def test_a_folder_of_clip_retrieval_is_read_by_the_order_of_its_names(tmp_path: Path) -> None:
    vectors = write_clip_retrieval(tmp_path)
    items, omissions = read("clip-retrieval", tmp_path)
    assert omissions == []
    assert [each.caption for each in items] == [f"caption {row}" for row in range(12)]
    assert items[6].url == "https://e.org/6"
    for row, item in enumerate(items):
        assert item.image_vector is not None
        assert item.text_vector is not None
        np.testing.assert_allclose(item.image_vector, vectors[row], atol=1e-3)
        np.testing.assert_allclose(item.text_vector, vectors[row][::-1], atol=1e-3)


@pytest.mark.parametrize("name", ["img_emb", "text_emb", "metadata"])
def test_vectors_and_metadata_of_different_lengths_are_refused(tmp_path: Path, name: str) -> None:
    write_clip_retrieval(tmp_path)
    sorted((tmp_path / name).iterdir())[-1].unlink()
    with pytest.raises(RecordError, match=rf"different numbers of rows: .*{name} 5"):
        list_parts("clip-retrieval", tmp_path)


def test_a_half_written_file_is_named(tmp_path: Path) -> None:
    write_clip_retrieval(tmp_path)
    for path in (tmp_path / "img_emb/img_emb_1.npy", tmp_path / "metadata/metadata_1.parquet"):
        data = path.read_bytes()
        path.write_bytes(data[:-50])
        with pytest.raises(RecordError, match=rf"{path.name} cannot be read.*half-written"):
            list_parts("clip-retrieval", tmp_path)
        path.write_bytes(data)


def test_bad_embeddings_are_left_out_one_by_one(tmp_path: Path) -> None:
    vectors = make_vectors(6)
    vectors[1, 3], vectors[2, 0], vectors[4] = np.nan, np.inf, 0
    np.save(tmp_path / "a.npy", vectors)
    np.save(tmp_path / "b.npy", make_vectors(2, width=32))
    items, omissions = read("embeddings", tmp_path)
    assert [each.location for each in items] == ["a.npy#0", "a.npy#3", "a.npy#5"]
    assert [(each.location, each.detail) for each in omissions] == [
        ("a.npy#1", "it is not finite"),
        ("a.npy#2", "it is not finite"),
        ("a.npy#4", "it is zero"),
        *((f"b.npy#{row}", "its shape is (32,), others have (64,)") for row in (0, 1)),
    ]


def test_what_is_no_embedding_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(10))
    with pytest.raises(RecordError, match=r"int64 of shape .*no embeddings"):
        list_parts("embeddings", tmp_path)
    np.save(tmp_path / "a.npy", np.array([object()]))
    with pytest.raises(RecordError, match=r"a\.npy cannot be read"):
        list_parts("embeddings", tmp_path)


def test_parquet_with_embeddings_is_read_by_row_groups(tmp_path: Path) -> None:
    vectors = make_vectors(5)
    lists: list[list[float] | None] = [vector.tolist() for vector in vectors]
    lists[2] = None
    lists[3] = [1.0, 2.0]
    table = pa.table(
        {
            "url": [f"https://e.org/{row}" for row in range(5)],
            "caption": ["a", None, "c", "d", "e"],
            "image_embedding": pa.array(lists, pa.list_(pa.float32())),
        }
    )
    parquet.write_table(table, tmp_path / "part.parquet", row_group_size=2)
    assert len(list_parts("parquet", tmp_path)) == 3
    items, omissions = read("parquet", tmp_path)
    assert [each.url[-1] for each in items] == ["0", "1", "4"]
    assert count(omissions) == {"bad-vector": 2, "no-caption": 1}


def test_parquet_without_embeddings_is_referred_to_the_search_without_an_index(
    tmp_path: Path,
) -> None:
    parquet.write_table(pa.table({"url": ["a"], "caption": ["b"]}), tmp_path / "part.parquet")
    with pytest.raises(RecordError, match=r"no embeddings.*seedwitness lookup TEXT"):
        list_parts("parquet", tmp_path)


def test_the_hash_of_a_source_follows_every_file(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "art")
    before = hash_source("image-folder", folder)
    assert hash_source("image-folder", folder) == before
    (folder / "0.png").write_bytes(draw(30))
    assert hash_source("image-folder", folder) != before
