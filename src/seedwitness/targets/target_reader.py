"""A target's file as its upright RGB picture and its record."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from seedwitness.imaging.decoding import open_image, pixel_hash
from seedwitness.imaging.perceptual_fingerprint import fingerprint_image
from seedwitness.records.target import TargetRecord
from seedwitness.runtime.files import sha256_file
from seedwitness.targets.claims import read as read_claims
from seedwitness.targets.normalisation import kept_bits, normal
from seedwitness.targets.exif import readable
from seedwitness.targets.information import measure
from seedwitness.targets.text_cleaning import shortened, valid, why

REMEDY = "Put a whole picture in its place, or take the target away."


class Reading(NamedTuple):
    """Upright RGB of 8 bits in sRGB at the picture's own size, and what its file says of it."""

    image: Image.Image
    target: TargetRecord


def read(path: Path, name: str, remedy: str = REMEDY) -> Reading:
    """A picture file of any format that Pillow reads. Raises PictureError where it cannot.

    Only the pixels have to be sound. Of metadata that are not, the record says what and why.
    """
    with warnings.catch_warnings(record=True) as caught:
        # Pillow's readers warn by this category; any other warning is no matter of the file.
        warnings.simplefilter("always", UserWarning)
        with open_image(path, remedy) as image:
            file_format, mode = image.format or "unknown", image.mode
            # The pixels first: counting frames and reading late text moves Pillow on in the file.
            upright, changes, unread = normal(image)
            if deep := kept_bits(path):
                changes.insert(0, deep)
            exif, faults = readable(image)
            claims, more = read_claims(image)
            unread += faults + more
            frames, fault = _frames(image)
    if fault:
        unread.append(fault)
    if frames > 1:
        changes.insert(0, f"the first of {frames} frames taken")
    unread += dict.fromkeys(f"Pillow warns: {shortened(str(each.message))}" for each in caught)
    target = TargetRecord(
        name=name,
        file_name=valid(path.name),
        file_sha256=sha256_file(path),
        file_bytes=path.stat().st_size,
        pixels_sha256=pixel_hash(upright),
        **fingerprint_image(upright)._asdict(),
        width=upright.width,
        height=upright.height,
        format=file_format,
        mode=mode,
        frames=frames,
        changes=changes,
        exif=exif,
        claims=claims,
        unread=unread,
        information=measure(upright),
    )
    return Reading(upright, target)


def pixels(path: Path, remedy: str = REMEDY) -> str:
    """The hash of a picture's upright pixels, as in its record, at less cost than the record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with open_image(path, remedy) as image:
            return pixel_hash(normal(image).image)


def _frames(image: Image.Image) -> tuple[int, str]:
    try:
        return getattr(image, "n_frames", 1), ""
    except Exception as error:  # the first frame is sound, whatever a forged second one raises
        return 1, f"the frames after the first: {why(error)}"
