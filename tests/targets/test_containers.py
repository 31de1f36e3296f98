"""What stands in a file's parts is read or named: text, XMP, IPTC, colours, private parts."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from claiming import SETTINGS, check_the_owl, claimed
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedwitness.targets.containers.charsets import decode_by_content, decode_latin1, decode_utf8
from seedwitness.targets.containers.fields import parse_json
from seedwitness.targets.containers.iptc import read_iptc
from seedwitness.targets.containers.xmp import read_xmp
from seedwitness.targets.target_reader import read_target

FLAT = Image.new("RGB", (16, 16), "teal")


def png_with(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    info = PngInfo()
    for name, data in chunks:
        info.add(name, data)
    FLAT.save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"parameters\0" + SETTINGS.encode()),
        (b"zTXt", b"parameters\0\0" + zlib.compress(SETTINGS.encode())),
        (b"iTXt", b"parameters\0\0\0\0\0" + SETTINGS.encode()),
        (b"iTXt", b"parameters\0\1\0de\0Werte\0" + zlib.compress(SETTINGS.encode())),
    ],
)
def test_text_chunks_of_every_kind(chunk: tuple[bytes, bytes], tmp_path: Path) -> None:
    (claim,), unread = claimed(png_with(tmp_path / "a.png", chunk))
    check_the_owl(claim)
    assert unread == []


def test_utf8_in_a_chunk_of_latin1(tmp_path: Path) -> None:
    text = "ein schöner Fuchs 狐\nSteps: 20, Seed: 7"
    (claim,), _ = claimed(png_with(tmp_path / "a.png", (b"tEXt", b"parameters\0" + text.encode())))
    assert claim.prompt == "ein schöner Fuchs 狐"
    assert claim.others["encoding of parameters"] == "UTF-8, though declared as Latin-1"
    latin = text.replace(" 狐", "").encode("latin-1")
    (claim,), _ = claimed(png_with(tmp_path / "a.png", (b"tEXt", b"parameters\0" + latin)))
    assert claim.prompt == "ein schöner Fuchs"
    assert decode_latin1(b"abc").encoding == ""
    assert decode_utf8(b"sch\xf6n").text == "schön"
    assert decode_by_content(b"\0" * 40) is None


def test_exif_that_imagemagick_wrote_as_text(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + SETTINGS.encode("utf-16-be")
    digits = exif.tobytes().hex()
    lines = "\n".join(digits[k : k + 72] for k in range(0, len(digits), 72))
    body = f"\nexif\n{len(digits) // 2:8}\n{lines}\n".encode()
    chunk = (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(body))
    (claim,), unread = claimed(png_with(tmp_path / "a.png", chunk))
    check_the_owl(claim)
    assert unread == []


def test_private_chunks_and_bytes_after_the_end_are_named(tmp_path: Path) -> None:
    path = png_with(tmp_path / "a.png", (b"abCd", b"some settings"), (b"exTr", b"\0"))
    path.write_bytes(path.read_bytes() + b"PK\3\4 appended archive")
    _, unread = claimed(path)
    assert unread == [
        "PNG chunk abCd, 13 bytes of no known kind, which begins: some settings",
        "PNG chunk exTr, 1 bytes of no known kind",
        "21 bytes after the end of the PNG",
    ]
    FLAT.save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    private = b"\xff\xe9" + struct.pack(">H", 14) + b"MyTool\0abcde"
    (tmp_path / "a.jpg").write_bytes(data[:2] + private + data[2:] + b"tail")
    _, unread = claimed(tmp_path / "a.jpg")
    assert unread == [
        "JPEG segment APP9 that begins with 'MyTool', 12 bytes of no known kind",
        "4 bytes after the end of the JPEG",
    ]


def test_the_comments_of_a_jpeg(tmp_path: Path) -> None:
    FLAT.save(tmp_path / "a.jpg", comment=SETTINGS.encode())
    (claim,), unread = claimed(tmp_path / "a.jpg")
    check_the_owl(claim)
    assert claim.others["found in"] == "comment"
    assert unread == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (bytes([9, 16, 0, 1]), "cICP (primaries BT.2020, transfer PQ, matrix 0, full range) not"),
        (bytes([1, 13, 0, 1]), "cICP states sRGB (primaries BT.709, transfer sRGB, matrix 0"),
        (b"\1", "cICP of 1 bytes instead of 4 not applied"),
    ],
)
def test_cicp_is_named(values: bytes, said: str, tmp_path: Path) -> None:
    record = read_target(png_with(tmp_path / "a.png", (b"cICP", values)), "x").record
    assert [change[: len(said)] for change in record.changes] == [said]


def test_xmp_is_read_by_property() -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:y="http://example.org/y/" y:a="1">'
        b"<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li><rdf:li>Bo</rdf:li></rdf:Seq></dc:creator>"
        b"<y:b><y:c>2</y:c> <y:d>3</y:d></y:b></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    values, unread = read_xmp(packet)
    assert values == {
        "http://example.org/y/:a": "1", "dc:creator": "Ann; Bo", "http://example.org/y/:b": "2 3",
    }  # fmt: skip
    assert unread == []
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    assert read_xmp(bomb) == (
        {},
        [f"XMP: {len(bomb)} bytes with a document type, which XMP does not have"],
    )
    assert read_xmp(b"<x")[1][0].startswith("XMP: 2 bytes, no valid XML: ")
    deep = b"<a>" * 50_000 + b"</a>" * 50_000
    assert read_xmp(deep)[0] == {}


def test_iptc_is_read_by_dataset(tmp_path: Path) -> None:
    def dataset(number: int, text: bytes) -> bytes:
        return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text

    records = (
        dataset(0, b"\0\2") + dataset(120, "schön".encode()) + dataset(25, b"a") + dataset(25, b"b")
    )
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    resource += b"\0" * (len(records) % 2) + b"8BIM\x04\x25\0\0" + struct.pack(">I", 2) + b"xy"
    values, unread = read_iptc(resource)
    assert values == {"Caption-Abstract": "schön", "Keywords": "a; b"}
    assert unread == ["Photoshop's resources: 1 beside IPTC, not interpreted"]
    FLAT.save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    body = b"Photoshop 3.0\0" + resource
    segment = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:])
    assert read_target(tmp_path / "a.jpg", "x").record.iptc == values


def test_json_of_tools() -> None:
    value, fault = parse_json('\ufeff{"a": NaN, "b": [1e400], "c": 1}\0')
    assert np.isnan(value["a"])
    assert (value["b"], value["c"], fault) == ([float("inf")], 1, "")
    assert parse_json("{")[1].startswith("no valid JSON")
    assert parse_json("[" * 100_000)[1].startswith("no valid JSON")
    assert parse_json("[" + "9" * 5000 + "]") == (["9" * 5000], "")
    assert parse_json('{"a": 1, "a": 2}') == ({"a": 2}, "`a` given more than once; the last counts")
