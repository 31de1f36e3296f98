"""Faulty folders: the error names the file and the remedy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from picture_folder import make_blocks, read_metadata, run_seedlab, write_metadata
from PIL import Image


def change_line(number: int, **changed: str | None) -> Callable[[Path], None]:
    def change(art: Path) -> None:
        entries = read_metadata(art)
        line = entries[number] | changed
        entries[number] = {key: value for key, value in line.items() if value is not None}
        write_metadata(art, entries)

    return change


def raw(line: bytes) -> Callable[[Path], None]:
    def change(art: Path) -> None:
        path = art / "metadata.jsonl"
        path.write_bytes(path.read_bytes() + line)

    return change


def truncate(keep: int) -> Callable[[Path], None]:
    def change(art: Path) -> None:
        (art / "05.png").write_bytes((art / "05.png").read_bytes()[:keep])

    return change


def hdr(art: Path) -> None:
    Image.fromarray(np.ones((32, 32), np.float32)).save(art / "hdr.tiff")
    write_metadata(art, [*read_metadata(art), {"file_name": "hdr.tiff", "text": "hdr"}])


EXAMPLE = '{"file_name": "owl.png", "text": "'
BAD: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "no folder": (
        lambda art: shutil.rmtree(art),
        ["There is no folder", "/art", "`pictures.path`"],
    ),
    "no metadata": (
        lambda art: (art / "metadata.jsonl").unlink(),
        ["art has no metadata.jsonl", EXAMPLE],
    ),
    "empty metadata": (
        lambda art: (art / "metadata.jsonl").write_text("\n"),
        ["metadata.jsonl is empty", EXAMPLE],
    ),
    "no JSON": (raw(b"{oops}\n"), ["metadata.jsonl, line 25 is not JSON", EXAMPLE]),
    "no object": (raw(b"[1]\n"), ["metadata.jsonl, line 25 is not a JSON object", EXAMPLE]),
    "no UTF-8": (raw(b'{"file_name": "\xe4"}\n'), ["line 25 is not UTF-8", "Save the file"]),
    "no file name": (change_line(2, file_name=None), ["line 3 has no `file_name`", EXAMPLE]),
    "no text": (change_line(2, text=None), ["line 3 has no `text`", EXAMPLE]),
    "empty text": (change_line(2, text="  "), ["line 3 has no `text`", EXAMPLE]),
    "caption without image": (
        lambda art: (art / "07.png").unlink(),
        ["line 8: there is no ", "07.png", "Restore the picture, or remove the line"],
    ),
    "image without caption": (
        lambda art: make_blocks(99).save(art / "stray.png"),
        ["stray.png has no caption", "Add a line like", "or remove the picture"],
    ),
    "zero bytes": (truncate(0), ["05.png is empty: 0 bytes", "Replace it by an intact picture"]),
    "truncated": (
        truncate(90),
        ["05.png cannot be read as a picture", "Replace it by an intact picture"],
    ),
    "no picture": (
        lambda art: (art / "05.png").write_text("<html>404</html>"),
        ["05.png cannot be read as a picture", "Replace it by an intact picture"],
    ),
    "floating point": (hdr, ["hdr.tiff cannot be read", "no known range"]),
    "duplicate names": (
        raw(b'{"file_name": "./05.png", "text": "again"}\n'),
        ["line 25: 05.png is listed already in line 6", "Keep one line"],
    ),
    "leaves the folder": (
        change_line(2, file_name="../02.png"),
        ["line 3: ../02.png may lie outside the folder", "without .."],
    ),
    "absolute": (change_line(2, file_name="/etc/02.png"), ["/etc/02.png may lie outside"]),
    "too few": (
        lambda art: (
            write_metadata(art, read_metadata(art)[:6])
            or [path.unlink() for path in art.glob("*.png") if int(path.stem) > 5]
        ),
        ["art has too few pictures", "6 different ones", "pictures.planted", "add pictures"],
    ),
    "all alike": (
        lambda art: [Image.new("RGB", (9, 9), (9, 9, 99)).save(path) for path in art.glob("*.png")],
        ["art has too few pictures", "0 different ones"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_names_the_file_and_the_remedy(name: str, art: Path, lab: Path) -> None:
    change, words = BAD[name]
    change(art)
    code, output = run_seedlab("pictures", "--lab", lab)
    assert code == 1
    assert output.startswith("Error: ")
    for word in words:
        assert word in output
    assert [path.name for path in lab.iterdir()] == ["params.yaml"]


def test_unreadable_pictures_are_counted(art: Path, lab: Path) -> None:
    for name in ("05.png", "11.png"):
        (art / name).write_bytes(b"")
    assert (
        "2 pictures cannot be used; this is the first" in run_seedlab("pictures", "--lab", lab)[1]
    )
