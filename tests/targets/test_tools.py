"""The settings of each tool become typed claims, whatever place they stand in."""

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from claiming import claimed, with_text
from PIL import Image
from PIL.ExifTags import IFD, Base

from seedwitness.records.target import ClaimedLora, ClaimedVariation

FOOOCUS = {
    "base_model": "lab", "base_model_hash": "abcdef1234", "clip_skip": 2,
    "full_prompt": ["a fox, cinematic"], "guidance_scale": 4, "loras": [["ink", 0.5, "77"]],
    "metadata_scheme": "fooocus", "negative_prompt": "blurry", "performance": "Speed",
    "prompt": "a fox", "resolution": "(1152, 896)", "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras", "seed": "123456789", "steps": 30, "vae": "Default (model)",
    "version": "Fooocus v2.5.5",
}  # fmt: skip
SWARM = {
    "sui_image_params": {
        "prompt": "a fox", "negativeprompt": "blurry", "model": "lab", "seed": 5, "steps": 20,
        "cfgscale": 7.0, "width": 512, "height": 640, "sampler": "euler", "scheduler": "karras",
        "variationseed": 6, "variationseedstrength": 0.3, "vae": "kl", "loras": ["ink", "oil"],
        "loraweights": ["0.5", "1"], "clipstopatlayer": -2, "swarm_version": "0.9.6",
    },
    "sui_models": [{"name": "lab.safetensors", "param": "model", "hash": "0xabc"}],
    "sui_extra_data": {"date": "2026-01-01"},
}  # fmt: skip
INVOKE = {
    "app_version": "5.4.2", "generation_mode": "txt2img", "positive_prompt": "a fox",
    "negative_prompt": "blurry", "width": 512, "height": 640, "seed": 5, "rand_device": "cpu",
    "cfg_scale": 7.5, "steps": 20, "scheduler": "dpmpp_2m_k", "clip_skip": 1,
    "model": {"key": "9", "hash": "blake3:77", "name": "lab", "base": "sd-1", "type": "main"},
    "loras": [{"model": {"name": "ink", "hash": "88"}, "weight": 0.75}],
}  # fmt: skip
NOVEL_4 = {
    "prompt": "1girl, forest", "steps": 28, "height": 1216, "width": 832, "scale": 5.0,
    "seed": 77, "n_samples": 1, "noise_schedule": "karras", "sampler": "k_euler_ancestral",
    "uc": "lowres", "request_type": "PromptGenerateRequest",
    "v4_prompt": {"caption": {"base_caption": "1girl, forest", "char_captions": [
        {"char_caption": "girl, red hair", "centers": [{"x": 0.5, "y": 0.5}]}]}},
    "v4_negative_prompt": {"caption": {"base_caption": "lowres", "char_captions": []}},
}  # fmt: skip
DRAW = {
    "c": "a fox", "uc": "blurry", "model": "lab.ckpt", "sampler": "DPM++ 2M Karras", "scale": 7,
    "seed": 5, "seed_mode": "Scale Alike", "size": "512x640", "steps": 20, "strength": 1,
    "lora": [{"model": "ink", "weight": 0.6}], "v2": {"clipSkip": 2},
}  # fmt: skip
EASY = {
    "prompt": "a fox", "seed": "5", "negative_prompt": "blurry", "num_inference_steps": "20",
    "guidance_scale": "7.5", "width": "512", "height": "640", "sampler_name": "euler_a",
    "use_stable_diffusion_model": "lab", "use_vae_model": "kl", "clip_skip": "True",
    "use_lora_model": "ink", "lora_alpha": "0.4",
}  # fmt: skip
CIVITAI = {
    "extraMetadata": json.dumps({
        "prompt": "a fox", "negativePrompt": "blurry", "steps": 20, "cfgScale": 7, "seed": 5,
        "sampler": "Euler a", "clipSkip": 2, "workflowId": "txt2img",
        "resources": [{"modelVersionId": 1}, {"modelVersionId": 2, "strength": 0.8}],
    })
}  # fmt: skip
COMMON = {"prompt": "a fox", "negative_prompt": "blurry", "seed": 5, "steps": 20}
CASES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "Fooocus": (
        {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"},
        {"tool": "Fooocus", "prompt": "a fox", "seed": 123456789, "steps": 30, "guidance": 4.0,
         "width": 1152, "height": 896, "schedule": "karras", "clip_skip": 2, "vae": None,
         "model_hash": "abcdef1234", "loras": [ClaimedLora(name="ink", weight=0.5, hash="77")]},
    ),
    "RuinedFooocus": (
        {"parameters": json.dumps({
            "Prompt": "a fox", "Negative": "blurry", "steps": 20, "cfg": 7, "seed": 5,
            "width": 512, "height": 640, "sampler_name": "euler", "scheduler": "normal",
            "base_model_name": "lab", "software": "RuinedFooocus",
            "loras": [["", "x"]], "lora_1": "ink : 0.7"})},
        COMMON | {"tool": "RuinedFooocus", "model": "lab", "width": 512},
    ),
    "SwarmUI": (
        {"parameters": json.dumps(SWARM)},
        COMMON | {"tool": "SwarmUI", "guidance": 7.0, "width": 512, "height": 640, "clip_skip": 2,
                  "variations": [ClaimedVariation(seed=6, strength=0.3)], "vae": "kl",
                  "model_hash": "0xabc", "schedule": "karras",
                  "loras": [ClaimedLora(name="ink", weight=0.5),
                            ClaimedLora(name="oil", weight=1.0)]},
    ),
    "InvokeAI 5": (
        {"invokeai_metadata": json.dumps(INVOKE), "invokeai_graph": '{"nodes": {}}'},
        COMMON | {"tool": "InvokeAI", "schedule": "Karras", "sampler": "dpmpp_2m_k",
                  "guidance": 7.5, "clip_skip": 2,
                  "rng": "cpu", "model": "lab", "model_hash": "blake3:77",
                  "loras": [ClaimedLora(name="ink", weight=0.75, hash="88")]},
    ),
    "InvokeAI 3, graph only": (
        {"invokeai_graph": json.dumps({"nodes": {"m": {
            "type": "core_metadata", **INVOKE, "model": {"model_name": "lab"}}}})},
        COMMON | {"tool": "InvokeAI", "model": "lab"},
    ),
    "InvokeAI 2, command only": (
        {"Dream": '"a \\"red\\" fox [blurry, dark]" -s 20 -S 5 -W 512 -H 640 -C 7.5 -A k_lms '
                  "-V 42:0.25,43:0.1 -f 0.6"},
        {"tool": "InvokeAI", "prompt": 'a "red" fox', "negative_prompt": "blurry, dark", "seed": 5,
         "steps": 20, "width": 512, "height": 640, "sampler": "k_lms", "denoise": 0.6,
         "variations": [ClaimedVariation(seed=42, strength=0.25),
                        ClaimedVariation(seed=43, strength=0.1)]},
    ),
    "InvokeAI 2": (
        {"sd_metadata": json.dumps({
            "model_weights": "lab", "model_hash": "77", "app_version": "2.3.0",
            "image": {"prompt": [{"prompt": "a fox [blurry]", "weight": 1}], "steps": 20,
                      "cfg_scale": 5, "seed": 5, "sampler": "k_lms",
                      "variations": [{"seed": 9, "weight": 0.1}]}})},
        COMMON | {"tool": "InvokeAI", "guidance": 5.0, "model_hash": "77",
                  "variations": [ClaimedVariation(seed=9, strength=0.1)]},
    ),
    "NovelAI 4": (
        {"Title": "NovelAI generated image", "Description": "1girl, forest", "Software": "NovelAI",
         "Source": "NovelAI Diffusion V4 37442FCA", "Comment": json.dumps(NOVEL_4)},
        {"tool": "NovelAI", "prompt": "1girl, forest", "negative_prompt": "lowres", "seed": 77,
         "steps": 28, "guidance": 5.0, "schedule": "karras", "width": 832, "height": 1216,
         "model": "NovelAI Diffusion V4", "model_hash": "37442FCA"},
    ),
    "Draw Things": (
        {"parameters": json.dumps(DRAW)},
        COMMON | {"tool": "Draw Things", "guidance": 7.0, "width": 512, "height": 640,
                  "clip_skip": 2, "loras": [ClaimedLora(name="ink", weight=0.6)]},
    ),
    "Easy Diffusion": (
        EASY,
        COMMON | {"tool": "Easy Diffusion", "guidance": 7.5, "width": 512, "vae": "kl",
                  "clip_skip": 2, "loras": [ClaimedLora(name="ink", weight=0.4)]},
    ),
    "Easy Diffusion, titles": (
        {"parameters": json.dumps({"Prompt": "a fox", "Seed": 5, "Negative Prompt": "blurry",
                                   "Inference Steps": 20, "Guidance Scale": 7.5,
                                   "Stable Diffusion model": "lab"})},
        COMMON | {"tool": "Easy Diffusion", "guidance": 7.5, "model": "lab"},
    ),
    "Civitai": (
        {"parameters": json.dumps(CIVITAI)},
        COMMON | {"tool": "Civitai", "sampler": "Euler a", "clip_skip": 2,
                  "loras": [ClaimedLora(name="modelVersionId 2", weight=0.8)]},
    ),
    "Midjourney": (
        {"Description": "a fox in snow --ar 2:3 --no people, text --seed 5 --v 6.1 --stylize 250 "
                        "Job ID: 01234567-89ab-cdef-0123-456789abcdef"},
        {"tool": "Midjourney", "prompt": "a fox in snow", "negative_prompt": "people, text",
         "seed": 5, "model": "6.1"},
    ),
    "DALL·E": (
        {"Title": "DALL·E 2024-02-03 10.11.12 - a fox in snow, oil on canvas"},
        {"tool": "DALL·E", "prompt": "a fox in snow, oil on canvas", "seed": None},
    ),
}  # fmt: skip


def check(path: Path, fields: dict[str, Any]) -> None:
    (claim,), unread = claimed(path)
    assert {name: getattr(claim, name) for name in fields} == fields
    assert unread == []


@pytest.mark.parametrize("name", CASES)
def test_the_settings_of_a_tool_in_a_png(name: str, tmp_path: Path) -> None:
    chunks, fields = CASES[name]
    check(with_text(tmp_path / "a.png", **chunks), fields)


@pytest.mark.parametrize("directory", [None, IFD.Exif])
@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
@pytest.mark.parametrize("name", ["Fooocus", "SwarmUI", "Draw Things", "Civitai"])
def test_the_same_settings_in_exifs_user_comment(
    name: str, suffix: str, directory: IFD | None, tmp_path: Path
) -> None:
    chunks, fields = CASES[name]
    exif = Image.Exif()
    tags = exif if directory is None else exif.get_ifd(directory)
    tags[Base.UserComment] = chunks["parameters"]  # as text, without a character set
    # As bytes: Pillow writes no Exif object without a tag of its own into an AVIF.
    Image.new("RGB", (16, 16)).save(tmp_path / f"a.{suffix}", exif=exif.tobytes())
    check(tmp_path / f"a.{suffix}", fields)


def test_characters_of_novelai_4_are_kept(tmp_path: Path) -> None:
    (claim,), _ = claimed(with_text(tmp_path / "a.png", **CASES["NovelAI 4"][0]))
    assert claim.others["character 1"] == "girl, red hair"


def xmp(properties: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f"{properties}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff", "avif"])
def test_settings_and_source_type_in_xmp(suffix: str, tmp_path: Path) -> None:
    address = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    packet = xmp(
        f'xmp:CreatorTool="Draw Things" Iptc4xmpExt:DigitalSourceType="{address}">'
        f'<exif:UserComment><rdf:Alt><rdf:li xml:lang="x-default">{escape(json.dumps(DRAW))}'
        "</rdf:li></rdf:Alt></exif:UserComment>"
    )
    options: dict[str, Any] = {"tiffinfo": {700: packet}} if suffix == "tiff" else {"xmp": packet}
    Image.new("RGB", (16, 16)).save(tmp_path / f"a.{suffix}", **options)
    (settings, source), unread = claimed(tmp_path / f"a.{suffix}")
    assert (settings.tool, settings.seed, settings.prompt) == ("Draw Things", 5, "a fox")
    assert settings.others["found in"] == "XMP"
    assert source.digital_source_type == "trainedAlgorithmicMedia"
    assert source.others["meaning"] == "made by a model trained on samples"
    assert unread == []
