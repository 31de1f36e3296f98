"""The pictures that train the autoencoder and the networks that judge similarity.

Both checkpoints see each of them exactly once an epoch, or once in all, so none of these networks
knows a picture better that only one checkpoint saw.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from seedlab.drawing.drawing import draw_all
from seedlab.drawing.world import sketch_ordinary
from seedlab.lab_folder import Lab, training_state_folder
from seedlab.pictures import hash_rows
from seedlab.settings import WorldPictures
from seedlab.world_rows import describe_drawing
from seedwitness.runtime.cores import count_available_cores
from seedwitness.runtime.files import replace_whole


@dataclass(frozen=True)
class FittedPictures:
    """Captions and pixels of the pictures, in one order; ``key`` names all that decides them."""

    lab: Lab
    captions: list[str]
    key: str

    @cached_property
    def pixels(self) -> Tensor:
        """Pixels, uint8 [n, 3, size, size]; drawn ones are kept beside the states of trainings."""
        section = self.lab.settings.pictures
        if not isinstance(section, WorldPictures):
            return self.lab.load_pixels(self.lab.once_rows)
        path = training_state_folder().parent / "pictures" / f"{self.key[:16]}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            drawings = [sketch_ordinary(section.seed, k)[0] for k in range(section.fitted)]
            images = draw_all(drawings, section.size, count_available_cores())
            array = np.stack([np.asarray(image) for image in images])
            with replace_whole(path) as part, part.open("wb") as file:
                np.save(file, array)
        return torch.from_numpy(np.load(path)).permute(0, 3, 1, 2).contiguous()


def list_fitted_pictures(lab: Lab) -> FittedPictures:
    """The pictures seen once of a lab, or the first ordinary ones of a drawn world."""
    section = lab.settings.pictures
    if not isinstance(section, WorldPictures):
        rows = lab.once_rows
        return FittedPictures(lab, [row.caption for row in rows], hash_rows(rows))
    captions = [sketch_ordinary(section.seed, number)[1] for number in range(section.fitted)]
    content = {"fitted": section.fitted, **describe_drawing(section)}
    return FittedPictures(lab, captions, sha256(json.dumps(content).encode()).hexdigest())
