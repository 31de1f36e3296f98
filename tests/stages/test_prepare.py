"""The stage ``prepare`` on good files and bad ones, in a project of its own."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedwitness.config.targets import TargetSettings, load_target, write_target
from seedwitness.errors import ConfigError, PictureError, SeedwitnessError
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.records.document import read_document
from seedwitness.records.target import InformationContent, TargetRecord
from seedwitness.stages import run_stage
from seedwitness.targets.target_reader import read_target

OUT = Path("data/prepare/x")
IMAGE = Path("data/targets/x/x.png")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one target, a sound picture with metadata."""
    monkeypatch.chdir(tmp_path)
    cells = np.random.default_rng(1).integers(0, 256, (8, 12, 4), np.uint8)
    info = PngInfo()
    info.add_text("parameters", "an owl\nSteps: 2, Sampler: Euler, CFG scale: 3, Seed: 4")
    picture = Image.fromarray(cells, "RGBA").resize((48, 32), Image.Resampling.NEAREST)
    IMAGE.parent.mkdir(parents=True)
    picture.save(IMAGE, pnginfo=info)
    describe(IMAGE)
    return tmp_path


def describe(path: Path) -> None:
    """Write the settings of the target whose image is ``path``, as `seedwitness add` does."""
    pixels = read_target(path, "x").record.pixels_sha256
    write_target("x", TargetSettings(image=path.name, pixels_sha256=pixels))


def test_a_target_becomes_a_picture_and_a_record(project: Path) -> None:
    run_stage("prepare", ["x"])
    assert sorted(path.name for path in OUT.iterdir()) == ["image.png", "target.json"]
    record = read_document(TargetRecord, OUT / "target.json")
    with Image.open(OUT / "image.png") as image:
        assert (image.mode, image.size) == ("RGB", (48, 32))
        assert image.text == {}  # type: ignore[attr-defined]
        assert hash_pixels(image) == record.pixels_sha256
    assert (record.name, record.file_name, record.mode) == ("x", "x.png", "RGBA")
    assert [claim.prompt for claim in record.claims] == ["an owl"]
    assert len(record.changes) == 1
    assert str(project) not in (OUT / "target.json").read_text()


def test_the_same_file_gives_the_same_bytes(project: Path) -> None:
    run_stage("prepare", ["x"])
    before = {path.name: path.read_bytes() for path in OUT.iterdir()}
    os.utime(IMAGE, (1, 1))
    run_stage("prepare", ["x"])
    assert {path.name: path.read_bytes() for path in OUT.iterdir()} == before


def test_a_large_picture_keeps_its_size(project: Path) -> None:
    Image.new("RGB", (3000, 2000), "teal").save(IMAGE)
    describe(IMAGE)
    run_stage("prepare", ["x"])
    with Image.open(OUT / "image.png") as image:
        assert image.size == (3000, 2000)


def test_one_pixel_is_prepared_and_has_nothing_in_it(project: Path) -> None:
    Image.new("RGB", (1, 1), "red").save(IMAGE)
    describe(IMAGE)
    run_stage("prepare", ["x"])
    record = read_document(TargetRecord, OUT / "target.json")
    assert (record.width, record.height) == (1, 1)
    assert record.information == InformationContent(
        bits_per_pixel=0, deviation=0, busy_tiles=0, patch_contrast=0
    )


def bomb(path: Path) -> None:
    """A 1-bit PNG of 30,000 × 30,000 pixels in 0.1 megabytes, written row by row."""
    side = 30_000
    packed = zlib.compressobj(6)
    row = bytes(1 + side // 8)
    body = b"".join(packed.compress(row) for _ in range(side)) + packed.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + check

    size = side.to_bytes(4, "big") * 2
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + bytes([1, 0, 0, 0, 0]))
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )
    assert path.stat().st_size < 300_000


def hdr(path: Path) -> None:
    Image.fromarray(np.ones((8, 8), np.float32)).save(path, "TIFF")


WHOLE = ["`dvc checkout data/targets/x/x.png.dvc` bring back the image that was added"]
BAD: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "truncated": (
        lambda path: path.write_bytes(path.read_bytes()[:-300]),
        ["cannot be read as a picture", *WHOLE],
    ),
    "cut in the header": (
        lambda path: path.write_bytes(path.read_bytes()[:20]),
        ["cannot be read as a picture", *WHOLE],
    ),
    "empty": (lambda path: path.write_bytes(b""), ["is empty: 0 bytes", *WHOLE]),
    "bomb": (bomb, ["more than 89,478,485 pixels", "Scale the picture down"]),
    "text": (
        lambda path: path.write_text("<html>404</html>"),
        ["cannot be read as a picture", *WHOLE],
    ),
    "missing": (lambda path: path.unlink(), ["There is no picture", *WHOLE]),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), ["There is no picture", *WHOLE]),
    "a dead link": (
        lambda path: (path.unlink(), path.symlink_to("nowhere.png")),
        ["There is no picture", *WHOLE],
    ),
    "floating point": (hdr, ["no known range", *WHOLE]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_named_with_the_remedy(name: str, project: Path) -> None:
    change, words = BAD[name]
    change(project / IMAGE)
    with pytest.raises(PictureError) as caught:
        run_stage("prepare", ["x"])
    for word in [str(IMAGE), *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not OUT.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(project: Path) -> None:
    IMAGE.chmod(0)
    with pytest.raises(
        PictureError, match=r"no permission to read .*x\.png: Permission.*chmod u\+r"
    ):
        run_stage("prepare", ["x"])


@pytest.mark.parametrize(
    "change",
    [
        lambda path: Image.open(path).transpose(Image.Transpose.ROTATE_180).save(path),
        lambda path: Image.new("RGB", (48, 32)).save(path),
    ],
    ids=["turned", "another"],
)
def test_another_image_than_was_added_is_refused(
    change: Callable[[Path], object], project: Path
) -> None:
    change(project / IMAGE)
    with pytest.raises(
        PictureError, match=r"x\.png is another image than .*`dvc checkout .*x\.png"
    ):
        run_stage("prepare", ["x"])
    assert not OUT.exists()


def test_another_file_of_the_same_pixels_is_the_image_that_was_added(project: Path) -> None:
    before = load_target("x").pixels_sha256
    with Image.open(IMAGE) as image:
        pixels = image.copy()
    pixels.save(IMAGE, compress_level=0)  # and without its metadata
    run_stage("prepare", ["x"])
    record = read_document(TargetRecord, OUT / "target.json")
    assert (record.pixels_sha256, record.claims) == (before, [])


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "Ночь", "my owl", "", "x" * 65])
def test_names_that_are_paths_or_no_names_are_refused(name: str, project: Path) -> None:
    before = sorted(Path().rglob("*"))
    with pytest.raises(ConfigError, match=r"no target `.*`\..*Known are: x"):
        run_stage("prepare", [name])
    assert sorted(Path().rglob("*")) == before


def test_an_unknown_target_is_answered_with_the_known(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"no target `y`.*Known are: x"):
        run_stage("prepare", ["y"])
    with pytest.raises(ConfigError, match="runs for TARGET"):
        run_stage("prepare", [])


def test_files_with_spaces_and_other_scripts_in_their_names(project: Path) -> None:
    path = IMAGE.rename(IMAGE.with_name("Ночная сова & Eule 2.PNG"))
    describe(path)
    run_stage("prepare", ["x"])
    assert read_document(TargetRecord, OUT / "target.json").file_name == path.name
    odd = path.rename(path.with_name("eule\udcff.png"))  # bytes that are no UTF-8
    link = path.with_name("link.png")
    link.symlink_to(odd.name)
    describe(link)
    run_stage("prepare", ["x"])
    assert read_document(TargetRecord, OUT / "target.json").file_name == "link.png"


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tiff", "bmp"])
def test_damaged_bytes_are_read_or_refused_and_never_a_defect(suffix: str, project: Path) -> None:
    path = IMAGE.with_suffix(f".{suffix}")
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    with Image.open(IMAGE) as image:
        options = {} if suffix in ("gif", "bmp") else {"exif": exif}
        image.convert("RGB").save(path, **options)
    describe(path)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(5)
    ended = {"read": 0, "refused": 0}
    for _ in range(40):
        damaged = whole.copy()
        # Half of them near the head, where the structure is.
        where = rng.integers(0, len(whole) if rng.random() < 0.5 else min(200, len(whole)), 3)
        damaged[where] = rng.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes()[: int(rng.integers(len(whole) // 2, 2 * len(whole)))])
        try:
            describe(path)  # else it would be refused for its other pixels
            run_stage("prepare", ["x"])
            ended["read"] += 1
        except SeedwitnessError:
            ended["refused"] += 1
    assert ended["refused"] > 0
