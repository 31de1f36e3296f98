"""Forged metadata: never a crash, never silence, always in bounded time and space."""

import json
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from claiming import COMFY, claimed, with_text
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedwitness.records.target import TargetRecord
from seedwitness.targets.claims import MAX_CLAIMS, a1111, parse_field_group
from seedwitness.targets.claims.comfyui import MAX_SAMPLERS
from seedwitness.targets.containers.charsets import decode_by_content, decode_user_comment
from seedwitness.targets.containers.fields import FieldGroup
from seedwitness.targets.containers.iptc import read_iptc
from seedwitness.targets.containers.xmp import read_xmp
from seedwitness.targets.target_reader import MAX_UNREAD, read_target

KEYS = ["parameters", "prompt", "workflow", "Comment", "Description", "Source", "sd-metadata",
        "Dream", "invokeai_metadata", "invokeai_graph", "UserComment", "Software"]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["prompt", "seed", "steps", "sampler", "c", "uc", "v2", "lora", "sui_image_params", "image",
     "base_model", "loras", "v4_prompt", "caption", "nodes", "extraMetadata", "positive_prompt",
     "app_version", "model", "resolution", "variations", "num_inference_steps", "guidance_scale",
     "size", "links", "Comment", "Software", "sui_models", "char_captions", "base_caption"]
)  # fmt: skip
OBJECTS = st.dictionaries(NAMES, VALUES | st.dictionaries(NAMES, VALUES, max_size=4), max_size=8)
LINKS = st.tuples(st.sampled_from("123456"), st.integers(0, 2)).map(list)
NODES = st.fixed_dictionaries(
    {
        "class_type": st.sampled_from(
            ["KSampler", "SamplerCustomAdvanced", "CLIPTextEncode", "SaveImage", "Reroute",
             "EmptyLatentImage", "ConditioningCombine", "StringConcatenate", "LoraLoader"]
        ),
        "inputs": st.dictionaries(
            st.sampled_from(["seed", "steps", "latent_image", "positive", "negative", "text",
                             "images", "model", "sampler", "sigmas", "noise", "conditioning",
                             "samples", "string_a", "string_b", "width", "height", "clip", "cfg",
                             "add_noise", "value", "guider"]),
            LINKS | VALUES,
            max_size=8,
        ),
    }
)  # fmt: skip


def check_group(fields: dict[str, str]) -> None:
    parsed = parse_field_group(FieldGroup("PNG text", fields))
    assert parsed.claims or parsed.unread or not any(text.strip() for text in fields.values())
    for claim in parsed.claims:
        claim.to_json().encode()  # whatever was read can be written


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(KEYS), OBJECTS.map(json.dumps), min_size=1, max_size=3))
@example({"parameters": json.dumps({"extraMetadata": "[1]", "prompt": {"1": {"class_type": "X"}}})})
def test_objects_of_any_content_are_read_or_named(fields: dict[str, str]) -> None:
    check_group(fields)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from("123456"), NODES, min_size=1))
def test_graphs_with_any_links_end(graph: dict[str, Any]) -> None:
    check_group({"prompt": json.dumps(graph)})


@settings(deadline=None, max_examples=300)
@given(
    st.text(
        st.sampled_from('Steps: 20, Seed: 7,Sampler\n"{}[]\\<lora:x:1>Negative prompt: ,:a '),
        max_size=120,
    )
)
def test_infotexts_of_any_form_are_read_or_named(text: str) -> None:
    check_group({"parameters": text})
    a1111.parse_infotext(text)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=80))
def test_bytes_of_any_kind_are_decoded_or_refused(data: bytes) -> None:
    for prefix in (b"", b"UNICODE\0", b"ASCII\0\0\0", b"JIS\0\0\0\0\0", b"\0" * 8):
        decode_user_comment(prefix + data)
    decode_by_content(data)
    read_iptc(b"8BIM\x04\x04" + data)
    read_iptc(b"\x1c" + data)
    read_xmp(data)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["png", "jpg", "webp"]),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
)
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, suffix: str, damages: list[tuple[int, int]]
) -> None:
    from seedwitness.errors import PictureError

    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x9286] = "a fox\nSteps: 20, Seed: 7"
    Image.new("RGB", (16, 16), "teal").save(path, exif=exif.tobytes(), xmp=b"<x/>")
    data = bytearray(path.read_bytes())
    for position, value in damages:
        data[position % len(data)] = value
    path.write_bytes(data)
    try:
        record = read_target(path, "x").record
    except PictureError:
        return
    assert TargetRecord.model_validate_json(record.to_json()) == record


def timed(path: Path) -> tuple[TargetRecord, float]:
    start = time.perf_counter()
    record = read_target(path, "x").record
    return record, time.perf_counter() - start


MEGABYTE = 1 << 20
LARGE: dict[str, bytes] = {
    "JSON of 50 MB": b'{"3": {"class_type": "' + b"x" * (50 * MEGABYTE) + b'"}}',
    "7 MB of commas": b"a\nSteps: 20, Seed: 7" + b"," * (7 * MEGABYTE),
    "7 MB of spaces and commas": b"a\nSteps: 20, Seed: 7" + b" ," * (7 * MEGABYTE // 2),
    "7 MB of keys": b"a\nSteps: 20, Seed: 7" + b", k: 1" * (7 * MEGABYTE // 6),
    "7 MB of words": b"a\nSteps: 20, Seed: 7, k: " + b"word word " * (7 * MEGABYTE // 10),
    "7 MB of open quotes": b"a\nSteps: 20, Seed: 7" + b', k: "[{' * (7 * MEGABYTE // 8),
    "7 MB of brackets": b"[" * (7 * MEGABYTE),
    "7 MB of lines": b"Steps: 2\n" * (7 * MEGABYTE // 9),
    "7 MB of adapters": b"<lora:" * (7 * MEGABYTE // 6) + b"\nSteps: 20, Seed: 7",
    "7 MB of flags": b" --ar 1:1" * (7 * MEGABYTE // 9),
    "7 MB of quotes": b'"' * (7 * MEGABYTE),
}


@pytest.mark.parametrize("key", ["parameters", "Dream"])
@pytest.mark.parametrize("name", LARGE)
def test_large_text_takes_bounded_time_and_is_named(name: str, key: str, tmp_path: Path) -> None:
    info = PngInfo()
    info.add(b"tEXt", key.encode() + b"\0" + LARGE[name])
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png", pnginfo=info)
    record, seconds = timed(tmp_path / "a.png")
    assert seconds < 20
    assert record.claims or record.unread
    assert len(record.to_json()) < 2 * MEGABYTE


def test_a_chain_and_a_fan_of_many_nodes_end(tmp_path: Path) -> None:
    count = 5000
    chain = COMFY | {
        f"r{k}": {"class_type": "Reroute", "inputs": {"": [f"r{k + 1}", 0]}} for k in range(count)
    }
    inputs = {**COMFY["3"]["inputs"], "seed": ["r0", 0], "positive": ["c0", 0]}
    # Each node joins the next one twice: 2^5000 ways lead to the end.
    chain |= {
        f"c{k}": {
            "class_type": "ConditioningCombine",
            "inputs": {"conditioning_1": [f"c{k + 1}", 0], "conditioning_2": [f"c{k + 1}", 0]},
        }
        for k in range(count)
    }
    chain["3"] = {"class_type": "KSampler", "inputs": inputs}
    path = with_text(tmp_path / "a.png", prompt=json.dumps(chain))
    record, seconds = timed(path)
    assert seconds < 20
    assert record.claims[0].seed is None
    assert any("`seed` of node 3 (KSampler) leads to no value" in text for text in record.unread)
    assert any("links away" in text for text in record.unread)


def test_many_samplers_texts_and_claims_are_counted(tmp_path: Path) -> None:
    many = {
        f"s{k}": COMFY["3"] | {"inputs": {**COMFY["3"]["inputs"], "seed": k}} for k in range(99)
    }
    claims, unread = claimed(with_text(tmp_path / "a.png", prompt=json.dumps(COMFY | many)))
    assert len(claims) == MAX_SAMPLERS
    assert any(f"{100 - MAX_SAMPLERS} samplers beyond" in text for text in unread)
    chunks = {f"k{k}": f"a fox {k}\nSteps: 20, Seed: {k}" for k in range(MAX_CLAIMS + 7)}
    claims, unread = claimed(with_text(tmp_path / "a.png", **chunks))
    assert (len(claims), unread[-1]) == (MAX_CLAIMS, f"7 claims beyond {MAX_CLAIMS}")
    chunks = {f"k{k}": "words" for k in range(3 * MAX_UNREAD)}
    _, unread = claimed(with_text(tmp_path / "a.png", **chunks))
    assert len(unread) <= MAX_UNREAD + 1
    assert "more fields of no known tool" in unread[-1]


def test_a_prompt_of_10_000_characters_is_kept_and_one_of_a_million_is_cut(tmp_path: Path) -> None:
    for length, cut in ((10_000, False), (1_000_000, True)):
        prompt = "owl " * (length // 4)
        text = f"{prompt}\nSteps: 20, Seed: 7"
        (claim,), unread = claimed(with_text(tmp_path / "a.png", parameters=text))
        assert claim.prompt is not None
        assert (claim.prompt == prompt.strip()) is not cut
        assert any("characters, of which 100,000 are kept" in line for line in unread) is cut


def test_marks_of_direction_and_controls_are_named(tmp_path: Path) -> None:
    text = "a \u202efox\u202c \x1b[31m in\u200d snow\nSteps: 20, Seed: 7"
    (claim,), unread = claimed(with_text(tmp_path / "a.png", parameters=text))
    assert claim.prompt == text.split("\n")[0]
    assert unread == [
        "PNG text `parameters`: 3 characters that do not show or turn the direction of text "
        "(U+001B × 1, U+202C × 1, U+202E × 1); they stay in the claim"
    ]


def test_numbers_that_are_none_are_named(tmp_path: Path) -> None:
    graph = (
        json.dumps(COMFY).replace('"cfg": 8', '"cfg": NaN').replace('"steps": 20', '"steps": 1e999')
    )
    (claim,), unread = claimed(with_text(tmp_path / "a.png", prompt=graph))
    assert (claim.seed, claim.guidance, claim.steps) == (99, None, None)
    assert sorted(unread) == [
        "PNG text (ComfyUI): cfg 'nan': no finite number",
        "PNG text (ComfyUI): steps 'inf': cannot convert float infinity to integer",
    ]


def test_a_bomb_of_text_is_not_unpacked(tmp_path: Path) -> None:
    info = PngInfo()
    info.add(b"zTXt", b"parameters\0\0" + zlib.compress(bytes(200 * MEGABYTE)))
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    record, seconds = timed(tmp_path / "a.png")
    assert seconds < 5
    assert any("`parameters`: unpacks to more than 16,777,216 bytes" in u for u in record.unread)
