"""Read a target's file: its upright RGB picture and its record."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from seedwitness.imaging.decoding import hash_pixels, open_image
from seedwitness.imaging.file_parts import FilePart
from seedwitness.imaging.perceptual_fingerprint import fingerprint_image
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.hashes import sha256_file
from seedwitness.targets.claims import parse_groups
from seedwitness.targets.containers.reader import read_metadata
from seedwitness.targets.content_credentials import read_credentials
from seedwitness.targets.information import measure_information
from seedwitness.targets.normalisation import describe_bit_loss, normalise_image
from seedwitness.targets.text_cleaning import describe_error, replace_surrogates, shorten_text

REMEDY = "Replace it by an intact picture, or remove the target."
MAX_UNREAD = 200
"""Texts of unread metadata that a record lists."""


class DecodedTarget(NamedTuple):
    """The picture as upright 8-bit sRGB at its own size, and the record of its file."""

    image: Image.Image
    record: TargetRecord


def read_target(path: Path, name: str, remedy: str = REMEDY) -> DecodedTarget:
    """Read a picture file of any format that Pillow supports. Raises PictureError if it cannot.

    Only the pixels must be intact. The record lists metadata that cannot be read, with the reason.
    """
    with warnings.catch_warnings(record=True) as pillow_warnings:
        # Pillow's readers use this category; other warnings do not concern the file.
        warnings.simplefilter("always", UserWarning)
        with open_image(path, remedy) as opened:
            image = opened.image
            file_format, source_mode = image.format or "unknown", image.mode
            # Pixels first: counting frames and reading text at the end move Pillow's file position.
            normalised, changes, unread = normalise_image(image)
            if bit_loss := describe_bit_loss(source_mode, has_16_bits=opened.has_16_bits):
                changes.insert(0, bit_loss)
            unread += describe_left_out(opened.left_out)
            metadata = read_metadata(path, image)
            frames, frame_error = _count_frames(image)
    parsed = parse_groups(metadata.groups)
    credentials = read_credentials(path, file_format, metadata.c2pa_bytes)
    claims = [*parsed.claims, *([credentials.claim] if credentials.claim else [])]
    changes += metadata.colours
    unread += [*metadata.unread, *parsed.unread, *credentials.unread]
    if frame_error:
        unread.append(frame_error)
    if frames > 1:
        changes.insert(0, f"the first of {frames} frames taken")
    unread += dict.fromkeys(
        f"Pillow warns: {shorten_text(str(warning.message))}" for warning in pillow_warnings
    )
    target = TargetRecord(
        name=name,
        file_name=replace_surrogates(path.name),
        file_sha256=sha256_file(path),
        file_bytes=path.stat().st_size,
        pixels_sha256=hash_pixels(normalised),
        **fingerprint_image(normalised)._asdict(),
        width=normalised.width,
        height=normalised.height,
        format=file_format,
        mode=source_mode,
        frames=frames,
        changes=changes,
        exif=metadata.exif,
        xmp=metadata.xmp,
        iptc=metadata.iptc,
        content_credentials=credentials.credentials,
        claims=claims,
        unread=bound_unread(unread),
        information=measure_information(normalised),
    )
    return DecodedTarget(normalised, target)


def hash_target_pixels(path: Path, remedy: str = REMEDY) -> str:
    """Hash a picture's upright pixels, as its record does, without computing the record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with open_image(path, remedy) as opened:
            return hash_pixels(normalise_image(opened.image).image)


def describe_left_out(parts: Sequence[FilePart]) -> list[str]:
    """Name the parts without which Pillow opened the picture."""
    counts: dict[str, int] = {}
    for part in parts:
        counts[part.name] = counts.get(part.name, 0) + 1
    listed = [f"{name} × {count}" if count > 1 else name for name, count in counts.items()]
    if not listed:
        return []
    shown = shorten_text(", ".join(listed))
    return [f"the pixels were decoded without these optional parts of the file: {shown}"]


def bound_unread(unread: Sequence[str]) -> list[str]:
    """The first ``MAX_UNREAD`` different texts; the others are counted."""
    different = list(dict.fromkeys(unread))
    if len(different) <= MAX_UNREAD:
        return different
    return [*different[:MAX_UNREAD], f"{len(different) - MAX_UNREAD:,} more are not listed"]


def _count_frames(image: Image.Image) -> tuple[int, str]:
    try:
        return getattr(image, "n_frames", 1), ""
    except Exception as error:  # a forged second frame may raise anything; the first is intact
        return 1, f"the frames after the first: {describe_error(error)}"
