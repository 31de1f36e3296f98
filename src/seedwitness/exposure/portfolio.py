"""Measures a portfolio: losses and features of many works and of images held out for comparison."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.exposure import ExposeSettings
from seedwitness.exposure.blind_features import describe_image
from seedwitness.exposure.denoising_loss import measure_losses
from seedwitness.exposure.overlap import OverlapIndex
from seedwitness.imaging.decoding import decode_image
from seedwitness.imaging.image_folder import METADATA_FILE, ImageEntry, read_entries


@dataclass(frozen=True)
class PortfolioImage:
    """An image of a portfolio before it is measured.

    ``same_as`` names the image that it repeats; empty where there is none.
    """

    name: str
    path: Path
    image: Image.Image
    caption: str
    artist: str
    pair: str
    same_as: str


@dataclass(frozen=True)
class MeasuredImage:
    """Mean losses of an image on checkpoint and reference, and its features by name.

    A loss is NaN where one of those that it is the mean of is no finite number.
    """

    source: PortfolioImage
    loss: float
    reference_loss: float | None
    features: dict[str, float]


def read_portfolio(
    works: Path, held_out: Path, held_out_setting: str, min_held_out: int
) -> tuple[list[PortfolioImage], list[PortfolioImage]]:
    """Read the works and the held-out images, each an ImageFolder, and find what repeats.

    Where all works name one artist, and at least ``min_held_out`` of the held-out images name that
    artist too, only these are taken: images of one hand are the fairest comparison. A line of the
    works' metadata may name the held-out image of its pair: ``"pair": "file name"``. Raises
    PictureError as ``read_entries`` does.
    """
    entries, others = read_entries(works, "WORKS"), read_entries(held_out, held_out_setting)
    artists = {entry.artist for entry in entries}
    if len(artists) == 1 and artists != {""}:
        own = [entry for entry in others if entry.artist in artists]
        others = own if len(own) >= min_held_out else others
    pairs = _read_pairs(works)
    index = OverlapIndex()
    compared = _read_images(held_out, "held-out", others, {}, index)
    examined = _read_images(works, "works", entries, pairs, index)
    return examined, compared


def _read_images(
    folder: Path,
    label: str,
    entries: Sequence[ImageEntry],
    pairs: dict[str, str],
    index: OverlapIndex,
) -> list[PortfolioImage]:
    """The images of a folder, each compared with those that ``index`` holds, and then added."""
    images = []
    for entry in entries:
        name, path = f"{label}/{entry.file_name}", folder / entry.file_name
        image = decode_image(path)
        overlaps = index.find(image)
        if not overlaps:
            index.add(name, image)
        pair = pairs.get(entry.file_name)
        images.append(
            PortfolioImage(
                name=name,
                path=path,
                image=image,
                caption=entry.text,
                artist=entry.artist,
                pair=f"held-out/{pair}" if pair else "",
                same_as=overlaps[0].control if overlaps else "",
            )
        )
    return images


def _read_pairs(works: Path) -> dict[str, str]:
    """By file name the ``pair`` of a work; its metadata has been read and checked before."""
    lines = (works / METADATA_FILE).read_text("utf-8-sig").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    return {str(row["file_name"]): str(row["pair"]) for row in rows if row.get("pair")}


def measure_image(
    source: PortfolioImage,
    loaded: LoadedCheckpoint,
    reference: LoadedCheckpoint | None,
    settings: ExposeSettings,
    resize: str,
) -> MeasuredImage:
    """Losses of one image under its caption, on both checkpoints, and its features."""

    def measure(checkpoint: LoadedCheckpoint) -> float:
        rows = measure_losses(
            checkpoint,
            source.image,
            source.caption,
            levels=settings.levels,
            noise_seeds=settings.noises,
            resize=resize,
        )
        losses = np.array([row["loss"] for row in rows])
        return float(losses.mean()) if np.isfinite(losses).all() else float("nan")

    described = describe_image(source.path, source.caption)
    return MeasuredImage(
        source=source,
        loss=measure(loaded),
        reference_loss=measure(reference) if reference else None,
        features={
            f"{group}: {name}": value
            for group, values in described.items()
            for name, value in values.items()
        },
    )
