"""The pictures of a lab: made, written as an ImageFolder, and loaded with their hashes checked.

``truth.parquet`` is the record, ``pictures/`` only its pixels: it can be removed at any time and
made again, bit for bit.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
import PIL
from PIL import Image
from tqdm import tqdm

from seedlab import truth
from seedlab.drawing.world import draw_all, sketches
from seedlab.planting import LeftOut, read
from seedlab.settings import Drawn, Folder, Settings
from seedlab.truth import Picture, Split
from seedwitness.errors import PictureError
from seedwitness.imaging.decoding import decode_image, pixel_hash
from seedwitness.imaging.image_folder import METADATA
from seedwitness.runtime.files import replace_whole, write_whole

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "pictures"
TRUTH = "truth.parquet"
SUMMARY = "world.json"
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class World:
    """Pictures in the order of the truth, drawn as they are asked for; and those left out."""

    count: int
    pictures: Iterator[tuple[Picture, Image.Image]]
    left_out: Sequence[LeftOut] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    """Of a folder's pictures: the file name there, by id."""


def world(
    settings: Settings,
    workers: int,
    splits: Set[str] = frozenset(SPLITS),
    ids: Set[str] | None = None,
    times: int | None = None,
) -> World:
    """The pictures that ``settings`` describe, of ``splits`` only.

    Where given, of ``ids`` only, and those that a training sees so many ``times``.
    """
    plan = settings.pictures
    if isinstance(plan, Folder):
        found = read(settings.world, plan, workers)
        pairs = [
            (row, source.image)
            for row, source in zip(found.rows, found.sources, strict=True)
            if row.split in splits
            and (ids is None or row.id in ids)
            and times in (None, row.multiplicity)
        ]
        origins = {
            row.id: source.entry.file_name
            for row, source in zip(found.rows, found.sources, strict=True)
        }
        return World(len(pairs), iter(pairs), found.left_out, origins)
    return _drawn(plan, workers, splits, ids, times)


def _drawn(
    plan: Drawn, workers: int, splits: Set[str], ids: Set[str] | None, times: int | None
) -> World:
    wanted = [
        sketch
        for sketch in sketches(
            plan.seed,
            themes=plan.themes,
            once=plan.once,
            held_out=plan.held_out,
            planted=plan.planted,
            twins_each=plan.twins_each,
            variants=plan.variants,
        )
        if sketch.split in splits
        and (ids is None or sketch.id in ids)
        and times in (None, sketch.multiplicity)
    ]

    def pairs() -> Iterator[tuple[Picture, Image.Image]]:
        for sketch, image in draw_all(wanted, plan.size, workers):
            row = Picture(
                id=sketch.id,
                file_name=f"{sketch.id}.png",
                split=sketch.split,
                multiplicity=sketch.multiplicity,
                caption=sketch.wordings[0],
                wordings=sketch.wordings,
                artist=sketch.theme.artist,
                twin_of=sketch.twin_of,
                sha256=pixel_hash(image),
            )
            yield row, image

    return World(len(wanted), pairs())


def build(settings: Settings, lab: Path, workers: int) -> tuple[list[Picture], Sequence[LeftOut]]:
    """Make ``pictures/``, ``truth.parquet`` and ``world.json`` in ``lab``; what is in, what is not.

    A truth that says the same already keeps its bytes, whatever wrote them.
    """
    made = world(settings, workers)
    rows = write_folder(made, lab / FOLDER)
    path = lab / TRUTH
    if not path.exists() or truth.read(path) != rows:
        truth.write(rows, path)
    summary = summary_of(rows, made.left_out)
    write_whole(lab / SUMMARY, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    return rows, made.left_out


def restore(settings: Settings, lab: Path, rows: Sequence[Picture], workers: int) -> None:
    """Make ``pictures/`` of ``lab`` again where it is missing; they must be those of ``rows``."""
    if not (lab / FOLDER).exists():
        made = write_folder(world(settings, workers), lab / FOLDER)
        try:
            compare(made, rows, lab)
        except PictureError:
            shutil.rmtree(lab / FOLDER)
            raise


def write_folder(made: World, folder: Path) -> list[Picture]:
    """Write pictures as an ImageFolder, PNG and ``metadata.jsonl``, whole; their rows."""
    rows = []
    with replace_whole(folder) as part:
        part.mkdir()
        shown = tqdm(made.pictures, "pictures", made.count, disable=None)
        for row, image in shown:
            image.save(part / row.file_name)
            rows.append(row)
        lines = [json.dumps(_line(row, made.origins), ensure_ascii=False) for row in rows]
        (part / METADATA).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return rows


def compare(made: Sequence[Picture], recorded: Sequence[Picture], lab: Path) -> None:
    """Raise PictureError where pictures differ from what ``truth.parquet`` records of them."""
    known = {row.id: row for row in recorded}
    other = [row for row in made if known.get(row.id) != row]
    if other:
        raise PictureError(
            f"{len(other)} of {len(made)} pictures, first {other[0].file_name}, are not those that "
            f"{lab / TRUTH} records. Either params.yaml or the code or folder that it names has "
            "changed since (then run `dvc repro` in the lab, which trains anew), or this Pillow, "
            f"{PIL.__version__}, draws otherwise (then install the versions in constraints.txt)."
        )


def load(folder: Path, rows: Sequence[Picture]) -> Tensor:
    """Pictures of ``rows``, in their order: uint8 [n, 3, size, size].

    Raises PictureError, with the remedy, where one is missing or not the one in the truth.
    """
    import torch

    return torch.from_numpy(np.stack([_checked(folder, row) for row in rows]))


def data_key(rows: Iterable[Picture]) -> str:
    """What a training can learn from ``rows``, as a hash: pixels, captions and multiplicities."""
    content = [[row.id, row.sha256, row.multiplicity, row.wordings] for row in rows]
    return sha256(json.dumps(content).encode()).hexdigest()


def summary_of(rows: Sequence[Picture], left_out: Sequence[LeftOut]) -> dict[str, object]:
    """Counts of a world, and what was left out of it."""
    captions = Counter(row.caption for row in rows)
    planted = Counter(row.multiplicity for row in rows if row.split == "planted")
    return {
        "pictures": {split: sum(row.split == split for row in rows) for split in SPLITS},
        "planted": {str(multiplicity): count for multiplicity, count in sorted(planted.items())},
        "captions": len(captions),
        "shared_captions": sum(count > 1 for count in captions.values()),
        "left_out": [asdict(each) for each in left_out],
    }


def in_words(rows: Sequence[Picture], left_out: Sequence[LeftOut]) -> str:
    """A world in a few lines: its counts, and how many pictures were left out and why."""
    counts = summary_of(rows, left_out)
    splits = ", ".join(
        f"{sum(row.split == s for row in rows)} {s.replace('_', ' ')}" for s in SPLITS
    )
    lines = [
        f"{len(rows)} pictures: {splits}.",
        f"{counts['captions']} captions, {counts['shared_captions']} of them of several pictures.",
    ]
    why = Counter(each.why.split(":")[0] for each in left_out)
    lines += [f"Left out: {count} {reason}." for reason, count in sorted(why.items())]
    return "\n".join(lines)


def _checked(folder: Path, row: Picture) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    path = folder / row.file_name
    remedy = f"Remove {folder} and run the same command again: the pictures are made anew."
    if not path.is_file():
        raise PictureError(f"{path} is missing. {remedy}")
    try:
        image = decode_image(path)
    except PictureError as error:
        raise PictureError(f"{path} is damaged. {remedy}") from error
    if pixel_hash(image) != row.sha256:
        raise PictureError(f"{path} is not the picture that {TRUTH} records. {remedy}")
    return np.asarray(image).transpose(2, 0, 1)


def _line(row: Picture, origins: Mapping[str, str]) -> dict[str, object]:
    line: dict[str, object] = {"file_name": row.file_name, "text": row.caption, "id": row.id}
    line |= {"split": row.split, "multiplicity": row.multiplicity, "twin_of": row.twin_of}
    return line | ({"source": origins[row.id]} if row.id in origins else {})
