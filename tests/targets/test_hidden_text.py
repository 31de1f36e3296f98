"""Text hidden in the lowest bits of a picture is read, and never unpacked without bound."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from claiming import SETTINGS, check_the_owl, claimed
from PIL import Image


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
    assert "maximum recursion" in unread[0]


@pytest.mark.parametrize("mark", [b"stealth_rgbcomp", b"stealth_rgbinfo"])
def test_settings_hidden_in_the_colours(mark: bytes, tmp_path: Path) -> None:
    body = gzip.compress(SETTINGS.encode()) if mark.endswith(b"comp") else SETTINGS.encode()
    bits = np.unpackbits(np.frombuffer(mark + (8 * len(body)).to_bytes(4, "big") + body, np.uint8))
    levels = np.full(64 * 96 * 3, 200, np.uint8)
    levels[: len(bits)] |= bits
    pixels = levels.reshape(64, 96, 3).transpose(1, 0, 2)
    Image.fromarray(np.ascontiguousarray(pixels), "RGB").save(tmp_path / "a.png")
    (claim,), unread = claimed(tmp_path / "a.png")
    check_the_owl(claim)
    assert claim.others["found in"] == "the lowest bits of the colours"
    assert unread == []
