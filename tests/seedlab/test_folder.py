"""A lab on a folder of pictures: decoding, splits, exclusions and augmented copies."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from picture_folder import COUNT, PARAMS, make_blocks, read_metadata, run_seedlab, write_metadata
from PIL import Image

from seedlab import ground_truth
from seedlab import settings as lab_settings
from seedlab.augmentation import augment_copy
from seedlab.ground_truth import PictureRecord
from seedlab.pictures import build_pictures, hash_rows, load_pixels, restore_pictures
from seedlab.planting import nearest_distances, plan_folder, reorder_caption
from seedlab.settings import FolderPictures
from seedlab.square_images import fit_to_square
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image

ROOT = Path(__file__).parents[2]
DCSS = ROOT.parent / "shared" / "data" / "dcss"


def test_a_folder_becomes_a_lab(lab: Path) -> None:
    code, output = run_seedlab("pictures", "--lab", lab)
    assert code == 0, output
    assert "24 pictures: 14 once, 4 planted, 4 held out, 2 twin." in output
    assert "20 captions; 4 belong to several pictures." in output
    rows = ground_truth.read_truth(lab / "truth.parquet")
    assert Counter(r.multiplicity for r in rows if r.split == "planted") == {4: 2, 8: 2}
    by_id = {row.id: row for row in rows}
    planted = {row.caption for row in rows if row.split == "planted"}
    assert len(planted) == 4
    for row in rows:
        if row.split == "twin":
            assert by_id[row.twin_of].split == "planted"
            assert by_id[row.twin_of].caption == row.caption
        if row.split == "held_out":
            assert row.caption not in planted
    tensor = load_pixels(lab / "pictures", rows)
    assert tensor.shape == (COUNT, 3, 32, 32)
    sources = [json.loads(t) for t in (lab / "pictures/metadata.jsonl").read_text().splitlines()]
    for number in (0, 23):
        original = make_blocks(int(sources[number]["source"].removesuffix(".png")))
        assert (tensor[number].numpy() == np.asarray(original).transpose(2, 0, 1)).all()


def test_the_choice_depends_on_pixels_and_seed_alone(art: Path, tmp_path: Path) -> None:
    plan = lab_settings.load_settings(_params(tmp_path, PARAMS)).pictures
    assert isinstance(plan, FolderPictures)

    def choice(folder: Path, plan: FolderPictures = plan) -> dict[str, tuple[str, int]]:
        return {r.sha256: (r.split, r.multiplicity) for r in plan_folder(folder, plan, 2).rows}

    other = tmp_path / "other"
    other.mkdir()
    renamed = [line | {"file_name": f"x{99 - k}.png"} for k, line in enumerate(read_metadata(art))]
    for line, new in zip(read_metadata(art), renamed, strict=True):
        shutil.copy(art / line["file_name"], other / new["file_name"])
    write_metadata(other, renamed[::-1])
    assert choice(other) == choice(art)
    assert choice(art, plan.model_copy(update={"seed": 2})) != choice(art)


def _params(folder: Path, text: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(text)
    return path


def test_equal_pixels_and_single_colours_are_excluded_and_reported(art: Path, lab: Path) -> None:
    shutil.copy(art / "03.png", art / "copy of 03.png")
    Image.new("RGB", (32, 32), "teal").save(art / "teal.png")
    more = [{"file_name": name, "text": "extra"} for name in ("copy of 03.png", "teal.png")]
    write_metadata(art, read_metadata(art) + more)
    code, output = run_seedlab("pictures", "--lab", lab)
    assert code == 0
    assert "24 pictures" in output
    assert "Excluded (the same pixels as another): 1." in output
    assert "Excluded (of a single colour): 1." in output
    left_out = json.loads((lab / "world.json").read_text())["left_out"]
    assert left_out == [
        {"file_name": "copy of 03.png", "why": "the same pixels as another: 03.png"},
        {"file_name": "teal.png", "why": "of a single colour"},
    ]


def test_near_copies_are_only_ever_seen_once(art: Path, lab: Path) -> None:
    near = np.asarray(make_blocks(20)).copy()
    near[0, 0] ^= 255
    Image.fromarray(near, "RGB").save(art / "near.png")
    write_metadata(art, [*read_metadata(art), {"file_name": "near.png", "text": "near"}])
    assert run_seedlab("pictures", "--lab", lab)[0] == 0
    rows = ground_truth.read_truth(lab / "truth.parquet")
    assert [row.split for row in rows if row.caption in ("near", "blocks 20, noise, grid")] == [
        "once",
        "once",
    ]


def test_no_shared_caption_means_no_twin(art: Path, lab: Path) -> None:
    write_metadata(art, [line | {"text": line["file_name"]} for line in read_metadata(art)])
    code, output = run_seedlab("pictures", "--lab", lab)
    assert code == 0
    assert "4 planted, 4 held out, 0 twin." in output


def test_nearest_distance_is_that_to_the_most_similar_picture() -> None:
    black, grey, white = (Image.new("RGB", (32, 32), (v, v, v)) for v in (0, 51, 255))
    assert nearest_distances([black, grey, white]) == pytest.approx([0.2, 0.2, 0.8], abs=1e-4)


def test_wordings_reorder_the_parts() -> None:
    assert reorder_caption("a, b", 3) == ("a, b", "b, a")
    assert reorder_caption("a", 3) == ("a",)
    assert reorder_caption("a, a, b", 3) == ("a, a, b", "a, b, a", "b, a, a")


def test_every_mode_becomes_rgb(tmp_path: Path) -> None:
    def save_and_decode(
        image: Image.Image, name: str
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        image.save(tmp_path / name)
        out = decode_image(tmp_path / name)
        assert out.mode == "RGB"
        return np.asarray(out)

    red_then_clear = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    red_then_clear.putpixel((1, 0), (9, 9, 9, 0))
    expected = [[[255, 0, 0], [255, 255, 255]]]
    assert save_and_decode(red_then_clear, "a.png").tolist() == expected
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 9, 9, 9])
    palette.putpixel((1, 0), 1)
    palette.info["transparency"] = 1
    palette.save(tmp_path / "p.png", transparency=1)
    assert np.asarray(decode_image(tmp_path / "p.png")).tolist() == expected
    assert save_and_decode(Image.new("LA", (1, 1), (0, 0)), "la.png").tolist() == [
        [[255, 255, 255]]
    ]
    deep = Image.fromarray(np.array([[0, 257 * 200 + 100, 65535]], np.uint16))
    assert save_and_decode(deep, "deep.png")[0, :, 0].tolist() == [0, 200, 255]
    assert save_and_decode(Image.new("1", (1, 1), 1), "bit.png").tolist() == [[[255, 255, 255]]]
    cyan = save_and_decode(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "cmyk.jpg")[0, 0]
    assert cyan[0] < 40
    assert cyan[2] > 200
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter turn
    Image.new("RGB", (4, 2)).save(tmp_path / "turned.jpg", exif=exif)
    assert decode_image(tmp_path / "turned.jpg").size == (2, 4)


def test_pixel_art_stays_sharp_and_the_rest_is_resampled() -> None:
    tiny = make_blocks(1, 4)
    assert np.array_equal(fit_to_square(tiny, 32), tiny.resize((32, 32), Image.Resampling.NEAREST))
    navy = Image.new("RGB", (20, 10), "navy")
    wide = np.asarray(fit_to_square(navy, 64))  # enlarged by 3 to 60×30, on white
    assert (wide[17:47, 2:62] == (0, 0, 128)).all()
    assert (wide == 255).all(2).sum() == 64 * 64 - 60 * 30
    large = make_blocks(2, 500)
    assert np.array_equal(
        fit_to_square(large, 64), large.resize((64, 64), Image.Resampling.LANCZOS)
    )
    assert fit_to_square(Image.new("RGB", (1000, 1)), 32).size == (32, 32)


def test_pictures_are_checked_and_made_again(lab: Path) -> None:
    settings = lab_settings.load_settings(lab / "params.yaml")
    rows, _ = build_pictures(settings, lab, 1)
    folder, record = lab / "pictures", (lab / "truth.parquet").read_bytes()
    assert load_pixels(folder, rows[3:5]).shape == (2, 3, 32, 32)
    damaged = folder / rows[4].file_name
    whole = damaged.read_bytes()
    for content, message in ((whole[:60], "damaged"), (_png(make_blocks(98)), "not the picture")):
        damaged.write_bytes(content)
        with pytest.raises(PictureError, match=f"{damaged} is {message}.*Delete {folder}"):
            load_pixels(folder, rows)
    damaged.unlink()
    with pytest.raises(PictureError, match=f"{damaged} is missing.*Delete {folder}"):
        load_pixels(folder, rows)
    shutil.rmtree(folder)
    restore_pictures(settings, lab, rows, 1)
    assert damaged.read_bytes() == whole
    assert (lab / "truth.parquet").read_bytes() == record


def _png(image: Image.Image) -> bytes:
    from io import BytesIO

    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_changed_pictures_are_reported_and_not_written(art: Path, lab: Path) -> None:
    settings = lab_settings.load_settings(lab / "params.yaml")
    rows, _ = build_pictures(settings, lab, 1)
    shutil.rmtree(lab / "pictures")
    make_blocks(77).save(art / "10.png")
    with pytest.raises(PictureError, match=r"2 of 24 pictures differ .*the first is 0010\.png"):
        restore_pictures(settings, lab, rows, 1)
    assert not (lab / "pictures").exists()


def test_the_hash_of_rows_changes_with_pixels_multiplicity_and_wordings(lab: Path) -> None:
    rows, _ = build_pictures(lab_settings.load_settings(lab / "params.yaml"), lab, 1)
    assert hash_rows(rows) == hash_rows(ground_truth.read_truth(lab / "truth.parquet"))
    for change in ({"sha256": "0"}, {"multiplicity": 7}, {"wordings": ("x",)}):
        assert hash_rows([replace(rows[0], **change), *rows[1:]]) != hash_rows(rows)


def test_copies_are_exact_or_slightly_augmented() -> None:
    image = make_blocks(5, 128)
    picture = PictureRecord("0005", "", "planted", 8, "", ("",), "", "", "")
    copies = [augment_copy(image, picture.id, number) for number in range(8)]
    assert all(copy.size == image.size and copy.mode == "RGB" for copy in copies)
    assert all(np.array_equal(copy, image) for copy in copies[::2])
    assert len({copy.tobytes() for copy in copies[1::2]}) == 4
    assert np.array_equal(copies[3], augment_copy(image, picture.id, 3))
    for copy in copies[1::2]:
        difference = np.asarray(copy, np.float32) - np.asarray(image, np.float32)
        assert 0 < np.sqrt((difference**2).mean()) < 40


def test_a_new_lab_has_the_pipeline_and_a_plan_that_fits(tmp_path: Path) -> None:
    folder, lab = tmp_path / "art", tmp_path / "labs" / "mine"
    folder.mkdir()
    for number in range(150):
        make_blocks(number, 16).save(folder / f"{number}.png")
    write_metadata(folder, [{"file_name": f"{k}.png", "text": f"blocks {k}"} for k in range(150)])
    code, output = run_seedlab("new", lab, "--pictures", folder, "--size", "32")
    assert code == 0, output
    assert (lab / "dvc.yaml").read_bytes() == (ROOT / "data/lab/dvc.yaml").read_bytes()
    settings = lab_settings.load_settings(lab / "params.yaml")
    assert settings.source_path.resolve() == folder
    assert len(settings.autoencoder.channels) == 2
    assert (lab / settings.code / "seedlab" / "scaffold.py").exists()
    code, output = run_seedlab("pictures", "--lab", lab)
    assert code == 0, output
    assert "85 once, 15 planted, 50 held out, 0 twin" in output
    assert "not empty" in run_seedlab("new", lab, "--pictures", folder)[1]


def test_a_new_lab_refuses_too_few_pictures_and_no_folder(art: Path, tmp_path: Path) -> None:
    code, output = run_seedlab("new", tmp_path / "mine", "--pictures", art)
    assert (code, "at least 120" in output) == (1, True)
    code, output = run_seedlab("new", tmp_path / "mine", "--pictures", tmp_path / "none")
    assert (code, "none is not a folder" in output) == (1, True)
    _, output = run_seedlab("new", tmp_path / "mine", "--pictures", art, "--size", "50")
    assert "32, 64, 128, 256" in output
    assert not (tmp_path / "mine").exists()


@pytest.mark.skipif(not DCSS.is_dir(), reason="the pixel art of shared/data is not here")
def test_pixel_art_by_many_artists(tmp_path: Path) -> None:
    code, output = run_seedlab("new", tmp_path / "lab", "--pictures", DCSS)
    assert code == 0, output
    plan = lab_settings.load_settings(tmp_path / "lab" / "params.yaml").pictures
    assert isinstance(plan, FolderPictures)
    folder_plan = plan_folder(DCSS, plan, 2)
    assert Counter(row.split for row in folder_plan.rows) == {
        "once": 2385,
        "planted": 72,
        "held_out": 420,
        "twin": 48,
    }
    assert Counter(picture.reason.split(":")[0] for picture in folder_plan.excluded) == {
        "of a single colour": 32,
        "the same pixels as another": 2,
    }
    captions = Counter(row.caption for row in folder_plan.rows)
    assert (len(captions), sum(count > 1 for count in captions.values())) == (2158, 243)
    assert {source.image.size for source in folder_plan.sources} == {(64, 64)}
