"""Settings of a small project: the committed ones, changed for a test, frozen for its stages."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import Any

import yaml

from seedwitness.stages import output_path, plan

COMMITTED: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "params.yaml").read_text(encoding="utf-8")
)


def settle(root: Path, **sections: object) -> None:
    """Write ``params.yaml`` and the plan in ``root``; ``sections`` replace whole sections.

    Of other checkpoints than the committed ones nothing is known to be learned.
    """
    if "checkpoints" in sections:
        sections = {"controls": COMMITTED["controls"] | {"learned": None}, **sections}
    _freeze(root, {**COMMITTED, **sections})


def change(root: Path, section: str, **values: object) -> None:
    """Change entries of one section of the settings that are in ``root``, and freeze them again."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    params[section] |= values
    _freeze(root, params)


MATERIALS: dict[str, Any] = {
    "controls": {"images": "c0" * 32, "similar_to": "5a" * 32, "learned": {}},
    "corpus": "c1" * 32,
    "clip": "c2" * 32,
    "descriptor": "d5" * 32,
    "phrases": "e3" * 32,
    "wild": "e4" * 32,
    "weights": {},
}
"""Hashes that stand for those of a project's materials."""


def write_materials(root: Path, **hashes: object) -> None:
    """Write what stands for the hashes of a project's materials."""
    folder = root / output_path("materials")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "materials.json").write_text(json.dumps({**MATERIALS, **hashes}))


def _freeze(root: Path, params: dict[str, object]) -> None:
    if not (root / output_path("materials")).exists():
        write_materials(root)
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    with chdir(root):
        plan.run()
