"""Corpora of other kinds go through materials, index and lookup as folders of pictures do."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from corpus_sources import write_tar
from pyarrow import parquet
from settling import settle

from seedwitness.config.inputs import CorpusSettings
from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.corpus.index import load_index
from seedwitness.corpus.sources import load_picture
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.metrics import clip_score
from seedwitness.records.corpus import CorpusRecord, LookupQuery
from seedwitness.records.document import read_document
from seedwitness.records.tables import MATCHES, read_table
from seedwitness.stages import output_path, run_stage
from seedwitness.targets.target_reader import read_target

CLIP = Path(__file__).parents[2] / "data" / "lab" / "clip"
DESCRIPTOR = CLIP.parent / "metrics/descriptor/descriptor.pt"


def prepare(corpus: dict[str, object]) -> None:
    settle(
        Path(),
        corpus={"source": "tests", **corpus},
        clip={"path": str(CLIP), "watch": str(CLIP), "batch": 4},
        recover={"methods": ["user"], "max_phrases": 3},
        lookup={"neighbours": 3, "near_duplicate": 0.999, "copy_descriptor": 0.8},
        score={
            "metrics": ["patch-l2", "pdq"],
            "weights": {},
            "watch": str(DESCRIPTOR.parent),
            "batch": 4,
        },
        judge=_judge(),
    )
    write_target(
        "one", TargetSettings(image="one.png", pixels_sha256="0" * 64, caption="picture 2")
    )


def _judge() -> dict[str, object]:
    from settling import COMMITTED

    criteria = [{"metric": "patch-l2", "threshold": 0.1, "source": "tests"}]
    return {**COMMITTED["judge"], "metric": "patch-l2", "copy_criteria": criteria}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tars, one of them half-written, and the third picture as the target."""
    monkeypatch.chdir(tmp_path)
    Path("tars").mkdir()
    write_tar(Path("tars/00000.tar"), range(5))
    write_tar(Path("tars/00001.tar"), range(5, 8))
    data = Path("tars/00001.tar").read_bytes()
    Path("tars/00001.tar").write_bytes(data[: len(data) * 2 // 3])
    prepare({"path": "tars", "kind": "webdataset", "descriptor": str(DESCRIPTOR)})
    picture = load_picture("webdataset", Path("tars"), "00000.tar/000000002.png", "")
    assert picture is not None
    folder = output_path("prepare", "one")
    folder.mkdir(parents=True)
    picture.save(folder / "image.png")
    read_target(folder / "image.png", "one").record.write(folder / "target.json")
    return tmp_path


def look_up() -> pd.DataFrame:
    for name, keys in (("index", []), ("recover", ["one"]), ("lookup", ["one"])):
        run_stage(name, keys)
    return read_table(output_path("lookup", "one") / "matches.parquet", MATCHES)


def test_tars_go_through_the_stages(project: Path) -> None:
    table = look_up()
    record = read_document(CorpusRecord, output_path("index") / "corpus.json")
    assert record.kind == "webdataset"
    assert record.omitted["damaged-archive"] == 1
    assert record.descriptor == "lab-descriptor"
    images = table[table["modality"] == "image"]
    assert images["location"].iloc[0] == "tars/00000.tar/000000002.png"
    assert images["copy_by"].iloc[0] == "pdq"
    assert images["url"].iloc[0] == "https://example.org/2.png"
    assert images["descriptor"].iloc[0] == pytest.approx(1, abs=2e-3)
    saved = decode_image(output_path("lookup", "one") / "images" / "1.png")
    assert hash_pixels(saved) == hash_pixels(
        decode_image(output_path("prepare", "one") / "image.png")
    )
    query = read_document(LookupQuery, output_path("lookup", "one") / "query.json")
    assert query.copy_descriptor == 0.8
    assert not (project / ".ledger/index").exists()


def test_a_corpus_of_embeddings_has_matches_without_pictures(project: Path) -> None:
    look_up()
    clip = clip_score.load_clip(CLIP)
    from seedwitness.corpus import Embedder

    embedder = Embedder(clip.embed_images, clip.embed_texts, clip.info)
    index = load_index(output_path("index"), embedder)
    count = index.record.rows
    for name, vectors in (("img_emb", index.image_index), ("text_emb", index.text_index)):
        (project / "laion" / name).mkdir(parents=True)
        stored = vectors.reconstruct_n(0, count).astype(np.float16)
        np.save(project / f"laion/{name}/{name}_0.npy", stored)
    (project / "laion/metadata").mkdir()
    rows = [{"caption": caption, "url": "u"} for caption in index.rows["caption"]]
    parquet.write_table(pa.Table.from_pylist(rows), project / "laion/metadata/metadata_0.parquet")
    prepare({"path": "laion", "kind": "clip-retrieval"})
    table = look_up()
    record = read_document(CorpusRecord, output_path("index") / "corpus.json")
    assert record.vectors_given
    assert record.descriptor == ""
    first = table.iloc[0]
    assert first["caption"] == "picture 2"
    assert first["similarity"] == pytest.approx(1, abs=1e-3)
    assert table["pdq_distance"].isna().all()
    assert (table["copies"] == 1).all()
    assert list((output_path("lookup", "one") / "images").iterdir()) == []


def test_a_descriptor_that_is_not_watched_is_refused(project: Path) -> None:
    with pytest.raises(Exception, match=r"corpus\.descriptor: DVC would not see elsewhere/d\.pt"):
        prepare({"path": "tars", "kind": "webdataset", "descriptor": "elsewhere/d.pt"})
    assert CorpusSettings(path=Path("a"), source="b").descriptor is None
