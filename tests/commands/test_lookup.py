"""``seedwitness lookup``: every kind of corpus, as lines and as JSON, and what went wrong."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import pytest
from corpus_sources import write_clip_retrieval
from drawn_corpus import write_corpus
from PIL import Image, ImageOps
from pyarrow import parquet
from settling import settle
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.commands import lookup
from seedwitness.commands.lookup import run_lookup
from seedwitness.commands.lookup_lines import format_lines
from seedwitness.commands.lookup_result import STATEMENT, LookupOptions, LookupResult
from seedwitness.corpus.table_search import hash_file
from seedwitness.errors import ConfigError, PictureError, RecordError
from seedwitness.imaging.decoding import decode_image
from seedwitness.stages import run_stage

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "data/lab/clip"
DESCRIPTOR = ROOT / "data/lab/metrics/descriptor/descriptor.pt"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an index of a drawn corpus."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_corpus(root / "art")
        shutil.copytree(DESCRIPTOR.parent, root / "art/.descriptor")
        settle(
            root,
            corpus={
                "path": "art",
                "source": "drawn for the tests",
                "descriptor": "art/.descriptor/descriptor.pt",
            },
            clip={"path": str(CLIP), "watch": str(CLIP), "batch": 8},
            lookup={"neighbours": 4, "near_duplicate": 0.999, "copy_descriptor": 0.8},
        )
        run_stage("index", [])
    return root


@pytest.fixture
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root)
    return root


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(app, ["lookup", *arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout)


def test_a_picture_is_looked_up_in_the_project(here: Path) -> None:
    code, found = run("art/0.png")
    assert code == 0
    assert found["query_kind"] == found["modality"] == "image"
    hits = found["hits"]
    assert [hit["location"] for hit in hits][:3] == ["0.png", "x1.webp", "x2.webp"]
    assert [hit["copy_by"] for hit in hits] == ["pdq"] * 3 + [""]
    assert [hit["copies"] for hit in hits] == [3, 3, 3, 1]
    assert [hit["duplicates"] for hit in hits][:3] == [3, 3, 3]
    assert hits[0]["pdq_distance"] == hits[0]["phash_distance"] == 0
    assert hits[0]["descriptor"] == pytest.approx(1, abs=2e-3)
    assert found["index"]["recall_n"] == 11
    assert "not that any checkpoint was trained on it" in found["statement"]
    assert LookupResult.model_validate(found).hits


def test_a_mirrored_picture_is_found(here: Path, tmp_path: Path) -> None:
    ImageOps.mirror(decode_image(here / "art/3.png")).save(tmp_path / "mirrored.png")
    _, found = run(str(tmp_path / "mirrored.png"))
    assert found["hits"][0]["location"] == "3.png"
    assert found["hits"][0]["copy_by"] == "pdq-mirrored"
    assert found["hits"][0]["pdq_distance"] == 0


def test_a_text_is_looked_up_in_captions_and_in_pictures(here: Path) -> None:
    _, found = run("copy 1", "--neighbours", "1")
    assert found["modality"] == "text"
    assert [hit["caption"] for hit in found["hits"]] == ["copy 1"]
    assert found["hits"][0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert found["hits"][0]["pdq_distance"] is None
    _, pictures = run("copy 1", "--modality", "image", "-n", "11")
    assert len(pictures["hits"]) == 11
    assert pictures["hits"][0]["similarity"] < 0.99
    _, captions = run("art/4.png", "--modality", "text", "-n", "2")
    assert len(captions["hits"]) == 2


def test_lines_say_what_was_searched_and_what_a_hit_shows(here: Path) -> None:
    result = CliRunner().invoke(app, ["lookup", "art/0.png"])
    assert result.exit_code == 0
    assert "Searched 11 rows of drawn for the tests" in result.stdout
    assert "on 11 known items" in result.stdout
    assert "[copy by pdq]" in result.stdout
    assert result.stdout.rstrip().endswith(STATEMENT)
    assert "<b onclick" in result.stdout  # the caption as text, escaped for the terminal
    assert "\x1b" not in result.stdout


def test_a_folder_of_clip_retrieval_is_looked_up_as_it_is(here: Path, tmp_path: Path) -> None:
    index = lookup.open_corpus(here / "data/index", lookup.load_embedder(CLIP))
    vectors = index.image_index.reconstruct_n(0, 11)
    folder = tmp_path / "laion"
    write_clip_retrieval(folder, counts=(5, 6))
    for number, rows in enumerate((slice(0, 5), slice(5, 11))):
        for name in ("img_emb", "text_emb"):
            np.save(folder / name / f"{name}_{number}.npy", vectors[rows].astype(np.float16))
    _, by_url = run("https://e.org/7", "--corpus", str(folder))
    assert [hit["caption"] for hit in by_url["hits"]] == ["caption 7"]
    _, exact = run("art/7.png", "--corpus", str(folder))
    assert exact["hits"][0]["location"] == "000000007"
    assert exact["hits"][0]["url"] == "https://e.org/7"
    assert exact["hits"][0]["copies"] == 1
    assert exact["hits"][0]["pdq_distance"] is None
    assert exact["index"]["vectors_given"] is True

    ivf = faiss.index_factory(128, "IVF2,Flat", faiss.METRIC_INNER_PRODUCT)
    ivf.train(vectors)
    ivf.add(vectors)
    ivf.nprobe = 2
    faiss.write_index(ivf, str(folder / "image.index"))
    _, found = run("art/7.png", "--corpus", str(folder))
    assert [hit["location"] for hit in found["hits"]] == [hit["location"] for hit in exact["hits"]]
    assert found["index"]["index"].startswith("image.index of the folder, IndexIVFFlat")
    assert set(found["index"]["files"]) == {"image.index"}

    shutil.copy(folder / "metadata/metadata_0.parquet", folder / "metadata/metadata_2.parquet")
    with pytest.raises(RecordError, match=r"different numbers of rows: pictures 11, metadata 16"):
        run_lookup("art/7.png", LookupOptions(corpus=str(folder)))
    (folder / "image.index").write_bytes(b"no index")
    with pytest.raises(RecordError, match=r"image\.index cannot be read by faiss"):
        run_lookup("art/7.png", LookupOptions(corpus=str(folder)))


def test_tables_are_searched_with_the_share_that_was(here: Path, tmp_path: Path) -> None:
    data = (here / "art/2.png").read_bytes()
    columns = {
        "url": ["https://e.org/1.png", "https://e.org/2.png"],
        "caption": ["a fox", "an owl at night"],
        "md5": ["0" * 32, hash_file(data)["md5"]],
    }
    parquet.write_table(pa.table(columns), tmp_path / "part.parquet")
    _, found = run("owl", "--corpus", str(tmp_path))
    assert [hit["url"] for hit in found["hits"]] == ["https://e.org/2.png"]
    assert (found["tables"]["share"], found["tables"]["rows_searched"]) == (1, 2)
    _, found = run("https://e.org/1.png", "--corpus", str(tmp_path / "part.parquet"))
    assert [hit["caption"] for hit in found["hits"]] == ["a fox"]
    _, found = run("art/2.png", "--corpus", str(tmp_path))
    assert [(hit["copy_by"], hit["location"]) for hit in found["hits"]] == [
        ("md5", "part.parquet, row 1")
    ]
    (tmp_path / "half.parquet").write_bytes((tmp_path / "part.parquet").read_bytes()[:-20])
    lines = "\n".join(format_lines(run_lookup("owl", LookupOptions(corpus=str(tmp_path)))))
    assert "1 files could not be read, so the share is not known" in lines
    picture = run_lookup("art/2.png", LookupOptions(corpus=str(tmp_path / "part.parquet")))
    assert "100 % of them" in format_lines(picture)[0]
    assert "No table has a column for sha256." in format_lines(picture)[0]


def test_a_server_is_asked_and_said_to_have_not_answered(here: Path, server: str) -> None:
    code, found = run("a fox", "--corpus", f"{server}/good", "--index", "laion")
    assert code == 0
    assert [hit["similarity"] for hit in found["hits"]] == [0.5, 0.4]
    assert found["remote"]["request"]["deduplicate"] is False
    assert found["remote"]["request"]["indice_name"] == "laion"
    assert list((here / ".ledger/remote").iterdir())
    code, found = run("a fox", "--corpus", f"{server}/html", "--timeout", "2")
    assert code == 1
    assert found["remote"]["failure"] == "not-json"
    result = CliRunner().invoke(app, ["lookup", "fox", "--corpus", f"{server}/nothing"])
    assert result.exit_code == 1
    assert "did not answer: the answer is empty" in result.stdout
    assert "Nothing is known of what it holds." in result.stdout
    assert "Nothing was found." not in result.stdout


def test_pictures_are_fetched_only_when_asked_to(here: Path, server: str, tmp_path: Path) -> None:
    picture = ROOT / "docs/images/comes-back.jpg"
    urls = [f"{server}/picture", f"{server}/html", ""]
    table = pa.table({"url": urls, "caption": ["a fox"] * 3})
    parquet.write_table(table, tmp_path / "part.parquet")
    options = LookupOptions(corpus=str(tmp_path), timeout=5)
    assert [hit.picture for hit in run_lookup("fox", options).hits] == ["", "", ""]
    refused = run_lookup("fox", LookupOptions(corpus=str(tmp_path), fetch=True))
    assert "no public address" in refused.hits[0].picture
    fetched = LookupOptions(corpus=str(tmp_path), fetch=True, allow_private=True)
    hits = run_lookup("fox", fetched).hits
    assert hits[0].picture == "fetched"
    assert "cannot be read as a picture" in hits[1].picture
    assert hits[2].picture == "no URL"
    Image.open(picture).save(tmp_path / "own.png")
    own = LookupResult(
        query="",
        query_kind="image",
        modality="image",
        corpus="",
        hits=hits,
    )
    asked = lookup._read_query(str(tmp_path / "own.png"))
    again = lookup._fetch_pictures(own, asked, fetched)
    assert (again.hits[0].pdq_distance, again.hits[0].phash_distance) == (0, 0)


@pytest.mark.parametrize(
    ("query", "corpus", "error", "message"),
    [
        (" ", None, ConfigError, "nothing to look up"),
        ("gone/picture.png", None, PictureError, r"no picture gone/picture\.png"),
        ("https://e.org/1.png", "http://e.org", ConfigError, "A URL is looked up in tables"),
        ("fox", "nowhere", ConfigError, "no corpus nowhere"),
        ("fox", "art", ConfigError, r"art is no index.*corpus=image-folder"),
        ("fox", "http://", ConfigError, "no address of a server"),
    ],
)
def test_what_cannot_be_looked_up_is_named(
    here: Path, query: str, corpus: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run_lookup(query, LookupOptions(corpus=corpus))


def test_outside_of_a_project_the_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no index in data/index"):
        run_lookup("fox", LookupOptions())
    with pytest.raises(ConfigError, match="--clip FOLDER"):
        run_lookup("fox", LookupOptions(corpus=str(root / "data/index")))
    found = run_lookup("copy 2", LookupOptions(corpus=str(root / "data/index"), clip=CLIP))
    assert found.hits[0].caption == "copy 2"
    assert "is not that of this project" in found.notes[0]


def test_serving_answers_over_http(here: Path) -> None:
    command = [sys.executable, "-c", "from seedwitness.cli import app; app()"]
    process = subprocess.Popen(
        [*command, "lookup", "--serve", "--port", "0", "--index", "art"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("Serving http://127.0.0.1:")
        url = line.split()[1].rstrip(",")
        found = run_lookup("copy 1", LookupOptions(corpus=url, modality="text"))
        assert found.hits[0].caption == "copy 1"
        assert found.hits[0].location.startswith("art, row ")
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
