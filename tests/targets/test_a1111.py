"""AUTOMATIC1111's infotext and its dialects: quoted values, absent and doubled fields."""

import json
from pathlib import Path
from typing import Any

import pytest
from claiming import claimed, with_text
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedwitness.records.target import Claim, ClaimedLora, ClaimedVariation
from seedwitness.targets.claims import a1111

SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1234567, Size: 512x768"


def read(path: Path, text: str) -> tuple[Claim, list[str]]:
    claims, unread = claimed(with_text(path / "a.png", parameters=text))
    assert len(claims) == 1
    return claims[0], unread


def test_a_quoted_value_keeps_what_looks_like_settings(tmp_path: Path) -> None:
    inner = "face, Seed: 99, Steps: 5, <lora:x:1>"
    text = f'a fox\n{SETTINGS}, ADetailer prompt: "{inner}", Version: v1.7.0'
    claim, unread = read(tmp_path, text)
    assert (claim.seed, claim.steps, claim.loras) == (1234567, 20, [])
    assert claim.others["ADetailer prompt"] == inner
    assert claim.others["Version"] == "v1.7.0"
    assert unread == []


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_value_comes_back_from_its_quotes(value: str) -> None:
    text = f"a fox\n{SETTINGS}, Note: {json.dumps(value, ensure_ascii=False)}, Seed: 99, Last: 1"
    settings = a1111.parse_infotext(text).settings
    assert settings["Note"] == value
    assert (settings["Seed"], settings["Last"]) == ("1234567", "1")


def test_an_unquoted_value_with_commas_stays_whole_and_the_first_of_a_key_counts(
    tmp_path: Path,
) -> None:
    text = f"a fox\n{SETTINGS}, Template: a {{red,blue}} fox, in snow, Seed: 99, Version: v1.6.0"
    claim, unread = read(tmp_path, text)
    assert claim.seed == 1234567
    assert claim.others["Template"] == "a {red,blue} fox, in snow"
    assert unread == [
        "PNG text (AUTOMATIC1111): Seed is given as '1234567' and as '99'; the first was taken"
    ]


def test_hashes_are_those_of_the_adapters(tmp_path: Path) -> None:
    claim, unread = read(
        tmp_path,
        f'a fox <lora:ink:0.8> <lora:paint:1:0.5>\n{SETTINGS}, Lora hashes: "ink: 1a2b, oil: 0011"'
        ', Hashes: {"vae": "c74b", "model": "abcdef1234", "lora:paint": "77"}, Clip skip: 2',
    )
    assert claim.loras == [
        ClaimedLora(name="ink", weight=0.8, hash="1a2b"),
        ClaimedLora(name="paint", weight=1.0, hash="77"),
        ClaimedLora(name="oil", hash="0011"),
    ]
    assert (claim.model_hash, claim.clip_skip) == ("abcdef1234", 2)
    assert claim.others["Lora hashes"] == "ink: 1a2b, oil: 0011"
    assert unread == []


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        # Each without one of the usual fields.
        (
            f"a fox\n{SETTINGS.replace('Sampler: Euler a, ', '')}",
            {"sampler": None, "seed": 1234567},
        ),
        (f"a fox\n{SETTINGS.replace('Steps: 20, ', '')}", {"steps": None, "seed": 1234567}),
        (f"a fox\n{SETTINGS.replace(', Seed: 1234567', '')}", {"seed": None, "steps": 20}),
        ("a fox\nSteps: 20", {"steps": 20, "seed": None}),
        (f"\n{SETTINGS}", {"prompt": None, "seed": 1234567}),
        ("a fox\nNegative prompt: blurry\nSeed: 5", {"negative_prompt": "blurry", "seed": 5}),
        ("a fox\nNegative prompt: blurry", {"prompt": "a fox", "negative_prompt": "blurry"}),
        # All on one line, as some sites copy it.
        (
            f"a fox Negative prompt: blurry {SETTINGS}",
            {"prompt": "a fox", "negative_prompt": "blurry", "seed": 1234567},
        ),
        # A line of the prompt that looks like settings, before the settings.
        (
            f"Steps: 5, Seed: 1, Sampler: X\nNegative prompt: y\n{SETTINGS}",
            {"prompt": "Steps: 5, Seed: 1, Sampler: X", "seed": 1234567},
        ),
        (
            f"a fox\r\nin snow\r\nNegative prompt: b\r\nc\r\n{SETTINGS}\r\nTemplate: a fox\r\n"
            "Negative Template: b",
            {"prompt": "a fox\nin snow", "negative_prompt": "b\nc", "height": 768},
        ),
        # A line within a quoted value.
        (
            f'a fox\n{SETTINGS}, ADetailer prompt: "face\nSteps: 9, Sampler: X, Seed: 8", Last: 1',
            {"prompt": "a fox", "seed": 1234567, "steps": 20},
        ),
        (
            f'Steps: 5, Seed: 1, Sampler: "odd\n{SETTINGS}, ADetailer prompt: "face"',
            {"seed": 1234567, "steps": 20},
        ),
        # SD.Next's order, without a sampler.
        (
            "a fox\nSteps: 20, Size: 1024x1024, Seed: 7, CFG scale: 6, App: SD.Next, Operations: x",
            {"tool": "SD.Next", "seed": 7, "width": 1024, "guidance": 6.0},
        ),
        (
            f"a fox\n{SETTINGS}, Distilled CFG Scale: 3.5, Schedule type: Simple, "
            "Version: f2.0.1v1.10.1-previous-659-gc055f2d4",
            {"tool": "Forge", "schedule": "Simple"},
        ),
        (
            f"a fox\n{SETTINGS}, Civitai resources: "
            '[{"type":"lora","weight":0.7,"modelVersionId":9,"modelName":"Ink, wet"}], '
            "Civitai metadata: {}",
            {"tool": "Civitai", "loras": [ClaimedLora(name="Ink, wet", weight=0.7)]},
        ),
        (f"a fox\n{SETTINGS}, Version: Fooocus v2.5.5", {"tool": "Fooocus"}),
        (
            f"a fox\n{SETTINGS}, Variation seed: 42, Variation seed strength: 0.2, ENSD: 31337, "
            "Seed resize from: 448x640, RNG: NV, Batch size: 4, Batch pos: 2, VAE: kl.pt, "
            "VAE hash: 27a4, Denoising strength: 0.6",
            {
                "variations": [ClaimedVariation(seed=42, strength=0.2)],
                "step_seed_offset": 31337,
                "seed_resize_width": 448,
                "seed_resize_height": 640,
                "rng": "NV",
                "batch_size": 4,
                "batch_index": 2,
                "vae": "kl.pt",
                "vae_hash": "27a4",
                "denoise": 0.6,
            },
        ),
        (
            f"a fox\n{SETTINGS.replace('Euler a', 'DPM++ 2M Karras')}",
            {"sampler": "DPM++ 2M Karras", "schedule": "Karras"},
        ),
    ],
)
def test_one_absent_or_other_field_leaves_the_rest(
    text: str, fields: dict[str, Any], tmp_path: Path
) -> None:
    claim, unread = read(tmp_path, text)
    assert {name: getattr(claim, name) for name in fields} == fields
    assert unread == []


def test_a_negative_prompt_given_twice_is_said(tmp_path: Path) -> None:
    claim, unread = read(tmp_path, f"a sign: Negative prompt: none\nNegative prompt: b\n{SETTINGS}")
    assert (claim.prompt, claim.negative_prompt) == ("a sign: Negative prompt: none", "b")
    assert unread == []
    claim, unread = read(tmp_path, f"a\nNegative prompt: b\nNegative prompt: c\n{SETTINGS}")
    assert (claim.prompt, claim.negative_prompt, claim.seed) == ("a", "b\nc", 1234567)
    assert "`Negative prompt:` begins 2 lines" in unread[0]


def test_a_doubled_chunk_is_a_claim_of_its_own(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("parameters", f"a fox\n{SETTINGS}")
    info.add_text("parameters", f"an owl\n{SETTINGS}")
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png", pnginfo=info)
    claims, unread = claimed(tmp_path / "a.png")
    assert [claim.prompt for claim in claims] == ["a fox", "an owl"]
    assert claims[1].others["found in"] == "PNG text (2 of this key)"
    assert unread == []
