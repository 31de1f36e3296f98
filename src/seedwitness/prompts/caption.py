"""Describe a picture by captioners and taggers on disk; nothing is downloaded.

Any image-to-text model of transformers (BLIP, Florence-2, LLaVA such as JoyCaption) and any ONNX
tagger with WD's files can be named. Without one, the stand-in is the phrase of the phrasebook that
is closest by CLIP, and its method says that it is one.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from seedwitness.config.prompt_settings import CaptionerSettings
from seedwitness.errors import CheckpointError, ConfigError
from seedwitness.prompts.phrasebook import SEPARATOR
from seedwitness.prompts.recovery_input import Candidate, RecoveryInput
from seedwitness.runtime.devices import default_device, full_precision

STAND_IN = "caption-stand-in"
GENERAL_TAGS = "0"
"""The category of general tags in ``selected_tags.csv``; others are ratings and characters."""


def list_captions(inputs: Sequence[RecoveryInput]) -> list[list[Candidate]]:
    """The captions of each target, in the order of the captioners, which see all targets at once.

    The captioners are those of the first. Without any there is one candidate of the method
    ``caption-stand-in``, or none without phrases.
    """
    if not inputs:
        return []
    captioners = inputs[0].captioners
    if not captioners:
        return [_find_stand_in(each) for each in inputs]
    pictures = [each.picture for each in inputs]
    if any(picture is None for picture in pictures):
        raise ValueError("captioners need pictures")
    columns = [caption_pictures([p for p in pictures if p], each) for each in captioners]
    return [
        [
            Candidate(text, "recovered", f"caption-{captioner.path.name}")
            for captioner, text in zip(captioners, texts, strict=True)
            if text.strip()
        ]
        for texts in zip(*columns, strict=True)
    ]


def caption_pictures(pictures: Sequence[Image.Image], settings: CaptionerSettings) -> list[str]:
    """Describe each picture with one captioner. Raises CheckpointError where it cannot be loaded,
    ConfigError where a library is missing."""
    if settings.kind == "tagger":
        return _tag_pictures(pictures, settings)
    return _describe_pictures(pictures, settings)


@full_precision()
@torch.no_grad()
def _describe_pictures(pictures: Sequence[Image.Image], settings: CaptionerSettings) -> list[str]:
    """Greedy decoding, so that the same picture has the same caption; one picture at a time, so
    that it does not depend on the others."""
    processor, model = _load_captioner(settings.path)
    device = next(model.parameters()).device
    prompt = _make_question(processor, settings)
    texts = []
    for picture in pictures:
        rgb = picture.convert("RGB")
        inputs = (
            processor(images=rgb, text=prompt, return_tensors="pt")
            if prompt
            else processor(images=rgb, return_tensors="pt")
        )
        inputs = {key: value.to(device) for key, value in inputs.items()}
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
        tokens = model.generate(
            **inputs, max_new_tokens=settings.max_tokens, do_sample=False, num_beams=1
        )[0]
        read = inputs["input_ids"][0] if "input_ids" in inputs else tokens[:0]
        # Decoder-only models repeat the question before the answer.
        if len(read) and len(tokens) > len(read) and torch.equal(tokens[: len(read)], read):
            tokens = tokens[len(read) :]
        texts.append(" ".join(processor.decode(tokens, skip_special_tokens=True).split()))
    return texts


def _make_question(processor: Any, settings: CaptionerSettings) -> str:
    """The question in the form that the model was tuned with, where it has a chat template."""
    if settings.prompt and getattr(processor, "chat_template", None):
        content = [{"type": "image"}, {"type": "text", "text": settings.prompt}]
        turn = [{"role": "user", "content": content}]
        return str(processor.apply_chat_template(turn, add_generation_prompt=True))
    return settings.prompt


@lru_cache(maxsize=1)
def _load_captioner(path: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    _require_folder(path)
    try:
        load_processor: Any = AutoProcessor.from_pretrained
        load_model: Any = AutoModelForImageTextToText.from_pretrained
        processor = load_processor(path, local_files_only=True)
        model, info = load_model(
            path, local_files_only=True, output_loading_info=True, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise CheckpointError(
            f"recover.captioners: {path} cannot be loaded as an image-to-text model of "
            f"transformers: {error}. It needs the model's config.json, safetensors weights and "
            "processor, for example a folder of Salesforce/blip-image-captioning-base."
        ) from error
    if info["missing_keys"]:
        raise CheckpointError(
            f"recover.captioners: the weights in {path} lack {sorted(info['missing_keys'])[0]}, so "
            "captions would be random. Download the whole model."
        )
    return processor, model.eval().to(default_device())


def _tag_pictures(pictures: Sequence[Image.Image], settings: CaptionerSettings) -> list[str]:
    """The tags of at least ``threshold``, most probable first, then by name."""
    session, tags = _load_tagger(settings.path)
    entry = session.get_inputs()[0]
    side = int(entry.shape[1])
    texts = []
    for picture in pictures:
        array = _to_tagger_input(picture, side)
        (values,) = session.run(None, {entry.name: array})
        named = [(float(v), tag) for v, tag in zip(values[0], tags, strict=True) if tag]
        above = sorted((-value, tag) for value, tag in named if value >= settings.threshold)
        texts.append(SEPARATOR.join(tag for _, tag in above))
    return texts


def _to_tagger_input(picture: Image.Image, side: int) -> Any:
    """A square of white with the picture in its middle, BGR in [0, 255]: [1, side, side, 3]."""
    rgba = picture.convert("RGBA")
    size = max(rgba.size)
    square = Image.new("RGBA", (size, size), (255, 255, 255, 255))
    square.alpha_composite(rgba, ((size - rgba.width) // 2, (size - rgba.height) // 2))
    resized = square.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(resized, dtype=np.float32)[None, :, :, ::-1].copy()


@lru_cache(maxsize=1)
def _load_tagger(path: Path) -> tuple[Any, list[str]]:
    """The session, and the name of each output; empty for ratings and characters."""
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(
            "recover.captioners: a tagger needs onnxruntime: pip install 'seedwitness[tagger]'."
        ) from None
    _require_folder(path)
    model, table = path / "model.onnx", path / "selected_tags.csv"
    for file in (model, table):
        if not file.is_file():
            raise CheckpointError(
                f"recover.captioners: there is no {file}. A tagger is a folder with model.onnx and "
                "selected_tags.csv, as those of SmilingWolf/wd-convnext-tagger-v3."
            )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(
            model.as_posix(), options, providers=["CPUExecutionProvider"]
        )
        with table.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        tags = [
            row["name"].replace("_", " ") if row["category"] == GENERAL_TAGS else "" for row in rows
        ]
    except Exception as error:  # onnxruntime's exceptions have no common base class
        raise CheckpointError(
            f"recover.captioners: {path} cannot be loaded as a tagger: {error}. Download its files "
            "again."
        ) from error
    outputs = session.get_outputs()[0].shape[-1]
    if outputs != len(tags):
        raise CheckpointError(
            f"recover.captioners: {model} has {outputs} outputs and {table} names {len(tags)}. "
            "Take both from the same model."
        )
    return session, tags


def _require_folder(path: Path) -> None:
    if not path.is_dir():
        raise CheckpointError(
            f"recover.captioners: there is no folder {path}. Download the model there; nothing is "
            "fetched when a prompt is recovered."
        )


def _find_stand_in(recovery_input: RecoveryInput) -> list[Candidate]:
    book = recovery_input.phrasebook
    if book is None or not any(book.can_open):
        return []
    cosines = np.round((book.embeddings @ recovery_input.image).astype(np.float64), 6)
    openings = [i for i, can_open in enumerate(book.can_open) if can_open]
    best = min(openings, key=lambda i: (-cosines[i], book.texts[i]))
    return [Candidate(book.texts[best], "recovered", STAND_IN)]
