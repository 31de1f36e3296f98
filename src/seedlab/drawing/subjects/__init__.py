"""The subjects of the pictures: ``subject(rng) -> list[Shape]``, in the unit square."""

from __future__ import annotations

import random
from collections.abc import Callable

from seedlab.drawing.geometry import Shape
from seedlab.drawing.subjects.birds import heron, owl
from seedlab.drawing.subjects.buildings import bridge, castle, cottage
from seedlab.drawing.subjects.canines import fox
from seedlab.drawing.subjects.felines import cat
from seedlab.drawing.subjects.forest import mushroom, tree
from seedlab.drawing.subjects.garden import cactus, sunflower
from seedlab.drawing.subjects.swimmers import fish, whale
from seedlab.drawing.subjects.things import balloon, teapot
from seedlab.drawing.subjects.towers import lighthouse, windmill
from seedlab.drawing.subjects.vehicles import rocket, sailing_boat, train

SUBJECTS: dict[str, Callable[[random.Random], list[Shape]]] = {
    "lighthouse": lighthouse,
    "sailing boat": sailing_boat,
    "windmill": windmill,
    "castle": castle,
    "cottage": cottage,
    "bridge": bridge,
    "cat": cat,
    "fox": fox,
    "owl": owl,
    "fish": fish,
    "whale": whale,
    "heron": heron,
    "tree": tree,
    "cactus": cactus,
    "mushroom": mushroom,
    "sunflower": sunflower,
    "teapot": teapot,
    "balloon": balloon,
    "rocket": rocket,
    "train": train,
}

__all__ = ["SUBJECTS"]
