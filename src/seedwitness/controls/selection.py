"""Which images of a folder serve as controls, in a deterministic order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedwitness.config.steps import PrepareSettings
from seedwitness.config.verdicts import ControlSettings, CopyCriterionSettings
from seedwitness.errors import ConfigError, PictureError
from seedwitness.imaging.decoding import decode_image
from seedwitness.imaging.image_folder import ImageEntry, read_entries
from seedwitness.targets.information import measure_information
from seedwitness.targets.refusals import find_blank_copy, find_low_information

_LOG = logging.getLogger(__name__)

if TYPE_CHECKING:
    from torch import Tensor


def order_by_hash(path: Path) -> tuple[bytes]:
    """Deterministic pseudo-random order: SHA-256 of the file name."""
    return (sha256(path.as_posix().encode()).digest(),)


def order_by_similarity(
    settings: ControlSettings, weights: Mapping[str, Path]
) -> Callable[[Path], tuple[float, bytes]]:
    """Order by the descriptor's cosine to the images of ``settings.similar_to``, the closest first.

    Equals are ordered by hash. Raises ConfigError where ``weights`` name no descriptor.
    """
    from seedwitness.imaging.alignment import resize_to_tensor
    from seedwitness.metrics import descriptor

    if "descriptor" not in weights:
        raise ConfigError(
            "controls.similar_to chooses controls by their descriptors, and score.weights names no "
            "`descriptor`. Name its file there, or leave controls.similar_to empty."
        )
    model = descriptor.load_descriptor(weights["descriptor"])

    def embed(path: Path) -> Tensor:
        image = decode_image(path)
        return model.embed(resize_to_tensor(image, *image.size, "stretch")[None])[0]

    examples = [embed(path) for path in settings.similar_to]

    def order(name: Path) -> tuple[float, bytes]:
        vector = embed(settings.path / name)
        return (-max(float(vector @ example) for example in examples), *order_by_hash(name))

    return order


def list_controls(
    settings: ControlSettings,
    weights: Mapping[str, Path],
    limits: PrepareSettings,
    criteria: Sequence[CopyCriterionSettings],
) -> dict[Path, ImageEntry]:
    """The controls by path, in their order; ``weights`` are those of the metrics.

    An image is passed over that would be refused as a target, by ``limits`` of information and by
    copy ``criteria``. Raises as ``select_images`` does.
    """
    order = order_by_similarity(settings, weights) if settings.similar_to else order_by_hash
    return select_images(
        settings.path,
        settings.count,
        "controls.count",
        "controls.path",
        order,
        make_refusal(limits, criteria),
    )


def make_refusal(
    limits: PrepareSettings, criteria: Sequence[CopyCriterionSettings]
) -> Callable[[Path], bool]:
    """Whether an image would be refused, as a target, as too flat or as too pale.

    A control of this kind would only make the others look close.
    """
    thresholds = [(each.metric, each.threshold) for each in criteria]

    def is_refused(path: Path) -> bool:
        information = measure_information(decode_image(path))
        return bool(
            find_low_information(information, limits)
            or find_blank_copy(information, thresholds, limits.margin)
        )

    return is_refused


def select_images(
    folder: Path,
    count: int,
    key: str,
    folder_key: str,
    order: Callable[[Path], Any] = order_by_hash,
    is_refused: Callable[[Path], bool] | None = None,
) -> dict[Path, ImageEntry]:
    """The first ``count`` images of a folder in an order of their paths, seen from the folder.

    Images that ``is_refused`` gives True for, by their path, are passed over, with a warning.
    Raises PictureError where the folder has fewer; ``key`` is the setting that asks for them, and
    ``folder_key`` the setting that holds the folder's path.
    """
    entries = read_entries(folder, folder_key)
    if len(entries) < count:
        raise PictureError(
            f"{folder} has {len(entries)} images, and {key} asks for {count}. Add more, or lower "
            f"{key}. (With few controls p cannot be small: it is at least 1 / (1 + controls).)"
        )
    ordered = sorted(entries, key=lambda entry: order(Path(entry.file_name)))
    if is_refused is None:
        return {folder / entry.file_name: entry for entry in ordered[:count]}
    chosen: dict[Path, ImageEntry] = {}
    refused: list[str] = []
    for entry in ordered:
        if len(chosen) == count:
            break
        if is_refused(folder / entry.file_name):
            refused.append(entry.file_name)
        else:
            chosen[folder / entry.file_name] = entry
    if refused:
        _LOG.warning(
            "%d images of %s are too flat or pale to be compared with, as such a target would be "
            "refused, and were passed over: %s",
            len(refused),
            folder,
            ", ".join(refused[:5]),
        )
    if len(chosen) < count:
        raise PictureError(
            f"{folder} has {len(chosen)} images that are not too flat or pale, and {key} asks for "
            f"{count}. Add more, or lower {key}."
        )
    return chosen
