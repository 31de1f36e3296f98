"""Every detector and our own finding on the same pictures of a lab, whose truth is known.

    .venv/bin/python benchmarks/detectors.py [--lab data/lab] [--scratch FILE]

Each picture is asked about under its training caption and under the prompt that is recovered from
its pixels alone; figures that need the picture, also under no prompt at all. Every value goes to
`--scratch` as soon as it is there, so a run that was stopped goes on where it was. Needs the
demonstration's index. Hours on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from seedwitness import config
from seedwitness.checkpoints.loading import load
from seedwitness.checkpoints.sampling import torch_noise
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.clique import largest
from seedwitness.detectors.probe import Probe
from seedwitness.evidence.roc import auc, estimate, tpr_at
from seedwitness.lab.home import DESCRIPTOR, Lab, opened
from seedwitness.lab.truth import Picture
from seedwitness.metrics import descriptor, patch_l2
from seedwitness.prompts.asking import asker

STEPS, GUIDANCE = 20, 3.0
PROMPTS = ("training caption", "recovered", "none")
FINDING = "our finding"
"""As a score: pictures of which a generation is a copy by patch-L2 stand above all others, and
among themselves pictures stand by the closest descriptor, which a finding ranks them by."""
CLOSEST = "most-alike"
FROM_PICTURES = ("clique", CLOSEST)  # of the same generations as the finding
Value = dict[str, Any]


def chosen(lab: Lab, pictures: int, others: int, negatives: int) -> dict[str, list[Picture]]:
    """Pictures by group, the first of each in the lab's own order, which is by chance."""
    planted = {
        f"planted {times} times": [row for row in lab.rows if row.multiplicity == times]
        for times in (128, 32, 8)
    }
    never = {
        name: [row for row in lab.rows if row.split == split]
        for name, split in (("once", "once"), ("twins", "twin"), ("held out", "held_out"))
    }
    most = dict.fromkeys(planted, pictures)
    most |= {"once": others, "twins": others, "held out": negatives}
    return {name: rows[: most[name]] for name, rows in {**planted, **never}.items()}


def recovered(lab: Lab, rows: Sequence[Picture]) -> Iterator[str]:
    """The best phrases for each picture, from its pixels alone."""
    ask = asker(
        config.section(config.Clip, "clip"),
        config.Recover(methods=["phrases"]),
        Path("data/index"),
    )
    for pixels in lab.few(list(rows)):
        image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
        table, _ = ask.recover(image, claims=(), caption=None)
        yield str(table["text"].iloc[0])


def values(probe: Probe, names: Sequence[str], few: Tensor, many: Tensor) -> Iterator[Value]:
    """Every figure of one picture under one prompt, with what it cost.

    ``few`` noises are asked of by what costs little, ``many`` are made into pictures.
    """

    def timed(name: str, reckon: Any) -> Value:
        nfe, backward, began = probe.nfe, probe.backward, perf_counter()
        return {
            "detector": name,
            "value": reckon(),
            "nfe": probe.nfe - nfe,
            "backward": probe.backward - backward,
            "seconds": round(perf_counter() - began, 4),
        }

    for name in names:
        if name not in FROM_PICTURES and (probe.prompt or DETECTORS[name].needs == "picture"):
            yield timed(name, partial(DETECTORS[name], probe, few))
    assert probe.target is not None
    assert probe.alike is not None
    made = torch.empty(0)

    def generate() -> float:
        nonlocal made
        made = probe.pictures(many)
        return float(probe.alike(made, probe.target).max())  # type: ignore[misc]

    spent = timed(CLOSEST, generate)
    yield spent
    if "clique" in names:
        yield {**spent, "detector": "clique", "value": largest(made)}
    near = patch_l2.scores(made, probe.target.expand_as(made)) <= patch_l2.INFO.copy_threshold
    yield {**spent, "detector": "copies", "value": int(near.sum())}
    yield {**spent, "detector": FINDING, "value": spent["value"] + 2 * bool(near.any())}


def measured(lab: Lab, asked: argparse.Namespace, scratch: Path) -> list[Value]:
    """One row a picture, prompt and figure; what ``scratch`` holds is not reckoned again."""
    described = config.Checkpoint(
        family="diffusers", path=lab.path / "checkpoints/lab-memorised", watch=lab.path
    )
    loaded = load("lab-memorised", described)
    eyes = descriptor.load(lab.path / DESCRIPTOR / "descriptor.pt")
    shape = loaded.latent_shape(loaded.checkpoint.width, loaded.checkpoint.height)
    noise = torch_noise(range(max(asked.seeds, asked.pictures_each)), shape)
    few, many = noise[: asked.seeds], noise[: asked.pictures_each]

    def alike(pictures: Tensor, target: Tensor) -> Tensor:
        return (eyes.embed(pictures) @ eyes.embed(target[None]).T)[:, 0]

    rows = (
        [json.loads(line) for line in scratch.read_text().splitlines()] if scratch.exists() else []
    )
    done = {(row["picture"], row["prompt"]) for row in rows if row["detector"] == FINDING}
    rows = [row for row in rows if (row["picture"], row["prompt"]) in done]
    groups = chosen(lab, asked.pictures, asked.others, asked.negatives)
    flat = [(group, row) for group, each in groups.items() for row in each]
    texts = recovered(lab, [row for _, row in flat])
    with scratch.open("a", encoding="utf-8") as file:
        for (group, row), text in tqdm(
            zip(flat, texts, strict=True), total=len(flat), disable=None
        ):
            target = lab.few([row])[0]
            for kind, prompt in zip(PROMPTS, (row.caption, text, ""), strict=True):
                if (row.id, kind) in done:
                    continue
                probe = Probe(
                    loaded.pipeline,
                    prompt,
                    steps=STEPS,
                    guidance=GUIDANCE,
                    target=target,
                    alike=alike,
                    copy_at=asked.copy_at,
                )
                found = [
                    {"picture": row.id, "group": group, "prompt": kind, **each}
                    for each in values(probe, asked.detectors, few, many)
                ]
                file.write("".join(json.dumps(each) + "\n" for each in found))
                file.flush()
                rows += found
    return rows


def figures(rows: Sequence[Value]) -> list[Value]:
    """AUC and TPR of each figure, by prompt and group, held-out pictures being the negatives."""
    found = []
    kinds = {(row["prompt"], row["detector"]): None for row in rows if row["detector"] != "copies"}
    for prompt, name in kinds:
        own = [row for row in rows if (row["prompt"], row["detector"]) == (prompt, name)]
        negatives = [row["value"] for row in own if row["group"] == "held out"]
        for group in dict.fromkeys(row["group"] for row in own if row["group"] != "held out"):
            positives = [row["value"] for row in own if row["group"] == group]
            found.append(
                {
                    "prompt": prompt,
                    "detector": name,
                    "group": group,
                    "auc": asdict(estimate(auc, positives, negatives)),
                    "tpr": asdict(estimate(tpr_at, positives, negatives)),
                    "nfe": own[0]["nfe"],
                    "backward": own[0]["backward"],
                    "seconds": sorted(row["seconds"] for row in own)[len(own) // 2],
                }
            )
    return found


def findings(rows: Sequence[Value], alpha: float = 0.01) -> list[Value]:
    """How many pictures are called supported: p ≤ α among held-out ones, and at least one copy.

    A held-out picture is ranked among all the others.
    """
    found = []
    for prompt in PROMPTS:
        by = {
            name: {
                row["picture"]: row
                for row in rows
                if row["prompt"] == prompt and row["detector"] == name
            }
            for name in (CLOSEST, "copies")
        }
        controls = {
            name: row["value"] for name, row in by[CLOSEST].items() if row["group"] == "held out"
        }
        for group in dict.fromkeys(row["group"] for row in by[CLOSEST].values()):
            own = [name for name, row in by[CLOSEST].items() if row["group"] == group]
            hits = 0
            for name in own:
                others = [value for other, value in controls.items() if other != name]
                close = sum(value >= by[CLOSEST][name]["value"] for value in others)
                p = (1 + close) / (1 + len(others))
                hits += p <= alpha and by["copies"][name]["value"] > 0
            found.append({"prompt": prompt, "group": group, "supported": hits, "n": len(own)})
    return found


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lab", type=Path, default=Path("data/lab"))
    parser.add_argument("--pictures", type=int, default=24, help="of each multiplicity")
    parser.add_argument("--others", type=int, default=48, help="seen once, and of twins")
    parser.add_argument("--negatives", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=4, help="of each detector")
    parser.add_argument("--pictures-each", type=int, default=8, help="generations")
    parser.add_argument(
        "--copy-at", type=float, default=0.5, help="descriptor of a copy, for InvMM"
    )
    parser.add_argument(
        "--detectors", nargs="+", default=[name for name in DETECTORS if name != "invmm"]
    )
    parser.add_argument("--scratch", type=Path)
    asked = parser.parse_args()
    lab = opened(asked.lab)
    with tempfile.TemporaryDirectory() as temporary:
        rows = measured(lab, asked, asked.scratch or Path(temporary) / "values.jsonl")
    settings: Mapping[str, Any] = {
        "lab": lab.name,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "seeds": asked.seeds,
        "generations": asked.pictures_each,
    }
    found = {**settings, "figures": figures(rows), "findings": findings(rows)}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
