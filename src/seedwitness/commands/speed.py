"""``seedwitness plan --measure CHECKPOINT``: the seconds that an NFE takes on this machine."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import perf_counter

from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.params import load_params
from seedwitness.config.reading import load_section, suggest_names
from seedwitness.errors import ConfigError
from seedwitness.records.document import Document, read_document
from seedwitness.records.search import SearchSummary
from seedwitness.records.timing import SearchTiming
from seedwitness.runtime.keyed_cache import ROOT
from seedwitness.stages import DATA

FOLDER = ROOT / "speed"
SECONDS = 40.0
"""About how long a measurement samples, beside loading the checkpoint."""


class CheckpointSpeed(Document):
    """How fast a checkpoint samples by the settings of the search, on one machine."""

    checkpoint: str
    seconds_a_nfe: float
    width: int
    height: int
    dtype: str
    device: str
    batch: int


def measure_speed(name: str, seconds: float = SECONDS) -> CheckpointSpeed:
    """Sample by params.yaml's search on a checkpoint for about ``seconds``, and keep the speed.

    The first batch is not counted, because it fills caches. Decoding and scoring are not measured.
    Raises ConfigError for an unknown checkpoint.
    """
    params = load_params()
    if name not in params.checkpoints:
        raise ConfigError(
            f"There is no checkpoint `{name}`.{suggest_names(name, params.checkpoints)}"
        )
    from seedwitness.checkpoints.loading import load_checkpoint
    from seedwitness.engine.sampling import (
        draw_torch_noise,
        embed_prompts_separately,
        sample_latents,
    )
    from seedwitness.records.recipe import count_nfe

    search = params.search
    loaded = load_checkpoint(name, load_section(CheckpointSettings, "checkpoints", name))
    width, height = (
        search.width or loaded.checkpoint.width,
        search.height or loaded.checkpoint.height,
    )
    shape = loaded.latent_shape(width, height)
    states = embed_prompts_separately(loaded.pipeline, ["a picture"] * search.batch)
    negative = embed_prompts_separately(loaded.pipeline, [search.negative_prompt] * search.batch)
    noise = draw_torch_noise(range(search.batch), shape)
    times: list[float] = []
    while sum(times) < seconds or len(times) < 2:
        began = perf_counter()
        sample_latents(
            loaded.pipeline,
            states,
            noise.to(loaded.pipeline.device, states.dtype),
            num_inference_steps=search.steps,
            guidance_scale=search.guidance,
            negative=negative,
        ).cpu()
        times.append(perf_counter() - began)
    speed = CheckpointSpeed(
        checkpoint=name,
        seconds_a_nfe=median(times[1:])
        / (search.batch * count_nfe(search.steps, search.guidance, search.sampler)),
        width=width,
        height=height,
        dtype=loaded.checkpoint.dtype,
        device=str(loaded.pipeline.device),
        batch=search.batch,
    )
    speed.write(FOLDER / f"{name}.json")
    return speed


def find_speed(name: str, data: Path = DATA) -> tuple[float, str] | None:
    """Seconds an NFE of a checkpoint, and where that is from; None where nothing was measured.

    A measurement counts before the median of the searches that used no cached latents.
    """
    path = FOLDER / f"{name}.json"
    if path.exists():
        speed = read_document(CheckpointSpeed, path)
        size = f"{speed.width} × {speed.height}, {speed.dtype}, batch {speed.batch}"
        return speed.seconds_a_nfe, f"measured on {speed.device}, {size}"
    rates = []
    for timing_path in sorted((data / "timings").glob(f"*/{name}/timing.json")):
        timing = read_document(SearchTiming, timing_path)
        summary = data / "search" / timing_path.parent.relative_to(data / "timings") / "search.json"
        if timing.shards_cached == 0 and summary.exists():
            rates.append(timing.seconds / read_document(SearchSummary, summary).nfe)
    return (median(rates), "the searches of this project") if rates else None
