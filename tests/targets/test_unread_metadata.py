"""Metadata that cannot be read is listed with the reason, and never raises."""

import json
from pathlib import Path
from typing import Any

import pytest
from claiming import COMFY, SETTINGS, claimed, with_text
from PIL import Image
from PIL.PngImagePlugin import PngInfo

DEEP = '{"image":' + "[" * 100_000


BAD: dict[str, tuple[dict[str, str], list[str]]] = {
    "no settings": ({"parameters": "just words"}, ["`parameters` (no known tool's", "just words"]),
    "another key": ({"Title": "Owl"}, ["PNG text `Title` (no known tool's settings): Owl"]),
    "broken JSON": ({"prompt": "{", "workflow": "{}"}, ["`prompt` (no valid JSON:", "`workflow`"]),
    "JSON of another shape": ({"sd_metadata": "[1]"}, ["`sd-metadata` (InvokeAI:"]),
    "numbers for nodes": ({"prompt": '{"1": 2}', "workflow": '{"links": []}'}, ["`prompt` (Comfy"]),
    "a link to no node": ({"prompt": json.dumps({"3": COMFY["3"]})}, ["leads to node 6, which is"]),
    "no sampler": (
        {"prompt": '{"1": {"class_type": "X"}}', "workflow": '{"links": []}'},
        ["no node that samples"],
    ),
    "nested to no end": ({"sd_metadata": DEEP}, ["`sd-metadata` (InvokeAI:", "characters)"]),
    "no dream": ({"Dream": "dreamt"}, ["`Dream` (InvokeAI:"]),
    "NovelAI of nothing": ({"Comment": "null", "Software": "NovelAI"}, ["(NovelAI: no settings"]),
    "doubled name": (
        {"parameters": '{"prompt": "a", "prompt": "b", "base_model": "m"}'},
        ["`parameters`: `prompt` given more than once; the last counts"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_unreadable_metadata_is_listed_with_the_reason(name: str, tmp_path: Path) -> None:
    chunks, words = BAD[name]
    claims, unread = claimed(with_text(tmp_path / "a.png", **chunks))
    assert all(claim.prompt in (None, "b") for claim in claims)
    for word in words:
        assert any(word in text for text in unread), unread
    assert all(len(text) < 600 for text in unread)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("Seed: 4294967295", "Seed: many", "seed"),
        ("Seed: 4294967295", f"Seed: {'9' * 5000}", "seed"),
        ("Seed: 4294967295", f"Seed: {2**64}", "seed"),
        ("CFG scale: 7.5", "CFG scale: nan", "guidance"),
        ("Steps: 20", "Steps: 2.5", "steps"),
        ("Size: 512x768", "Size: large", "width"),
    ],
)
def test_an_invalid_number_is_left_out_and_reported(
    old: str, new: str, field: str, tmp_path: Path
) -> None:
    changed = SETTINGS.replace(old, new)
    (claim,), unread = claimed(with_text(tmp_path / "a.png", parameters=changed))
    assert getattr(claim, field) is None
    assert claim.prompt == "an owl at night, oil on canvas"
    assert len(unread) == 1
    assert unread[0].startswith("PNG text (AUTOMATIC1111): ")


def test_text_that_utf8_cannot_encode_can_still_be_written(tmp_path: Path) -> None:
    meta: dict[str, Any] = {
        "scheduler": "euler\ud800",
        "positive_prompt": "an \udfff owl \ud83e\udd89 <b>\n\"'",
        "model": {"model_name": "lab\ud800"},
        "odd\ud800": ["\ud800"],
    }
    chunks = {"invokeai_metadata": json.dumps(meta)}
    (claim,), _ = claimed(with_text(tmp_path / "a.png", **chunks))
    assert claim.prompt == "an \ufffd owl 🦉 <b>\n\"'"
    assert claim.model == "lab\ufffd"


def test_long_prompts_stay_whole_and_other_values_are_cut(tmp_path: Path) -> None:
    prompt = "owl, " * 4000
    text = SETTINGS.replace("an owl at night, oil on canvas", prompt)
    (claim,), _ = claimed(with_text(tmp_path / "a.png", parameters=text))
    assert claim.prompt == prompt.strip()
    assert claim.others["as written, parameters"].endswith(f"… ({len(text):,} characters)")


def test_xmp_and_manifests_are_named(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<xmpmeta/>")
    info.add(b"caBX", b"jumbf" * 10, after_idat=False)
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png", pnginfo=info)
    _, unread = claimed(tmp_path / "a.png")
    assert unread[0] == "XMP: 10 bytes without a property"
    assert unread[1].startswith("C2PA manifest (JUMBF) of 50 bytes: ")
    assert len(unread) == 2
