"""Make the pictures of a lab, write them as an ImageFolder, and load them with a hash check.

``truth.parquet`` is the record. ``pictures/`` holds only the pixels: it can be deleted at any time
and is made again, bit for bit.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import PIL
from PIL import Image
from tqdm import tqdm

from seedlab import ground_truth
from seedlab.drawing.drawing import draw_all
from seedlab.drawing.plan import draw_sketches, plan_sketches
from seedlab.ground_truth import PictureRecord, Split
from seedlab.planting import ExcludedPicture, plan_folder
from seedlab.settings import DrawnPictures, FolderPictures, LabSettings, WorldPictures
from seedlab.world_rows import list_world
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image, hash_pixels
from seedwitness.imaging.image_folder import METADATA_FILE
from seedwitness.runtime.files import replace_whole, write_whole

if TYPE_CHECKING:
    from torch import Tensor

PICTURE_FOLDER = "pictures"
TRUTH_FILE = "truth.parquet"
SUMMARY_FILE = "world.json"
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class PictureSet:
    """The pictures in the order of the ground truth, made lazily, and the excluded ones."""

    count: int
    pictures: Iterator[tuple[PictureRecord, Image.Image]]
    excluded: Sequence[ExcludedPicture] = ()
    original_names: Mapping[str, str] = field(default_factory=dict)
    """File name in the source folder by id; empty where the lab drew the pictures."""


def make_pictures(
    settings: LabSettings,
    workers: int,
    splits: Set[str] = frozenset(SPLITS),
    ids: Set[str] | None = None,
    times: int | None = None,
) -> PictureSet:
    """The pictures that ``settings`` describe, reduced to ``splits``.

    With ``ids``, only these; with ``times``, only those that an epoch shows exactly so often.
    """
    section = settings.pictures
    if isinstance(section, FolderPictures):
        plan = plan_folder(settings.source_path, section, workers)
        pairs = [
            (row, source.image)
            for row, source in zip(plan.rows, plan.sources, strict=True)
            if row.split in splits
            and (ids is None or row.id in ids)
            and times in (None, row.multiplicity)
        ]
        original_names = {
            row.id: source.entry.file_name
            for row, source in zip(plan.rows, plan.sources, strict=True)
        }
        return PictureSet(len(pairs), iter(pairs), plan.excluded, original_names)
    if isinstance(section, WorldPictures):
        return _make_world(section, workers, splits, ids, times)
    return _make_drawn(section, workers, splits, ids, times)


def _make_world(
    section: WorldPictures, workers: int, splits: Set[str], ids: Set[str] | None, times: int | None
) -> PictureSet:
    """The special pictures of a world, and the ordinary ones that the ground truth lists."""
    entries = [
        entry
        for entry in list_world(section)
        if entry.split in splits
        and (ids is None or entry.id in ids)
        and times in (None, entry.multiplicity)
    ]

    def pairs() -> Iterator[tuple[PictureRecord, Image.Image]]:
        drawings = [entry.drawing for entry in entries]
        for entry, image in zip(entries, draw_all(drawings, section.size, workers), strict=True):
            yield entry.as_row(hash_pixels(image)), image

    return PictureSet(len(entries), pairs())


def _make_drawn(
    section: DrawnPictures, workers: int, splits: Set[str], ids: Set[str] | None, times: int | None
) -> PictureSet:
    sketches = [
        sketch
        for sketch in plan_sketches(
            section.seed,
            themes=section.themes,
            once=section.once,
            held_out=section.held_out,
            planted=section.planted,
            twins_each=section.twins_each,
            variants=section.variants,
        )
        if sketch.split in splits
        and (ids is None or sketch.id in ids)
        and times in (None, sketch.multiplicity)
    ]

    def pairs() -> Iterator[tuple[PictureRecord, Image.Image]]:
        for sketch, image in draw_sketches(sketches, section.size, workers):
            row = PictureRecord(
                id=sketch.id,
                file_name=f"{sketch.id}.png",
                split=sketch.split,
                multiplicity=sketch.multiplicity,
                caption=sketch.wordings[0],
                wordings=sketch.wordings,
                artist=sketch.theme.artist,
                twin_of=sketch.twin_of,
                sha256=hash_pixels(image),
            )
            yield row, image

    return PictureSet(len(sketches), pairs())


def build_pictures(
    settings: LabSettings, lab: Path, workers: int
) -> tuple[list[PictureRecord], Sequence[ExcludedPicture]]:
    """Make ``pictures/``, ``truth.parquet`` and ``world.json`` in ``lab``.

    Returns the rows of the ground truth and the excluded pictures. A ``truth.parquet`` with equal
    rows is not written again, so it keeps its bytes, which depend on the version of the writer.
    """
    picture_set = make_pictures(settings, workers)
    rows = write_image_folder(picture_set, lab / PICTURE_FOLDER)
    path = lab / TRUTH_FILE
    if not path.exists() or ground_truth.read_truth(path) != rows:
        ground_truth.write_truth(rows, path)
    summary = count_pictures(rows, picture_set.excluded)
    write_whole(lab / SUMMARY_FILE, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    return rows, picture_set.excluded


def restore_pictures(
    settings: LabSettings, lab: Path, rows: Sequence[PictureRecord], workers: int
) -> None:
    """Make ``pictures/`` of ``lab`` again where it is missing.

    Raises PictureError, and writes nothing, where the new pictures differ from ``rows``.
    """
    if not (lab / PICTURE_FOLDER).exists():
        new_rows = write_image_folder(make_pictures(settings, workers), lab / PICTURE_FOLDER)
        try:
            compare_with_truth(new_rows, rows, lab)
        except PictureError:
            shutil.rmtree(lab / PICTURE_FOLDER)
            raise


def write_image_folder(picture_set: PictureSet, folder: Path) -> list[PictureRecord]:
    """Write pictures atomically as an ImageFolder: PNG and ``metadata.jsonl``. Returns the rows."""
    rows = []
    with replace_whole(folder) as part:
        part.mkdir()
        pairs = tqdm(picture_set.pictures, "pictures", picture_set.count, disable=None)
        for row, image in pairs:
            image.save(part / row.file_name)
            rows.append(row)
        names = picture_set.original_names
        lines = [json.dumps(_metadata_line(row, names), ensure_ascii=False) for row in rows]
        (part / METADATA_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return rows


def compare_with_truth(
    rows: Sequence[PictureRecord], recorded: Sequence[PictureRecord], lab: Path
) -> None:
    """Raise PictureError where ``rows`` differ from the ``recorded`` rows of ``truth.parquet``."""
    known = {row.id: row for row in recorded}
    different = [row for row in rows if known.get(row.id) != row]
    if different:
        raise PictureError(
            f"{len(different)} of {len(rows)} pictures differ from those that {lab / TRUTH_FILE} "
            f"records; the first is {different[0].file_name}. Either params.yaml, or the code or "
            "folder that it names, has changed (then run `dvc repro` in the lab, which trains "
            f"again), or the installed Pillow {PIL.__version__} draws differently (then install "
            "the versions in constraints.txt)."
        )


def load_pixels(folder: Path, rows: Sequence[PictureRecord]) -> Tensor:
    """Pixels of ``rows``, in their order: uint8 [n, 3, size, size].

    Raises PictureError where a picture is missing, damaged or not the recorded one.
    """
    import torch

    return torch.from_numpy(np.stack([_load_checked(folder, row) for row in rows]))


def hash_rows(rows: Iterable[PictureRecord]) -> str:
    """SHA-256 over what a training sees of ``rows``: pixels, captions and multiplicities."""
    content = [[row.id, row.sha256, row.multiplicity, row.wordings] for row in rows]
    return sha256(json.dumps(content).encode()).hexdigest()


def count_pictures(
    rows: Sequence[PictureRecord], excluded: Sequence[ExcludedPicture]
) -> dict[str, object]:
    """The contents of ``world.json``: counts by kind, and the excluded pictures."""
    captions = Counter(row.caption for row in rows)
    planted = Counter(row.multiplicity for row in rows if row.split == "planted")
    return {
        "pictures": _count_splits(rows),
        "planted": {str(multiplicity): count for multiplicity, count in sorted(planted.items())},
        "captions": len(captions),
        "shared_captions": sum(count > 1 for count in captions.values()),
        "left_out": [
            {"file_name": picture.file_name, "why": picture.reason} for picture in excluded
        ],
    }


def format_summary(rows: Sequence[PictureRecord], excluded: Sequence[ExcludedPicture]) -> str:
    """The counts in a few lines, and how many pictures are excluded for which reason."""
    counts = count_pictures(rows, excluded)
    splits = ", ".join(
        f"{count} {split.replace('_', ' ')}" for split, count in _count_splits(rows).items()
    )
    lines = [
        f"{len(rows)} pictures: {splits}.",
        f"{counts['captions']} captions; {counts['shared_captions']} belong to several pictures.",
    ]
    reasons = Counter(picture.reason.split(":")[0] for picture in excluded)
    lines += [f"Excluded ({reason}): {count}." for reason, count in sorted(reasons.items())]
    return "\n".join(lines)


def _count_splits(rows: Sequence[PictureRecord]) -> dict[str, int]:
    """Numbers of pictures by split; those that only a world has, only where there are some."""
    counts = Counter(row.split for row in rows)
    every_lab = SPLITS[:4]
    return {split: counts[split] for split in SPLITS if split in every_lab or counts[split]}


def _load_checked(
    folder: Path, row: PictureRecord
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    path = folder / row.file_name
    remedy = f"Delete {folder} and run the same command again, which makes the pictures again."
    if not path.is_file():
        raise PictureError(f"{path} is missing. {remedy}")
    try:
        image = decode_image(path)
    except PictureError as error:
        raise PictureError(f"{path} is damaged. {remedy}") from error
    if hash_pixels(image) != row.sha256:
        raise PictureError(f"{path} is not the picture that {TRUTH_FILE} records. {remedy}")
    return np.asarray(image).transpose(2, 0, 1)


def _metadata_line(row: PictureRecord, original_names: Mapping[str, str]) -> dict[str, object]:
    line: dict[str, object] = {"file_name": row.file_name, "text": row.caption, "id": row.id}
    line |= {"split": row.split, "multiplicity": row.multiplicity, "twin_of": row.twin_of}
    return line | ({"source": original_names[row.id]} if row.id in original_names else {})
