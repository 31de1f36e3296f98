"""Every detector and the project's finding on the same images of a lab, whose answer is known.

    .venv/bin/python -m benchmarks.detectors.detector_figures [--lab data/lab] [--scratch DIR]

Each image is examined under its training caption and under the prompt that is recovered from its
pixels alone; detectors that use the image also under no prompt. Values that come from finished
generations are measured on lab-clean as well, the reference, under the same prompts and noise.
Results are stored below `--scratch` one by one, so an interrupted run can go on.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor
from tqdm import tqdm

from benchmarks.detectors.detector_runs import (
    GENERATIONS,
    RUN_CODE,
    RUN_FILES,
    RUNS,
    compare_generations,
    run_detector,
)
from benchmarks.detectors.discrimination import (
    Row,
    count_findings,
    discrimination_figures,
    subtract_reference,
)
from benchmarks.detectors.prompts import COSTLY, NO_PROMPT, PROMPTS
from benchmarks.shared.case_inputs import benchmark_params, corpus_index
from benchmarks.shared.groups import EXPOSURES, HELD_OUT, MEMORISED, REFERENCE
from benchmarks.shared.labs import images_by_group, training_images, write_aliased_images
from benchmarks.shared.measurement import print_figures
from benchmarks.shared.result_cache import ResultCache
from seedlab.ground_truth import PictureRecord
from seedlab.lab_folder import DESCRIPTOR_FOLDER, Lab, open_lab
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.steps import RecoverSettings
from seedwitness.detectors.probe import Probe
from seedwitness.engine.sampling import draw_torch_noise
from seedwitness.metrics import descriptor
from seedwitness.prompts.recoverer import PromptRecoverer, load_recoverer
from seedwitness.runtime.hashes import sha256_file

STEPS, GUIDANCE = 20, 3.0
RECOVERED = "recovered"
"""The recovery of a prompt, as the result cache names it."""


def select_images(
    lab: Lab, planted: int, others: int, negatives: int
) -> dict[str, list[PictureRecord]]:
    """The images to examine, by group: so many of each, in order of the SHA-256 of their ids."""
    sizes = dict.fromkeys(EXPOSURES, planted)
    sizes |= {"once": others, "twins": others, HELD_OUT: negatives}
    return {group: rows[: sizes[group]] for group, rows in images_by_group(lab).items()}


def prompt_recovery(lab: Lab, scratch: Path) -> Callable[[PictureRecord], str]:
    """A function that recovers the best phrases of the lab's captions from an image's pixels."""
    params = benchmark_params(lab.path)
    corpus = scratch / f"corpus-{lab.name}"
    write_aliased_images(lab, training_images(lab), corpus)
    index = corpus_index(corpus, params, scratch)
    recoverer = load_recoverer(params.clip, RecoverSettings(methods=["phrases"]), index)
    code = {RECOVERED: [PromptRecoverer.__module__]}
    cache = ResultCache(scratch, {"index": index.name}, code, [Path(__file__)])

    def compute(row: PictureRecord) -> list[Row]:
        pixels = lab.load_or_draw([row])[0].permute(1, 2, 0).contiguous().numpy()
        candidates, _ = recoverer.recover(Image.fromarray(pixels), claims=(), caption=None)
        return [{"text": str(candidates["text"].iloc[0])}]

    def recover(row: PictureRecord) -> str:
        [recovered] = cache.rows(RECOVERED, row.sha256, "", partial(compute, row))
        return str(recovered["text"])

    return recover


def measure_detectors(
    lab: Lab, loaded: LoadedCheckpoint, arguments: argparse.Namespace, cache: ResultCache
) -> list[Row]:
    """One row for each image, prompt and detector; rows in the cache are not computed again."""
    loaded_descriptor = descriptor.load_descriptor(lab.path / DESCRIPTOR_FOLDER / "descriptor.pt")
    shape = loaded.latent_shape(loaded.checkpoint.width, loaded.checkpoint.height)
    noise = draw_torch_noise(range(max(arguments.seeds, arguments.generations)), shape)

    def similarity(images: Tensor, target: Tensor) -> Tensor:
        return (loaded_descriptor.embed(images) @ loaded_descriptor.embed(target[None]).T)[:, 0]

    def compute(run: str, prompt: str, target: Tensor) -> list[Row]:
        probe = Probe(
            loaded.pipeline,
            prompt,
            steps=STEPS,
            guidance=GUIDANCE,
            target=target,
            similarity=similarity,
            copy_threshold=arguments.copy_at,
        )
        if run == GENERATIONS:
            return compare_generations(probe, noise[: arguments.generations], target, similarity)
        return run_detector(probe, run, noise[: arguments.seeds])

    recover = prompt_recovery(lab, cache.folder)
    groups = select_images(lab, arguments.pictures, arguments.others, arguments.negatives)
    images = [(group, row) for group, rows in groups.items() for row in rows]
    results: list[Row] = []
    for group, row in tqdm(images, disable=None):
        target = lab.load_or_draw([row])[0]
        texts = dict(zip(PROMPTS, (row.caption, recover(row), ""), strict=True))
        results += [
            {"picture": row.id, "group": group, "prompt": prompt, **result}
            for prompt in arguments.prompts
            for run in arguments.detectors
            for result in cache.rows(
                run, row.sha256, texts[prompt], partial(compute, run, texts[prompt], target)
            )
        ]
    return results


def load_lab_checkpoint(lab: Lab, name: str) -> LoadedCheckpoint:
    """Load one of the lab's own checkpoints."""
    path = lab.path / "checkpoints" / name
    return load_checkpoint(name, CheckpointSettings(family="diffusers", path=path, watch=lab.path))


def measure_reference(
    lab: Lab, loaded: LoadedCheckpoint, arguments: argparse.Namespace, cache: ResultCache
) -> list[Row]:
    """What generations of the reference give, under every prompt that is asked for but none."""
    if GENERATIONS not in arguments.detectors:
        return []
    prompts = [prompt for prompt in arguments.prompts if prompt != NO_PROMPT]
    restricted = {**vars(arguments), "detectors": [GENERATIONS], "prompts": prompts}
    return measure_detectors(lab, loaded, argparse.Namespace(**restricted), cache)


def main() -> None:
    """Measure, and write one JSON object to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lab", type=Path, default=Path("data/lab"))
    parser.add_argument("--pictures", type=int, default=24, help="images of each exposure")
    parser.add_argument("--others", type=int, default=48, help="images seen once, and twins")
    parser.add_argument("--negatives", type=int, default=200, help="held-out images")
    parser.add_argument("--seeds", type=int, default=4, help="seeds a detector")
    parser.add_argument("--generations", type=int, default=8, help="images to compare")
    parser.add_argument(
        "--copy-at", type=float, default=0.5, help="descriptor of a copy, for InvMM"
    )
    parser.add_argument(
        "--detectors", nargs="+", choices=RUNS, default=[name for name in RUNS if name != COSTLY]
    )
    parser.add_argument("--prompts", nargs="+", choices=PROMPTS, default=list(PROMPTS))
    parser.add_argument("--scratch", type=Path, help="result cache, to resume a run")
    arguments = parser.parse_args()
    lab = open_lab(arguments.lab)
    loaded, reference = (load_lab_checkpoint(lab, name) for name in (MEMORISED, REFERENCE))
    settings: dict[str, Any] = {
        "lab": lab.name,
        "checkpoint_sha256": loaded.checkpoint.sha256,
        "steps": STEPS,
        "guidance": GUIDANCE,
        "seeds": arguments.seeds,
        "generations": arguments.generations,
        "copy_at": arguments.copy_at,
        "device": str(loaded.pipeline.device),
    }
    with tempfile.TemporaryDirectory() as temporary:
        descriptor_sha256 = sha256_file(lab.path / DESCRIPTOR_FOLDER / "descriptor.pt")
        scratch, key = arguments.scratch or Path(temporary), {**settings}
        key["descriptor_sha256"] = descriptor_sha256
        cache = ResultCache(scratch, key, RUN_CODE, RUN_FILES)
        rows = measure_detectors(lab, loaded, arguments, cache)
        key["checkpoint_sha256"] = settings["reference_sha256"] = reference.checkpoint.sha256
        reference_cache = ResultCache(scratch, key, RUN_CODE, RUN_FILES)
        reference_rows = measure_reference(lab, reference, arguments, reference_cache)
        differences = subtract_reference(rows, reference_rows)
    print_figures(
        {
            **settings,
            "figures": discrimination_figures([*rows, *differences]),
            "findings": count_findings(rows),
        }
    )


if __name__ == "__main__":
    main()
