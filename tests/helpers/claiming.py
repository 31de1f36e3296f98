"""A picture that claims how it was made."""

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from seedwitness.records.document import read_document
from seedwitness.records.target import Claim, TargetRecord
from seedwitness.targets.target_reader import read_target

SETTINGS = (
    "an owl at night, oil on canvas\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 4294967295, Size: 512x768, "
    "Model hash: abcdef1234, Model: lab, Clip skip: 2"
)
COMFY = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 99,
            "steps": 20,
            "cfg": 8,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "lab.safetensors"}},
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 512, "height": 640, "batch_size": 2},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "an owl", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "text", "clip": ["4", 1]}},
}


def claimed(path: Path) -> tuple[list[Claim], list[str]]:
    """The claims by way of the record's file: what a stage hands on."""
    target = read_target(path, "x").record
    target.write(path.with_suffix(".json"))
    assert read_document(TargetRecord, path.with_suffix(".json")) == target
    return target.claims, target.unread


def with_text(path: Path, **chunks: str) -> Path:
    info = PngInfo()
    for key, value in chunks.items():
        info.add_itxt(key.replace("_", "-") if key == "sd_metadata" else key, value)
    Image.new("RGB", (16, 16), "teal").save(path, pnginfo=info)
    return path


def check_the_owl(claim: Claim) -> None:
    assert claim.tool == "AUTOMATIC1111"
    assert claim.prompt == "an owl at night, oil on canvas"
    assert claim.negative_prompt == "blurry"
    assert (claim.seed, claim.steps, claim.guidance) == (4294967295, 20, 7.5)
    assert (claim.sampler, claim.width, claim.height) == ("Euler a", 512, 768)
    assert (claim.model, claim.model_hash) == ("lab", "abcdef1234")
    assert claim.clip_skip == 2
