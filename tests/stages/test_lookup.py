"""index, recover, lookup as stages: from a folder and a target to files, the same every time."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from settling import settle

from seedlab.drawing.picture import draw_picture
from seedlab.drawing.plan import plan_sketches
from seedwitness.config.targets import TargetSettings, write_target
from seedwitness.errors import CheckpointError, ConfigError, PictureError, RecordError
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.imaging.perceptual_fingerprint import fingerprint_image
from seedwitness.prompts.prompt_selection import select_prompts
from seedwitness.records.corpus import CorpusRecord, LookupQuery
from seedwitness.records.document import read_document
from seedwitness.records.prompt_recovery import PromptRecovery
from seedwitness.records.tables import MATCHES, PROMPTS, read_table
from seedwitness.records.target import Claim, InformationContent, TargetRecord
from seedwitness.stages import output_path, run_stage

CLIP = Path(__file__).parents[2] / "data" / "lab" / "clip"
PLAN = plan_sketches(1, themes=8, once=8, held_out=0, planted={}, twins_each=0)
STATED = "<script>alert(\"1\")</script>\n'an owl' " + "&" * 10_000
CLAIMED = "an owl at night, oil on canvas"
NEIGHBOURS = 4


def settled(**changed: object) -> None:
    """Have these stages read what is told here."""
    sections = {
        "corpus": {"path": "art", "source": "drawn for the tests"},
        "clip": {"path": str(CLIP), "watch": str(CLIP), "batch": 5},
        "recover": {"methods": ["metadata", "user", "phrases"], "max_phrases": 3},
        "lookup": {"neighbours": NEIGHBOURS, "near_duplicate": 0.999},
    }
    settle(Path(), **{**sections, **changed})
    about = TargetSettings(image="owl.png", pixels_sha256="0" * 64, caption=STATED)
    write_target("owl", about)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with eight pictures, the third of them twice, and the third as its target."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        Path("art").mkdir()
        lines = []
        for number, sketch in enumerate([*PLAN, PLAN[2]]):
            draw_picture(sketch.theme, sketch.seed, 64).save(f"art/{number}.png")
            text = '"a" <i>copy</i>' if number == 8 else sketch.wordings[0]
            lines.append(json.dumps({"file_name": f"{number}.png", "text": text}) + "\n")
        Path("art/metadata.jsonl").write_text("".join(lines))
        prepared = output_path("prepare", "owl")
        prepared.mkdir(parents=True)
        image = decode_image(Path("art/2.png"))
        image.save(prepared / "image.png")
        target(image, [Claim(tool="a1111", prompt=CLAIMED)]).write(prepared / "target.json")
        settled()
        for name, keys in (("index", []), ("recover", ["owl"]), ("lookup", ["owl"])):
            run_stage(name, keys)
    return root


def target(image: Image.Image, claims: list[Claim]) -> TargetRecord:
    return TargetRecord(
        name="owl",
        file_name="owl.png",
        file_sha256="0" * 64,
        file_bytes=1,
        pixels_sha256=hash_pixels(image),
        **fingerprint_image(image)._asdict(),
        width=image.width,
        height=image.height,
        format="PNG",
        mode="RGB",
        frames=1,
        changes=[],
        exif={},
        claims=claims,
        unread=[],
        information=InformationContent(
            bits_per_pixel=5, deviation=0.2, busy_tiles=0.9, patch_contrast=0.3
        ),
    )


@pytest.fixture
def here(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root)
    settled()
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_prompts_are_recovered_from_all_sources(here: Path) -> None:
    table = read_table(output_path("recover", "owl") / "prompts.parquet", PROMPTS)
    assert table["source"].tolist() == ["metadata", "user"] + ["recovered"] * 3
    assert table["text"][:2].tolist() == [CLAIMED, STATED]
    captions = {sketch.wordings[0] for sketch in PLAN}
    assert table["text"][2] in captions
    about = read_document(PromptRecovery, output_path("recover", "owl") / "recover.json")
    assert about.methods == {"metadata": 1, "user": 1, "phrases": 3}
    assert (about.model, about.token_limit) == ("lab-clip", 32)
    assert about.phrases_ranked > len(captions)
    assert about.phrases_too_long == 0


def test_the_target_is_found_in_the_corpus_with_its_copy(here: Path) -> None:
    table = read_table(output_path("lookup", "owl") / "matches.parquet", MATCHES)
    asked = read_table(output_path("recover", "owl") / "prompts.parquet", PROMPTS)["text"]
    queries = ["", *dict.fromkeys(asked)]
    assert table["rank"].tolist() == list(range(1, NEIGHBOURS * len(queries) + 1))
    assert table["query"].tolist() == [query for query in queries for _ in range(NEIGHBOURS)]
    images = table[table["modality"] == "image"]
    assert len(images) == NEIGHBOURS
    assert images["location"].tolist()[:2] == ["art/2.png", "art/8.png"]
    assert images["similarity"][0] == pytest.approx(1, abs=1e-5)
    assert images["pdq_distance"].tolist()[:2] == images["phash_distance"].tolist()[:2] == [0, 0]
    assert (images["pdq_distance"][2:] > 31).all()
    assert images["duplicates"].tolist()[:2] == [2, 2]
    assert images["caption"][1] == '"a" <i>copy</i>'
    for query in queries:
        assert table[table["query"] == query]["similarity"].is_monotonic_decreasing
    about = read_document(LookupQuery, output_path("lookup", "owl") / "query.json")
    assert about.prompts == queries[1:]
    assert about.filters == []
    assert (
        about.corpus_sha256
        == read_document(CorpusRecord, output_path("index") / "corpus.json").sha256
    )


def test_a_caption_of_the_corpus_finds_itself(here: Path) -> None:
    table = read_table(output_path("lookup", "owl") / "matches.parquet", MATCHES)
    prompts = read_table(output_path("recover", "owl") / "prompts.parquet", PROMPTS)
    single = prompts["text"][prompts["method"] == "phrases-single"].item()
    first = table[table["query"] == single].iloc[0]
    assert first["caption"] == single
    assert first["similarity"] == pytest.approx(1, abs=1e-5)
    expected = prompts[prompts["text"] == single].iloc[0]
    assert first["caption_score"] == pytest.approx(expected["score"], abs=1e-5)
    assert first["caption_tokens"] == expected["tokens"]
    assert first["caption_bits"] == expected["bits"]


def test_pictures_of_matches_are_kept_by_rank(here: Path) -> None:
    folder = output_path("lookup", "owl") / "images"
    table = read_table(output_path("lookup", "owl") / "matches.parquet", MATCHES)
    assert {path.name for path in folder.iterdir()} == {f"{rank}.png" for rank in table["rank"]}
    for row in table.to_dict("records"):
        kept = decode_image(folder / f"{row['rank']}.png")
        assert hash_pixels(kept) == hash_pixels(decode_image(Path(row["location"])))


def test_the_captions_of_matches_become_candidates(here: Path) -> None:
    table = select_prompts(
        read_table(output_path("recover", "owl") / "prompts.parquet", PROMPTS),
        read_table(output_path("lookup", "owl") / "matches.parquet", MATCHES),
        6,
    )
    assert table["text"][:2].tolist() == [PLAN[2].wordings[0], '"a" <i>copy</i>']
    assert table["source"].tolist()[:4] == ["corpus"] * 3 + ["metadata"]
    assert np.isfinite(table[["score", "bits"]].to_numpy()).all()
    assert STATED in table["text"].tolist()


def test_a_second_run_gives_the_same_bytes(here: Path) -> None:
    before = contents(Path("data"))
    for name, keys in (("index", []), ("recover", ["owl"]), ("lookup", ["owl"])):
        run_stage(name, keys)
    assert contents(Path("data")) == before
    assert not any(str(here).encode() in data for data in before.values())


def test_phrases_may_come_from_a_file(here: Path) -> None:
    Path("art/phrases.txt").write_text("an owl\nfresco\n")
    settled(recover={"methods": ["phrases"], "phrases": "art/phrases.txt"})
    before = contents(output_path("recover", "owl"))
    run_stage("recover", ["owl"])
    table = read_table(output_path("recover", "owl") / "prompts.parquet", PROMPTS)
    assert table["text"][0] in ("an owl", "fresco")
    assert (
        read_document(PromptRecovery, output_path("recover", "owl") / "recover.json").phrases
        == "phrases.txt"
    )
    settled()
    run_stage("recover", ["owl"])
    assert contents(output_path("recover", "owl")) == before


def test_what_is_missing_is_named(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settled(corpus={"path": "nowhere", "source": "none"})
    with pytest.raises(PictureError, match=r"nowhere.*corpus\.path"):
        run_stage("index", [])
    with pytest.raises(RecordError, match=r"target\.json is missing.*dvc repro"):
        run_stage("recover", ["owl"])
    with pytest.raises(RecordError, match=r"prompts\.parquet is missing.*dvc repro"):
        run_stage("lookup", ["owl"])
    with pytest.raises(ConfigError, match=r"no target `own`.*`owl`"):
        run_stage("recover", ["own"])
    settled(
        corpus={"path": str(here / "art"), "source": ""},
        clip={"path": "no-clip", "watch": "no-clip"},
    )
    with pytest.raises(CheckpointError, match="no-clip"):
        run_stage("index", [])
    prepared = output_path("prepare", "owl")
    prepared.mkdir(parents=True)
    target(decode_image(here / "art" / "0.png"), []).write(prepared / "target.json")
    with pytest.raises(
        PictureError, match=r"image\.png.*dvc repro data/targets/owl/dvc.yaml:prepare"
    ):
        run_stage("recover", ["owl"])
    decode_image(here / "art" / "0.png").save(prepared / "image.png")
    settled()
    with pytest.raises(RecordError, match=r"corpus\.json is missing"):
        run_stage("recover", ["owl"])
