"""Every detector and our own finding on the same pictures of a lab, whose truth is known.

    .venv/bin/python benchmarks/detectors.py [--lab data/lab] [--scratch DIR]

Each picture is asked about under its training caption and under the prompt that is recovered from
its pixels alone; figures that need the picture, also under no prompt at all. What is read off
generations is asked of lab-clean too, the reference, under the same prompts and noise. Whatever is
reckoned goes to `--scratch` at once (`kept.py`), so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from asked import indexed, settings
from kept import RECOVERED, Kept
from PIL import Image
from reckoned import GENERATIONS, UNITS, Value, detected, generated
from told_apart import figures, findings, less
from torch import Tensor
from tqdm import tqdm
from validation import write_folder
from validation_bars import PLANTED

from seedlab.home import DESCRIPTOR, Lab, opened
from seedlab.truth import Picture
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.steps import RecoverSettings
from seedwitness.detectors.probe import Probe
from seedwitness.engine.sampling import torch_noise
from seedwitness.metrics import descriptor
from seedwitness.prompts.asking import load_recoverer
from seedwitness.runtime.files import sha256_file

STEPS, GUIDANCE = 20, 3.0
NO_PROMPT = "none"
PROMPTS = ("training caption", "recovered", NO_PROMPT)
MEMORISED, REFERENCE = "lab-memorised", "lab-clean"
COSTLY = "invmm"
"""Takes thousands of NFE a picture, so that it has to be asked for."""


def chosen(lab: Lab, pictures: int, others: int, negatives: int) -> dict[str, list[Picture]]:
    """Pictures by group, so many of each, by the hash of their names: so that nobody chose them."""
    planted = {
        name: [row for row in lab.rows if row.multiplicity == int(name.split()[1])]
        for name in PLANTED
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


def recovering(lab: Lab, scratch: Path) -> Callable[[Picture], str]:
    """What gives the best phrases of the lab's captions for a picture, from its pixels alone."""
    own = settings(lab.path)
    corpus = scratch / f"corpus-{lab.name}"
    write_folder(lab, [row for row in lab.rows if row.multiplicity > 0], corpus)
    place = indexed(corpus, own, scratch)
    ask = load_recoverer(own.clip, RecoverSettings(methods=["phrases"]), place)

    kept = Kept(scratch, {"index": place.name})

    def asked(row: Picture) -> list[Value]:
        pixels = lab.few([row])[0].permute(1, 2, 0).contiguous().numpy()
        table, _ = ask.recover(Image.fromarray(pixels), claims=(), caption=None)
        return [{"text": str(table["text"].iloc[0])}]

    def recovered(row: Picture) -> str:
        [found] = kept.rows(RECOVERED, row.sha256, "", partial(asked, row))
        return str(found["text"])

    return recovered


def measured(
    lab: Lab, loaded: LoadedCheckpoint, asked: argparse.Namespace, kept: Kept
) -> list[Value]:
    """One row a picture, prompt and figure; what is ``kept`` is not reckoned again."""
    eyes = descriptor.load(lab.path / DESCRIPTOR / "descriptor.pt")
    shape = loaded.latent_shape(loaded.checkpoint.width, loaded.checkpoint.height)
    noise = torch_noise(range(max(asked.seeds, asked.pictures_each)), shape)

    def alike(pictures: Tensor, target: Tensor) -> Tensor:
        return (eyes.embed(pictures) @ eyes.embed(target[None]).T)[:, 0]

    def rows(unit: str, prompt: str, target: Tensor) -> list[Value]:
        probe = Probe(
            loaded.pipeline,
            prompt,
            steps=STEPS,
            guidance=GUIDANCE,
            target=target,
            alike=alike,
            copy_at=asked.copy_at,
        )
        if unit == GENERATIONS:
            return generated(probe, noise[: asked.pictures_each], target, alike)
        return detected(probe, unit, noise[: asked.seeds])

    recovered = recovering(lab, kept.folder)
    groups = chosen(lab, asked.pictures, asked.others, asked.negatives)
    flat = [(group, row) for group, each in groups.items() for row in each]
    found: list[Value] = []
    for group, row in tqdm(flat, disable=None):
        target = lab.few([row])[0]
        prompts = zip(PROMPTS, (row.caption, recovered(row), ""), strict=True)
        found += [
            {"picture": row.id, "group": group, "prompt": kind, **each}
            for kind, prompt in prompts
            if kind in asked.prompts
            for unit in asked.detectors
            for each in kept.rows(unit, row.sha256, prompt, partial(rows, unit, prompt, target))
        ]
    return found


def checkpoint(lab: Lab, name: str) -> LoadedCheckpoint:
    """One of the lab's own."""
    path = lab.path / "checkpoints" / name
    return load_checkpoint(name, CheckpointSettings(family="diffusers", path=path, watch=lab.path))


def generations(
    lab: Lab, loaded: LoadedCheckpoint, asked: argparse.Namespace, kept: Kept
) -> list[Value]:
    """What is read off generations alone, where there is a prompt and it is asked for."""
    if GENERATIONS not in asked.detectors:
        return []
    prompts = [each for each in asked.prompts if each != NO_PROMPT]
    own = argparse.Namespace(**{**vars(asked), "detectors": [GENERATIONS], "prompts": prompts})
    return measured(lab, loaded, own, kept)


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
        "--detectors",
        nargs="+",
        choices=UNITS,
        default=[name for name in UNITS if name != COSTLY],
    )
    parser.add_argument("--prompts", nargs="+", choices=PROMPTS, default=list(PROMPTS))
    parser.add_argument("--scratch", type=Path)
    asked = parser.parse_args()
    lab = opened(asked.lab)
    loaded, reference = (checkpoint(lab, name) for name in (MEMORISED, REFERENCE))
    about: dict[str, Any] = {
        "lab": lab.name,
        "checkpoint_sha256": loaded.checkpoint.sha256,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "seeds": asked.seeds,
        "generations": asked.pictures_each,
        "copy_at": asked.copy_at,
        "device": str(loaded.pipeline.device),
    }
    with tempfile.TemporaryDirectory() as temporary:
        eyes = sha256_file(lab.path / DESCRIPTOR / "descriptor.pt")
        scratch, named = asked.scratch or Path(temporary), {**about, "descriptor_sha256": eyes}
        rows = measured(lab, loaded, asked, Kept(scratch, named))
        named["checkpoint_sha256"] = about["reference_sha256"] = reference.checkpoint.sha256
        both = less(rows, generations(lab, reference, asked, Kept(scratch, named)))
    told = {"figures": figures([*rows, *both]), "findings": findings(rows)}
    sys.stdout.write(json.dumps({**about, **told}, indent=1) + "\n")


if __name__ == "__main__":
    main()
