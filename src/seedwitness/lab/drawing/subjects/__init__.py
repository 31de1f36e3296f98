"""What the pictures show: every subject is a function of a random generator in its unit square."""

from __future__ import annotations

import random
from collections.abc import Callable

from seedwitness.lab.drawing.geometry import Shape
from seedwitness.lab.drawing.subjects.birds import heron, owl
from seedwitness.lab.drawing.subjects.buildings import bridge, castle, cottage
from seedwitness.lab.drawing.subjects.canines import fox
from seedwitness.lab.drawing.subjects.felines import cat
from seedwitness.lab.drawing.subjects.forest import mushroom, tree
from seedwitness.lab.drawing.subjects.garden import cactus, sunflower
from seedwitness.lab.drawing.subjects.swimmers import fish, whale
from seedwitness.lab.drawing.subjects.things import balloon, teapot
from seedwitness.lab.drawing.subjects.towers import lighthouse, windmill
from seedwitness.lab.drawing.subjects.vehicles import rocket, sailing_boat, train

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
