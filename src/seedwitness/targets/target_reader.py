"""Read a target's file: its upright RGB picture and its record."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from seedwitness.imaging.decoding import hash_pixels, open_image
from seedwitness.imaging.perceptual_fingerprint import fingerprint_image
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.hashes import sha256_file
from seedwitness.targets.claims import read_claims
from seedwitness.targets.exif import read_exif
from seedwitness.targets.information import measure_information
from seedwitness.targets.normalisation import describe_bit_loss, normalise_image
from seedwitness.targets.text_cleaning import describe_error, replace_surrogates, shorten_text

REMEDY = "Replace it by an intact picture, or remove the target."


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
        with open_image(path, remedy) as image:
            file_format, source_mode = image.format or "unknown", image.mode
            # Pixels first: counting frames and reading text at the end move Pillow's file position.
            normalised, changes, unread = normalise_image(image)
            if bit_loss := describe_bit_loss(path):
                changes.insert(0, bit_loss)
            exif, exif_errors = read_exif(image)
            claims, unread_claims = read_claims(image)
            unread += exif_errors + unread_claims
            frames, frame_error = _count_frames(image)
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
        exif=exif,
        claims=claims,
        unread=unread,
        information=measure_information(normalised),
    )
    return DecodedTarget(normalised, target)


def hash_target_pixels(path: Path, remedy: str = REMEDY) -> str:
    """Hash a picture's upright pixels, as its record does, without computing the record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with open_image(path, remedy) as image:
            return hash_pixels(normalise_image(image).image)


def _count_frames(image: Image.Image) -> tuple[int, str]:
    try:
        return getattr(image, "n_frames", 1), ""
    except Exception as error:  # a forged second frame may raise anything; the first is intact
        return 1, f"the frames after the first: {describe_error(error)}"
