"""AVIF, HEIC and JPEG XL are decoded where the plugin is installed, and otherwise named."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seedwitness.imaging.decoding import decode_image
from seedwitness.imaging.format_support import identify_format, load_plugin
from seedwitness.targets.target_reader import read_target

FORMATS = {"avif": "AVIF", "heic": "HEIC", "jxl": "JPEG XL"}


def write(path: Path) -> Image.Image:
    levels = np.linspace(0, 255, 64, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.tile(levels, (48, 1))] * 3, axis=-1), "RGB")
    if path.suffix == ".heic":
        load_plugin("HEIC")
    if path.suffix == ".jxl":
        load_plugin("JPEG XL")
    image.save(path, quality=95)
    return image


@pytest.mark.parametrize("suffix", FORMATS)
def test_pictures_of_these_formats_are_decoded(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    image = write(path)
    assert identify_format(path.read_bytes()[:200]) == FORMATS[suffix]
    renamed = path.rename(tmp_path / "a.png")  # the bytes decide, not the name
    difference = np.asarray(decode_image(renamed), int) - np.asarray(image, int)
    assert np.abs(difference).mean() < 4
    assert read_target(renamed, "x").record.width == 64


@pytest.mark.parametrize(
    ("suffix", "module", "remedy"),
    [
        ("heic", "pillow_heif", "pip install 'seedwitness[heif]'"),
        ("jxl", "pillow_jxl", "pip install 'seedwitness[jxl]'"),
    ],
)
def test_a_missing_plugin_is_named_with_the_remedy(
    suffix: str, module: str, remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    write(path)
    # In a process of its own, where the plugin cannot be imported.
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from pathlib import Path\nfrom seedwitness.errors import PictureError\n"
        "from seedwitness.imaging.decoding import decode_image\n"
        f"try:\n    decode_image(Path({str(path)!r}))\n"
        "except PictureError as error:\n    print(error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert f"is a {FORMATS[suffix]} picture" in ended.stdout
    assert remedy in ended.stdout


def test_other_files_of_the_same_container_are_none_of_these() -> None:
    assert identify_format(b"\0\0\0\x18ftypmp42\0\0\0\0isomavc1") == ""
    assert identify_format(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf") == "HEIC"
    assert identify_format(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
    assert identify_format(b"") == ""
