"""Claims of a file about its making: parsed if possible, otherwise reported."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from claiming import COMFY, SETTINGS, check_the_owl, claimed, with_text
from PIL import Image
from PIL.ExifTags import IFD, Base

from seedwitness.records.target import Claim

SHARED = Path(__file__).parents[3] / "shared" / "data" / "generation-metadata"


def test_automatic1111_in_a_png(tmp_path: Path) -> None:
    (claim,), unread = claimed(with_text(tmp_path / "a.png", parameters=SETTINGS))
    check_the_owl(claim)
    assert claim.others["found in"] == "PNG text"
    assert claim.others["as written, parameters"] == SETTINGS
    assert unread == []


@pytest.mark.parametrize("codec", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff"])
def test_automatic1111_in_exif_of_either_byte_order(
    codec: str, suffix: str, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif.get_ifd(IFD.Exif)[Base.UserComment] = b"UNICODE\0" + SETTINGS.encode(codec)
    path = tmp_path / f"a.{suffix}"
    # As bytes: into a TIFF, Pillow does not write the directories of an Exif object.
    Image.new("RGB", (16, 16)).save(path, exif=exif.tobytes())
    (claim,), unread = claimed(path)
    check_the_owl(claim)
    assert claim.others["found in"] == "EXIF's user comment"
    assert unread == []


def test_a_picture_never_gets_the_comment_of_another(tmp_path: Path) -> None:
    for number in range(20):
        exif = Image.Exif()
        comment = SETTINGS.replace("4294967295", str(number))
        exif.get_ifd(IFD.Exif)[Base.UserComment] = b"UNICODE\0" + comment.encode("utf-16-be")
        Image.new("RGB", (16, 16)).save(tmp_path / "a.jpg", exif=exif)
        assert claimed(tmp_path / "a.jpg")[0][0].seed == number


def test_the_comment_of_a_gif(tmp_path: Path) -> None:
    Image.new("P", (16, 16)).save(tmp_path / "a.gif", comment=SETTINGS.encode())
    (claim,), _ = claimed(tmp_path / "a.gif")
    check_the_owl(claim)
    assert claim.others["found in"] == "comment"


def hidden(text: str, mark: bytes, path: Path, length: int | None = None) -> Path:
    """Hide text in the lowest bits of alpha, column by column."""
    body = gzip.compress(text.encode()) if mark.endswith(b"comp") else text.encode()
    head = mark + (8 * len(body) if length is None else length).to_bytes(4, "big")
    bits = np.unpackbits(np.frombuffer(head + body, np.uint8))
    alpha = np.full(64 * 96, 254, np.uint8)
    alpha[: len(bits)] |= bits
    pixels = np.zeros((96, 64, 4), np.uint8)
    pixels[..., 3] = alpha.reshape(64, 96).T
    Image.fromarray(pixels, "RGBA").save(path)
    return path


@pytest.mark.parametrize("mark", [b"stealth_pngcomp", b"stealth_pnginfo"])
def test_settings_hidden_in_the_alpha_channel(mark: bytes, tmp_path: Path) -> None:
    (claim,), unread = claimed(hidden(SETTINGS, mark, tmp_path / "a.png"))
    check_the_owl(claim)
    assert claim.others["found in"] == "the alpha channel"
    assert unread == []
    novel = {
        "Description": "an owl",
        "Source": "Stable Diffusion 1D44365E",
        "Comment": json.dumps({"sampler": "k_euler", "seed": 7, "scale": 11.0, "steps": 28}),
    }
    (claim,), _ = claimed(hidden(json.dumps(novel), mark, tmp_path / "a.png"))
    assert (claim.tool, claim.prompt, claim.seed) == ("NovelAI", "an owl", 7)
    assert (claim.guidance, claim.steps, claim.model_hash) == (11.0, 28, "1D44365E")


def test_hidden_bombs_and_false_lengths_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    claims, unread = claimed(hidden("x", b"stealth_pngcomp", path, length=2**31))
    assert claims == []
    assert "announces 2,147,483,648 bits, there are 5,992" in unread[0]
    claims, unread = claimed(hidden("0" * 300_000, b"stealth_pngcomp", path))
    assert claims == []
    claims, unread = claimed(hidden("x" * 100, b"stealth_pngcomp", path, length=80))
    assert claims == []
    assert len(unread) == 1
    claims, unread = claimed(hidden("[" * 500, b"stealth_pnginfo", path))
    assert claims == []
    assert len(unread) == 1
    claims, unread = claimed(hidden("[" * 100_000, b"stealth_pngcomp", path))
    assert claims == []
    assert unread[0].startswith("the alpha channel: maximum recursion")


LINKS = {
    "links": [
        [1, 4, 0, 3, 0, "MODEL"],
        [2, 5, 0, 3, 3, "LATENT"],
        [3, 4, 1, 6, 0, "CLIP"],
        [4, 6, 0, 3, 1, "CONDITIONING"],
        [5, 4, 1, 7, 0, "CLIP"],
        [6, 7, 0, 3, 2, "CONDITIONING"],
    ]
}


def check_comfy(claim: Claim) -> None:
    assert (claim.tool, claim.prompt, claim.negative_prompt) == ("ComfyUI", "an owl", "text")
    assert (claim.seed, claim.steps, claim.guidance) == (99, 20, 8.0)
    assert (claim.width, claim.height, claim.model) == (512, 640, "lab.safetensors")
    assert claim.others["denoise"] == "1"


def test_comfyui_in_a_png_and_in_a_webp(tmp_path: Path) -> None:
    path = with_text(tmp_path / "a.png", prompt=json.dumps(COMFY), workflow=json.dumps(LINKS))
    (claim,), unread = claimed(path)
    check_comfy(claim)
    assert unread == []
    exif = Image.Exif()
    exif[Base.Model] = "prompt:" + json.dumps(COMFY)
    exif[Base.Make] = "workflow:" + json.dumps(LINKS)
    Image.new("RGB", (16, 16)).save(tmp_path / "a.webp", exif=exif)
    (claim,), unread = claimed(tmp_path / "a.webp")
    check_comfy(claim)


def test_each_sampler_of_each_tool_is_a_claim(tmp_path: Path) -> None:
    two = COMFY | {"9": {**COMFY["3"], "inputs": {**COMFY["3"]["inputs"], "seed": 100}}}
    chunks = {"prompt": json.dumps(two), "workflow": json.dumps(LINKS), "parameters": SETTINGS}
    claims, unread = claimed(with_text(tmp_path / "a.png", **chunks))
    assert [(each.tool, each.seed) for each in claims] == [
        ("AUTOMATIC1111", 4294967295),
        ("ComfyUI", 99),
        ("ComfyUI", 100),
    ]
    assert [each.others.get("sampler") for each in claims] == [None, "1 of 2", "2 of 2"]
    assert unread == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the pictures of shared/data are not here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("automatic1111_cropped", ("AUTOMATIC1111", "photo of a duck", 235284042, 15, 5, 512, 400)),
        ("text_after_idat", ("AUTOMATIC1111", "photo of a duck", 235284042, 15, 5, 512, 400)),
        (
            "fooocus1_cropped",
            ("Fooocus", "a smiling goldfish", 6952411511246973023, 30, 4, 768, 1280),
        ),
        (
            "img2img_cropped",
            ("ComfyUI", "photograph of victorian woman with", 280823642470253, 20, 8, None, None),
        ),
        (
            "invokeai_sdmeta1",
            ("InvokeAI", "professional full body photo", 2980747362, 50, 5, 512, 768),
        ),
    ],
)
def test_pictures_of_the_real_tools(name: str, expected: tuple[Any, ...], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes((SHARED / f"{name}.png").read_bytes())
    (claim,), unread = claimed(tmp_path / "a.png")
    tool, prompt, *figures = expected
    assert claim.tool == tool
    assert claim.prompt is not None
    assert claim.prompt.startswith(prompt)
    assert [claim.seed, claim.steps, claim.guidance, claim.width, claim.height] == figures
    told = [each for each in unread if tool in each]
    assert [each[:45] for each in told] == (
        ["PNG text `Dream` (InvokeAI: read from sd-meta"] if tool == "InvokeAI" else []
    )
