"""Protocol: what every stage reads of ``params.yaml``, before any target is searched for.

The hashes of controls, corpus, phrases and weights stand in it too, which ``materials`` took.

A stage takes its settings from its own file here and from nowhere else, so what a finding rests on
is what was written. Where the files lie is asked of ``stages.frozen``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from seedwitness.config.params import load_params
from seedwitness.runtime.files import replace_whole, sha256_file, write_whole
from seedwitness.stages import DATA, PROTOCOL, output_path

OPEN = ("targets", "checkpoints", "report", "tracking")
"""Sections that may grow or change without a change of how anything is found or judged."""

HISTORY = DATA / "protocols"
"""Every protocol that was ever written here, by number and hash; none is taken away."""

READS: Mapping[str, tuple[str, ...]] = {
    "index": ("clip", "corpus"),
    "recover": ("clip", "materials.phrases", "recover"),
    "lookup": ("clip", "corpus", "lookup"),
    "search": (
        "judge.copy_criteria",
        "score.batch",
        "score.mirrored",
        "score.shift",
        "score.weights",
        "search",
    ),
    "reach": ("detectors", "reach", "score.batch", "score.metrics", "score.weights", "search"),
    "scan": ("scan", "search"),
    "replay": ("judge.reference", "search"),
    "score": ("judge.metric", "judge.reference", "score", "search.resize"),
    "controls": (
        "clip",
        "controls",
        "corpus",
        "detectors",
        "judge.copy_criteria",
        "lookup",
        "materials.phrases",
        "reach",
        "recover",
        "score.batch",
        "score.metrics",
        "score.mirrored",
        "score.shift",
        "score.weights",
        "search",
    ),
    "judge": ("checkpoints", "judge", "prepare"),
    "report": (
        "controls",
        "detectors",
        "judge",
        "lookup",
        "prepare",
        "reach",
        "recover",
        "report",
        "scan",
        "score",
        "search",
    ),
}
"""What each stage reads; ``judge.copy_criteria`` is one entry of a section."""


def run() -> None:
    """Write ``data/protocol/``: ``protocol.json``, and a file for each stage of ``READS``.

    Defaults are written out, and what ``materials`` took stands last. A protocol that is new goes
    to ``data/protocols/`` too, after those that were tried before. Raises ConfigError where
    ``params.yaml`` does not hold together.
    """
    params = load_params().model_dump(mode="json")
    with replace_whole(PROTOCOL.parent) as part:
        part.mkdir()
        params["checkpoints"] = list(params["checkpoints"])  # what each is, `identify` finds out
        fixed = {name: section for name, section in params.items() if name not in OPEN}
        materials = output_path("materials") / "materials.json"
        fixed["materials"] = json.loads(materials.read_text(encoding="utf-8"))
        params["materials"] = fixed["materials"]
        (part / PROTOCOL.name).write_text(
            json.dumps(fixed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        for stage, names in READS.items():
            taken: dict[str, Any] = {}
            for name in names:
                section, _, entry = name.partition(".")
                if entry:
                    taken.setdefault(section, {})[entry] = params[section][entry]
                else:
                    taken[section] = params[section]
            text = yaml.safe_dump(taken, sort_keys=False, allow_unicode=True)
            (part / f"{stage}.yaml").write_text(text, encoding="utf-8")
    _remember()


def _remember() -> None:
    """Keep the protocol among those that were written before, where it is not there yet."""
    name = f"{sha256_file(PROTOCOL)[:16]}.json"
    there = list(HISTORY.glob("*.json"))
    if not any(each.name.endswith(f"-{name}") for each in there):
        write_whole(HISTORY / f"{len(there) + 1:04}-{name}", PROTOCOL.read_bytes())
