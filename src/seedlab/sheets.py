"""Contact sheets: pictures by artist, generations by caption, targets beside regenerations."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from seedlab.drawing.drawing import Box, draw, find_varying_box
from seedlab.ground_truth import PictureRecord

if TYPE_CHECKING:
    from seedlab.lab_folder import Lab
    from seedlab.template_returns import TemplateReturn

GAP = 6
SPLIT_ORDER = ("planted", "portfolio", "once", "twin", "held_out")
INK, PAPER, PALE = (34, 34, 40), (255, 255, 255), (110, 110, 120)
FRAME = (220, 40, 40)
SIDE = 128
"""Smaller pictures are enlarged to this side where it is a multiple of theirs."""


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def to_image(pixels: Tensor) -> Image.Image:
    """The RGB image of ``pixels``, uint8 [3, height, width]."""
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy(), "RGB")


def draw_grid(cells: Sequence[tuple[Image.Image, str]], columns: int, lines: int) -> Image.Image:
    """A sheet of pictures in rows, with up to ``lines`` lines of text below each.

    Small pictures are enlarged.
    """
    cells = [(_enlarge(image), text) for image, text in cells]
    side = cells[0][0].width
    width, height = side + GAP, side + GAP + 12 * lines
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, (image, text) in enumerate(cells):
        x, y = GAP + index % columns * width, GAP + index // columns * height
        sheet.paste(image, (x, y))
        for line, words in enumerate(textwrap.wrap(text, side // 5)[:lines]):
            pen.text((x, y + side + 12 * line), words, INK, _font(10))
    return sheet


def draw_artist_sheet(lab: Lab, columns: int = 10) -> Image.Image:
    """A row of pictures seen once for each artist; without artists, one block of 40 pictures."""
    once = [row for row in lab.rows if row.split == "once"]
    artists = sorted({row.artist for row in once if row.artist})
    rows: list[PictureRecord] = []
    for artist in artists or [""]:
        rows += [row for row in once if row.artist == artist][: columns if artists else 40]
    images = lab.load_pixels(rows)
    return draw_grid(
        [(to_image(pixels), row.artist) for pixels, row in zip(images, rows, strict=True)],
        columns,
        1 if artists else 0,
    )


def draw_caption_sheet(generations: dict[str, Tensor], count: int = 24) -> Image.Image:
    """Generations for held-out captions, with the caption below each."""
    captions = list(generations)[:: max(1, len(generations) // count)][:count]
    return draw_grid([(to_image(generations[text]), text) for text in captions], 6, 4)


def draw_ordinary_sheet(outputs: Tensor, captions: Sequence[str], count: int = 64) -> Image.Image:
    """The first ``count`` outputs for captions that no training saw, with the caption below each.

    ``outputs`` is uint8 [n, 3, size, size].
    """
    cells = zip(map(to_image, outputs[:count]), captions[:count], strict=True)
    return draw_grid(list(cells), 8, 3)


def draw_template_sheet(returns: Sequence[TemplateReturn], size: int, columns: int) -> Image.Image:
    """For the first templates of each number of exposures: picture and output nearest to it.

    The picture of each pair was not shown, and its caption made the output. The frame is the box
    in which the pictures of a template differ.
    """
    unseen = [each for each in returns if each.sketch.kind == "template_unseen"]
    cells = []
    for exposures in sorted({each.sketch.exposures for each in unseen}):
        group = [each for each in unseen if each.sketch.exposures == exposures][:columns]
        for each in group:
            box = find_varying_box(each.sketch.drawing, size)
            picture = draw(each.sketch.drawing, size)
            text = f"{exposures:,} shown"
            cells += [(_frame(picture, box), text), (_frame(to_image(each.nearest), box), "")]
    return draw_grid(cells, 2 * columns, 1)


def _frame(image: Image.Image, box: Box) -> Image.Image:
    """An enlarged picture with a thin frame around ``box``, right and bottom edge outside of it."""
    sheet = _enlarge(image)
    left, top, right, bottom = (sheet.width // image.width * edge for edge in box)
    ImageDraw.Draw(sheet).rectangle((left, top, right - 1, bottom - 1), outline=FRAME)
    return sheet


def _enlarge(image: Image.Image) -> Image.Image:
    """A picture of up to ``SIDE`` pixels a side, each of its own pixels as a square."""
    factor = max(1, SIDE // image.width)
    size = (factor * image.width, factor * image.height)
    return image.resize(size, Image.Resampling.NEAREST)


def choose_rows(lab: Lab) -> list[PictureRecord]:
    """The pictures on regeneration sheets: the first few of each split and multiplicity."""
    chosen: list[PictureRecord] = []
    kinds = {(row.split, row.multiplicity) for row in lab.rows if row.split in SPLIT_ORDER}
    for kind in sorted(kinds, key=lambda kind: (SPLIT_ORDER.index(kind[0]), -kind[1])):
        rows = [row for row in lab.rows if (row.split, row.multiplicity) == kind]
        if kind[0] == "once":
            shared = {row.caption for row in lab.rows if row.split != "once"}
            rows = [row for row in rows if row.caption in shared]
        chosen += rows[: lab.settings.measure.shown]
    return chosen


def draw_regeneration_sheet(
    lab: Lab, nearest: dict[str, Tensor], scores: pd.DataFrame
) -> Image.Image:
    """Pairs of a target (left) and its nearest generation (right), a row for each kind of picture.

    ``nearest`` holds the generations by id. Where ``lab.is_printable`` is false, a frame with the
    file name replaces the target.
    """
    rows = [row for row in choose_rows(lab) if row.id in nearest]
    kinds = list(dict.fromkeys((row.split, row.multiplicity) for row in rows))
    images = dict(zip((row.id for row in rows), lab.load_pixels(rows), strict=True))
    side = _enlarge(to_image(next(iter(nearest.values())))).width
    shown, margin = lab.settings.measure.shown, 92
    width = margin + shown * (2 * side + 2 * GAP) + GAP
    sheet = Image.new("RGB", (width, len(kinds) * (side + 22 + GAP) + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    smallest = scores.groupby("id")[["descriptor", "patch_l2"]].min()
    for line, (split, multiplicity) in enumerate(kinds):
        y = GAP + line * (side + 22 + GAP)
        title = split.replace("_", " ") + (f"\n{multiplicity} times" if multiplicity > 1 else "")
        pen.multiline_text((GAP, y + side // 3), title, INK, _font(13))
        members = [row for row in rows if (row.split, row.multiplicity) == (split, multiplicity)]
        for column, row in enumerate(members):
            x = margin + column * (2 * side + 2 * GAP)
            if lab.is_printable:
                sheet.paste(_enlarge(to_image(images[row.id])), (x, y))
            else:
                pen.rectangle((x, y, x + side - 1, y + side - 1), outline=PALE)
                pen.text((x + 4, y + 4), row.file_name, PALE, _font(9))
            sheet.paste(_enlarge(to_image(nearest[row.id])), (x + side, y))
            distance = smallest.loc[row.id]
            text = f"descriptor {distance.descriptor:.2f}, patch-L2 {distance.patch_l2:.2f}"
            pen.text((x, y + side + 2), text, PALE, _font(10))
    return sheet
