"""The stage ``prepare`` on good files and bad ones, in a project of its own."""

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedwitness.config.stage_settings import PLAN_FOLDER
from seedwitness.errors import ConfigError, PictureError, SeedwitnessError
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.records.document import read_document
from seedwitness.records.target import InformationContent, TargetRecord
from seedwitness.runtime.files import write_whole
from seedwitness.stages import run_stage

OUT = Path("data/prepare/x")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one target, a sound picture with metadata."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "targets"
    folder.mkdir(parents=True)
    cells = np.random.default_rng(1).integers(0, 256, (8, 12, 4), np.uint8)
    info = PngInfo()
    info.add_text("parameters", "an owl\nSteps: 2, Sampler: Euler, CFG scale: 3, Seed: 4")
    picture = Image.fromarray(cells, "RGBA").resize((48, 32), Image.Resampling.NEAREST)
    picture.save(folder / "x.png", pnginfo=info)
    describe(tmp_path, x="data/targets/x.png")
    return tmp_path


def describe(root: Path, **targets: str) -> None:
    """Write of each target what the stage ``plan`` writes."""
    for name, path in targets.items():
        write_whole(root / PLAN_FOLDER / "targets" / f"{name}.json", json.dumps({"path": path}))


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
    os.utime("data/targets/x.png", (1, 1))
    run_stage("prepare", ["x"])
    assert {path.name: path.read_bytes() for path in OUT.iterdir()} == before


def test_a_large_picture_keeps_its_size(project: Path) -> None:
    Image.new("RGB", (3000, 2000), "teal").save("data/targets/x.png")
    run_stage("prepare", ["x"])
    with Image.open(OUT / "image.png") as image:
        assert image.size == (3000, 2000)


def test_one_pixel_is_prepared_and_has_nothing_in_it(project: Path) -> None:
    Image.new("RGB", (1, 1), "red").save("data/targets/x.png")
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


WHOLE = ["Put a whole image in its place", "`targets.x.path`", "seedwitness add"]
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
    change(project / "data/targets/x.png")
    with pytest.raises(PictureError) as caught:
        run_stage("prepare", ["x"])
    for word in ["data/targets/x.png", *words]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not OUT.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(project: Path) -> None:
    Path("data/targets/x.png").chmod(0)
    with pytest.raises(
        PictureError, match=r"no permission to read .*x\.png: Permission.*chmod u\+r"
    ):
        run_stage("prepare", ["x"])


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "Ночь", "my owl", "", "x" * 65])
def test_names_that_are_paths_or_no_names_are_refused(name: str, project: Path) -> None:
    before = sorted(Path().rglob("*"))
    with pytest.raises(ConfigError, match="is not valid as the name of a target"):
        run_stage("prepare", [name])
    assert sorted(Path().rglob("*")) == before


def test_an_unknown_target_is_answered_with_the_known(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"no `y`.*Known are: x"):
        run_stage("prepare", ["y"])
    with pytest.raises(ConfigError, match="runs for TARGET"):
        run_stage("prepare", [])


def test_files_with_spaces_and_other_scripts_in_their_names(project: Path) -> None:
    path = project / "data/targets/Ночная сова & Eule 2.PNG"
    (project / "data/targets/x.png").rename(path)
    describe(project, x=str(path.relative_to(project)))
    run_stage("prepare", ["x"])
    assert read_document(TargetRecord, OUT / "target.json").file_name == path.name
    odd = path.rename(path.with_name("eule\udcff.png"))  # bytes that are no UTF-8
    describe(project, x="data/targets/link.png")
    (project / "data/targets/link.png").symlink_to(odd)
    run_stage("prepare", ["x"])


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tiff", "bmp"])
def test_damaged_bytes_are_read_or_refused_and_never_a_defect(suffix: str, project: Path) -> None:
    path = project / f"data/targets/x.{suffix}"
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    with Image.open("data/targets/x.png") as image:
        options = {} if suffix in ("gif", "bmp") else {"exif": exif}
        image.convert("RGB").save(path, **options)
    describe(project, x=str(path.relative_to(project)))
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
            run_stage("prepare", ["x"])
            ended["read"] += 1
        except SeedwitnessError:
            ended["refused"] += 1
    assert ended["refused"] > 0
