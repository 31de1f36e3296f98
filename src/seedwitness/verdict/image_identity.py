"""Which images are the same one, whatever their files are called and however they were saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from PIL import Image

from seedwitness.imaging.perceptual_fingerprint import (
    MAX_PDQ_DISTANCE,
    MAX_THUMBNAIL_DISTANCE,
    MIN_PDQ_QUALITY,
    Fingerprint,
    FingerprintIndex,
    compute_thumbnail_distance,
    fingerprint_image,
)
from seedwitness.records.target import TargetRecord


@dataclass(frozen=True)
class ImageIdentity:
    """What an image is recognised by: the hash of its pixels, and its perceptual fingerprint."""

    name: str
    pixels_sha256: str
    fingerprint: Fingerprint


def identify_target(target: TargetRecord) -> ImageIdentity:
    """The identity of a target."""
    fingerprint = Fingerprint(target.pdq, target.pdq_quality, target.thumbnail)
    return ImageIdentity(target.name, target.pixels_sha256, fingerprint)


def identify_controls(table: pd.DataFrame) -> list[ImageIdentity]:
    """The identity of each image of ``records.CONTROL_SCORES``, once each."""
    columns = ["control", "pixels_sha256", *Fingerprint._fields]
    return [
        ImageIdentity(name, pixels, Fingerprint(*fingerprint))
        for name, pixels, *fingerprint in table[columns].drop_duplicates("control").to_numpy()
    ]


def find_same_image(
    image: ImageIdentity, candidates: Sequence[ImageIdentity]
) -> list[ImageIdentity]:
    """The candidates that are ``image`` by pixels or by fingerprint, in their order."""
    index = FingerprintIndex([candidate.fingerprint for candidate in candidates])
    matches = set(index.find_matches(image.fingerprint))
    return [
        candidate
        for number, candidate in enumerate(candidates)
        if number in matches or candidate.pixels_sha256 == image.pixels_sha256
    ]


def is_same_record(
    pdq_distance: int | None,
    pdq_quality: int | None,
    picture: Image.Image | None,
    target: TargetRecord,
) -> bool:
    """Whether a record of the corpus is the target's picture, by PDQ and colour as for controls.

    Where the record's picture was not kept, PDQ decides alone; a record without a picture is none.
    """
    if pdq_distance is None or pdq_quality is None:
        return False
    if pdq_distance > MAX_PDQ_DISTANCE or min(pdq_quality, target.pdq_quality) < MIN_PDQ_QUALITY:
        return False
    if picture is None:
        return True
    thumbnail = fingerprint_image(picture).thumbnail
    return compute_thumbnail_distance(thumbnail, target.thumbnail) <= MAX_THUMBNAIL_DISTANCE
