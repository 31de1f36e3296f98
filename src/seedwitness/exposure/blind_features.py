"""Features of an image, its file and its caption that no model is needed for.

A classifier of such features sees nothing of a checkpoint. Where it tells targets from controls,
a low denoising loss may come from that difference and not from a training (Das, Zhang & Tramèr,
2024, arXiv 2406.16201).
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seedwitness.imaging.decoding import decode_image

SIDE = 64
"""Side in pixels at which colour and texture are measured."""

GRAMS, GRAM_LENGTH = 24, 3
"""Letter sequences of a caption are counted in so many classes, by CRC-32."""

FORMATS = ("PNG", "JPEG", "WEBP")

Features = dict[str, dict[str, float]]


def describe_image(path: Path, caption: str) -> Features:
    """The features of a picture file and of its caption, by group.

    *file*: format, bytes by pixel. *size*: sides and their ratio. *jpeg*: quantisation tables.
    *colour* and *texture*: of the pixels at 64 × 64. *caption*: length, words, letter sequences; 0
    for all where there is no caption. Raises PictureError as ``decode_image`` does.
    """
    picture = decode_image(path)
    pixels = np.asarray(
        picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float64
    )  # [h, w, 3]
    size = {
        "width": float(np.log2(picture.width)),
        "height": float(np.log2(picture.height)),
        "aspect": float(np.log2(picture.width / picture.height)),
    }
    return {
        "file": _describe_file(path, picture.width * picture.height),
        "size": size,
        "jpeg": _describe_tables(path),
        "colour": _describe_colour(pixels / 255),
        "texture": _describe_texture(pixels / 255),
        "caption": _describe_caption(caption),
    }


def list_features(image: str, features: Features) -> list[dict[str, Any]]:
    """The rows of ``records.FEATURES`` of one image."""
    return [
        {"image": image, "group": group, "feature": name, "value": value}
        for group, values in features.items()
        for name, value in values.items()
    ]


def _describe_file(path: Path, area: int) -> dict[str, float]:
    with Image.open(path) as image:
        name, mode = str(image.format), image.mode
    return {
        "bytes by pixel": float(np.log2(path.stat().st_size / area)),
        "transparent": float(mode in ("RGBA", "LA", "PA")),
        **{f"is {each}": float(name == each) for each in FORMATS},
    }


def _describe_tables(path: Path) -> dict[str, float]:
    """Means of the first two JPEG quantisation tables, low and high frequencies; 0 without."""
    with Image.open(path) as image:
        tables: dict[int, list[int]] = getattr(image, "quantization", None) or {}
    values = {}
    for number, name in enumerate(("luminance", "chrominance")):
        table = np.asarray(tables.get(number, [0.0] * 64), dtype=float)
        values[f"{name} low"] = float(table[:10].mean())
        values[f"{name} high"] = float(table[10:].mean())
    return values


def _describe_colour(pixels: NDArray[np.float64]) -> dict[str, float]:
    values = {}
    for number, name in enumerate(("red", "green", "blue")):
        channel = pixels[..., number]
        values[f"{name} mean"], values[f"{name} spread"] = float(channel.mean()), channel.std()
    highest, lowest = pixels.max(-1), pixels.min(-1)
    values["saturation"] = float((highest - lowest).mean())
    values["black"], values["white"] = float((highest < 0.05).mean()), float((lowest > 0.95).mean())
    coarse = (pixels * 7.999).astype(int)
    values["colours"] = float(len(np.unique(coarse.reshape(-1, 3), axis=0)))
    return {name: float(value) for name, value in values.items()}


def _describe_texture(pixels: NDArray[np.float64]) -> dict[str, float]:
    """Gradients, energy by spatial frequency, local binary patterns, and steps at 8 × 8 blocks."""
    grey = pixels.mean(-1)  # [h, w]
    down, right = np.diff(grey, axis=0), np.diff(grey, axis=1)
    values: dict[str, Any] = {
        "gradient down": np.abs(down).mean(),
        "gradient right": np.abs(right).mean(),
        "flat": (np.abs(right) < 2 / 255).mean(),
    }
    spectrum = np.abs(np.fft.fft2(grey - grey.mean())) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    for low, high in ((0.0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.35), (0.35, 0.75)):
        band = spectrum[(frequency >= low) & (frequency < high)].mean()
        values[f"energy from {low:g}"] = np.log10(band + 1e-6)
    blocks = np.abs(right[:, 7::8]).mean() + np.abs(down[7::8]).mean()
    values["steps at blocks"] = blocks - np.abs(right).mean() - np.abs(down).mean()
    centre = grey[1:-1, 1:-1]
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    higher = np.stack([grey[y : y + SIDE - 2, x : x + SIDE - 2] > centre for y, x in ring])
    changes = (higher != np.roll(higher, 1, axis=0)).sum(0)
    for count in range(0, 9, 2):
        values[f"patterns of {count} changes"] = (changes == count).mean()
    return {name: float(value) for name, value in values.items()}


def _describe_caption(caption: str) -> dict[str, float]:
    words = re.findall(r"\w+", caption)
    text = " ".join(words).casefold()
    values = {
        "letters": float(np.log1p(len(caption))),
        "words": float(np.log1p(len(words))),
        "commas": float(np.log1p(caption.count(","))),
        "capitals": sum(map(str.isupper, caption)) / max(1, len(caption)),
        "digits": sum(map(str.isdigit, caption)) / max(1, len(caption)),
    }
    counts = np.zeros(GRAMS)
    grams = [text[k : k + GRAM_LENGTH] for k in range(max(0, len(text) - GRAM_LENGTH + 1))]
    for gram in grams:
        counts[zlib.crc32(gram.encode()) % GRAMS] += 1
    shares = np.sqrt(counts / max(1, len(grams)))
    return values | {f"letter sequences {k}": float(share) for k, share in enumerate(shares)}
