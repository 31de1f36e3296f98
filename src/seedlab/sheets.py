"""Sheets of pictures to look at: hands, captions asked for, targets beside their regenerations."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from seedlab.truth import Picture

if TYPE_CHECKING:
    from seedlab.home import Lab

GAP = 6
ORDER = ("planted", "once", "twin", "held_out")
INK, PAPER, PALE = (34, 34, 40), (255, 255, 255), (110, 110, 120)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def picture(pixels: Tensor) -> Image.Image:
    """uint8 [3, height, width] as an RGB image."""
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy(), "RGB")


def grid(cells: Sequence[tuple[Image.Image, str]], columns: int, lines: int) -> Image.Image:
    """Pictures in rows with up to ``lines`` lines of text under each."""
    side = cells[0][0].width
    width, height = side + GAP, side + GAP + 12 * lines
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    for k, (image, text) in enumerate(cells):
        x, y = GAP + k % columns * width, GAP + k // columns * height
        sheet.paste(image, (x, y))
        wrapped = textwrap.wrap(text, side // 5)[:lines]
        for line, words in enumerate(wrapped):
            pen.text((x, y + side + 12 * line), words, INK, _font(10))
    return sheet


def hands(lab: Lab, columns: int = 10) -> Image.Image:
    """Contact sheet: a row of pictures seen once for each artist, or one mixed block without."""
    once = [row for row in lab.rows if row.split == "once"]
    artists = sorted({row.artist for row in once if row.artist})
    chosen: list[Picture] = []
    for artist in artists or [""]:
        chosen += [row for row in once if row.artist == artist][: columns if artists else 40]
    images = lab.pictures(chosen)
    return grid(
        [(picture(pixels), row.artist) for pixels, row in zip(images, chosen, strict=True)],
        columns,
        1 if artists else 0,
    )


def asked(first: dict[str, Tensor], count: int = 24) -> Image.Image:
    """Generations for held-out captions, with the caption under each."""
    captions = list(first)[:: max(1, len(first) // count)][:count]
    return grid([(picture(first[text]), text) for text in captions], 6, 4)


def chosen(lab: Lab) -> list[Picture]:
    """Pictures of which sheets show the best regeneration: the first few of every kind."""
    out: list[Picture] = []
    kinds = {(row.split, row.multiplicity) for row in lab.rows}
    for kind in sorted(kinds, key=lambda kind: (ORDER.index(kind[0]), -kind[1])):
        rows = [row for row in lab.rows if (row.split, row.multiplicity) == kind]
        if kind[0] == "once":
            shared = {row.caption for row in lab.rows if row.split != "once"}
            rows = [row for row in rows if row.caption in shared]
        out += rows[: lab.settings.measure.shown]
    return out


def regenerations(lab: Lab, best: dict[str, Tensor], scores: pd.DataFrame) -> Image.Image:
    """Pairs, target left and its best regeneration right, a row a kind of picture.

    A world whose pictures are not ours to show has its targets left out: see ``lab.showable``.
    """
    rows = [row for row in chosen(lab) if row.id in best]
    kinds = list(dict.fromkeys((row.split, row.multiplicity) for row in rows))
    images = dict(zip((row.id for row in rows), lab.pictures(rows), strict=True))
    side = next(iter(best.values())).shape[-1]
    shown, margin = lab.settings.measure.shown, 92
    width = margin + shown * (2 * side + 2 * GAP) + GAP
    sheet = Image.new("RGB", (width, len(kinds) * (side + 22 + GAP) + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    nearest = scores.groupby("id")[["descriptor", "patch_l2"]].min()
    for line, (split, multiplicity) in enumerate(kinds):
        y = GAP + line * (side + 22 + GAP)
        title = split.replace("_", " ") + (f"\n{multiplicity} times" if split == "planted" else "")
        pen.multiline_text((GAP, y + side // 3), title, INK, _font(13))
        members = [row for row in rows if (row.split, row.multiplicity) == (split, multiplicity)]
        for k, row in enumerate(members):
            x = margin + k * (2 * side + 2 * GAP)
            if lab.showable:
                sheet.paste(picture(images[row.id]), (x, y))
            else:
                pen.rectangle((x, y, x + side - 1, y + side - 1), outline=PALE)
                pen.text((x + 4, y + 4), row.file_name, PALE, _font(9))
            sheet.paste(picture(best[row.id]), (x + side, y))
            far = nearest.loc[row.id]
            text = f"descriptor {far.descriptor:.2f}, patch-L2 {far.patch_l2:.2f}"
            pen.text((x, y + side + 2), text, PALE, _font(10))
    return sheet
