"""Invented rows of detectors, for tests of what is computed from them."""

from __future__ import annotations

from typing import Any

from benchmarks.detectors.discrimination import FINDING
from benchmarks.shared.groups import PLANTED

COMMON = {"prompt": "training caption", "nfe": 320, "backward": 0, "seconds": 1.0}


def make_rows(detector: str, held_out: list[float], planted: list[float]) -> list[dict[str, Any]]:
    """Rows of one detector, by the values of planted and of held-out images."""
    rows = []
    for group, values in (("planted 8 times", planted), ("held out", held_out)):
        for number, value in enumerate(values):
            names = {"picture": f"{group} {number}", "group": group, "detector": detector}
            copies = {"copies": int(value >= 2)} if detector == FINDING else {}
            rows.append({**COMMON, **names, **copies, "value": value})
    return rows


def make_tprs(**figures: tuple[float, ...]) -> list[dict[str, Any]]:
    """TPR by detector, of images planted 128, 32 and 8 times, under either prompt."""
    return [
        {
            **{"detector": name, "group": group, "prompt": prompt, "nfe": 320},
            "tpr": {"value": tpr, "low": tpr - 0.1, "high": tpr, "positives": 24, "negatives": 200},
        }
        for name, values in figures.items()
        for group, tpr in zip(PLANTED, values, strict=True)
        for prompt in ("training caption", "recovered")
    ]
