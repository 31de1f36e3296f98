"""Every detector and our own finding on the same pictures of a lab, whose truth is known.

    .venv/bin/python benchmarks/detectors.py [--lab data/lab] [--scratch DIR]

Each picture is asked about under its training caption and under the prompt that is recovered from
its pixels alone; figures that need the picture, also under no prompt at all. What is reckoned of a
picture goes to `--scratch` at once, in a folder that is named by checkpoint, settings and code: a
run that was stopped goes on where it was, and never takes another's values.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any

from asked import indexed, settings
from PIL import Image
from torch import Tensor
from tqdm import tqdm
from validation import write_folder

from seedwitness import config, detectors, records
from seedwitness.checkpoints.loading import Loaded, load
from seedwitness.checkpoints.sampling import torch_noise
from seedwitness.detectors import DETECTORS
from seedwitness.detectors.clique import largest
from seedwitness.detectors.probe import Probe
from seedwitness.evidence.ranks import rank
from seedwitness.evidence.roc import auc, estimate, tpr_at
from seedwitness.files import sha256_file, write_whole
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
COSTLY = "invmm"
"""Takes thousands of NFE a picture, so that it has to be asked for."""

FROM_PICTURES = ("clique", CLOSEST)  # of the same generations as the finding
Value = dict[str, Any]


def chosen(lab: Lab, pictures: int, others: int, negatives: int) -> dict[str, list[Picture]]:
    """Pictures by group, so many of each, by the hash of their names: so that nobody chose them."""
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
    return {
        name: sorted(rows, key=lambda row: sha256(row.id.encode()).digest())[: most[name]]
        for name, rows in {**planted, **never}.items()
    }


def recovering(lab: Lab, scratch: Path) -> Callable[[Tensor], str]:
    """What gives the best phrases of the lab's captions for a picture, from its pixels alone."""
    own = settings(lab.path)
    corpus = scratch / "corpus"
    write_folder(lab, [row for row in lab.rows if row.multiplicity > 0], corpus)
    place = indexed(corpus, own, scratch)
    ask = asker(own.clip, config.Recover(methods=["phrases"]), place)

    def recovered(pixels: Tensor) -> str:
        image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
        table, _ = ask.recover(image, claims=(), caption=None)
        return str(table["text"].iloc[0])

    return recovered


def values(
    probe: Probe,
    names: Sequence[str],
    few: Tensor,
    many: Tensor,
    target: Tensor,
    alike: Callable[[Tensor, Tensor], Tensor],
) -> Iterator[Value]:
    """Every figure of one picture under one prompt, with what it cost.

    ``few`` noises are asked of by what costs little, ``many`` are made into pictures.
    """
    for name in names:
        if name not in FROM_PICTURES and (probe.prompt or DETECTORS[name].needs == "picture"):
            before = Spent(probe)
            yield {"detector": name, "value": DETECTORS[name](probe, few), **before.since()}
    before = Spent(probe)
    made = probe.pictures(many)
    closest = float(alike(made, target).max())
    spent = before.since()
    copy = patch_l2.INFO.copy_threshold
    assert copy is not None
    near = patch_l2.scores(made, target.expand_as(made)) <= copy
    if CLOSEST in names:
        yield {"detector": CLOSEST, "value": closest, **spent}
    if "clique" in names:
        yield {"detector": "clique", "value": largest(made), **spent}
    score = closest + 2 * bool(near.any())
    yield {"detector": FINDING, "value": score, "copies": int(near.sum()), **spent}


class Spent:
    """What a probe has been asked so far, and the time."""

    def __init__(self, probe: Probe) -> None:
        self.probe, self.nfe, self.backward = probe, probe.nfe, probe.backward
        self.began = perf_counter()

    def since(self) -> Value:
        """What has been asked of it since then."""
        return {
            "nfe": self.probe.nfe - self.nfe,
            "backward": self.probe.backward - self.backward,
            "seconds": round(perf_counter() - self.began, 4),
        }


def measured(lab: Lab, loaded: Loaded, asked: argparse.Namespace, scratch: Path) -> list[Value]:
    """One row a picture, prompt and figure; what ``scratch`` holds is not reckoned again."""
    eyes = descriptor.load(lab.path / DESCRIPTOR / "descriptor.pt")
    shape = loaded.latent_shape(loaded.checkpoint.width, loaded.checkpoint.height)
    noise = torch_noise(range(max(asked.seeds, asked.pictures_each)), shape)
    few, many = noise[: asked.seeds], noise[: asked.pictures_each]

    def alike(pictures: Tensor, target: Tensor) -> Tensor:
        return (eyes.embed(pictures) @ eyes.embed(target[None]).T)[:, 0]

    recovered = recovering(lab, scratch)
    groups = chosen(lab, asked.pictures, asked.others, asked.negatives)
    flat = [(group, row) for group, each in groups.items() for row in each]
    rows: list[Value] = []
    for group, row in tqdm(flat, disable=None):
        path = scratch / f"{row.id}.json"
        if not path.exists():
            target = lab.few([row])[0]
            prompts = zip(PROMPTS, (row.caption, recovered(target), ""), strict=True)
            found = [
                {"picture": row.id, "group": group, "prompt": kind, **each}
                for kind, prompt in prompts
                if kind in asked.prompts
                for each in values(
                    Probe(
                        loaded.pipeline,
                        prompt,
                        steps=STEPS,
                        guidance=GUIDANCE,
                        target=target,
                        alike=alike,
                        copy_at=asked.copy_at,
                    ),
                    asked.detectors,
                    few,
                    many,
                    target,
                    alike,
                )
            ]
            write_whole(path, json.dumps(found))
        rows += json.loads(path.read_text(encoding="utf-8"))
    return rows


def figures(rows: Sequence[Value]) -> list[Value]:
    """AUC and TPR of each figure, by prompt and group, held-out pictures being the negatives."""
    found = []
    kinds = {(row["prompt"], row["detector"]): None for row in rows}
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
    for prompt in dict.fromkeys(row["prompt"] for row in rows):
        own = [row for row in rows if (row["prompt"], row["detector"]) == (prompt, FINDING)]
        for group in dict.fromkeys(row["group"] for row in own):
            asked = [row for row in own if row["group"] == group]
            supported = sum(row["copies"] > 0 and _rank(row, own).p <= alpha for row in asked)
            found.append(
                {"prompt": prompt, "group": group, "supported": supported, "n": len(asked)}
            )
    return found


def _rank(row: Value, own: Sequence[Value]) -> records.Rank:
    """Of a picture among the held-out ones, by the closest descriptor."""

    def closest(each: Value) -> float:
        return float(each["value"] - 2 * (each["copies"] > 0))

    others = [
        closest(each)
        for each in own
        if each["group"] == "held out" and each["picture"] != row["picture"]
    ]
    return rank(closest(row), others, higher_is_closer=True, alpha=0.01)


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
        "--detectors", nargs="+", default=[name for name in DETECTORS if name != COSTLY]
    )
    parser.add_argument("--prompts", nargs="+", choices=PROMPTS, default=list(PROMPTS))
    parser.add_argument("--scratch", type=Path)
    asked = parser.parse_args()
    lab = opened(asked.lab)
    described = config.Checkpoint(
        family="diffusers", path=lab.path / "checkpoints/lab-memorised", watch=lab.path
    )
    loaded = load("lab-memorised", described)
    about: dict[str, Any] = {
        "lab": lab.name,
        "checkpoint_sha256": loaded.checkpoint.sha256,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "seeds": asked.seeds,
        "generations": asked.pictures_each,
        "copy_at": asked.copy_at,
        "detectors": asked.detectors,
        "prompts": asked.prompts,
        "device": str(loaded.pipeline.device),
        "code": records.digest(
            {each.name: sha256_file(each) for each in Path(detectors.__file__).parent.glob("*.py")}
        ),
    }
    with tempfile.TemporaryDirectory() as temporary:
        scratch = (asked.scratch or Path(temporary)) / records.digest(about)[:16]
        scratch.mkdir(parents=True, exist_ok=True)
        rows = measured(lab, loaded, asked, scratch)
    found = {**about, "figures": figures(rows), "findings": findings(rows)}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
