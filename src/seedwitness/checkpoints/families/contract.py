"""The contract of a checkpoint family, and what the adapters share.

An adapter's description is read without torch: identification imports none. Its functions import
what they need when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

Configs = Mapping[str, Mapping[str, Any]]
"""The components' configurations, by the names of the components."""

CLIP_TOKENIZERS = ("CLIPTokenizer", "CLIPTokenizerFast")
T5_TOKENIZERS = ("T5Tokenizer", "T5TokenizerFast")
FLOW = "flow"
"""The prediction type of flow matching: the velocity from clean latents to noise."""


@dataclass(frozen=True)
class LatentFormat:
    """Size and kind of a checkpoint's latents, from the configurations of its components."""

    channels: int
    scale: int
    """Pixels along each side of one latent element."""
    width: int
    height: int
    prompt_limit: int
    prediction_type: str


def take_no_arguments(pipeline: Any, scheduler: Any, steps: int, shape: Sequence[int]) -> Any:
    """No arguments of ``set_timesteps`` beside the number of steps."""
    return {"num_inference_steps": steps}


def decode_scaled(pipeline: Any, latents: Tensor) -> Tensor:
    """Decode latents that were scaled and shifted: images [n, 3, height, width] from -1 to 1."""
    vae = pipeline.vae
    latents = latents / vae.config.scaling_factor
    if vae.config.get("shift_factor") is not None:
        latents = latents + vae.config.shift_factor
    decoded: Tensor = vae.decode(latents).sample
    return decoded


@dataclass(frozen=True)
class Family:
    """An adapter: the files of a family's checkpoints, and how its own pipeline computes.

    ``describe`` raises ValueError, whose message follows the checkpoint's path, for components that
    do not form a checkpoint. ``encode_prompts`` gives states [n, …] in the way of the pipeline; as
    ``negative`` those of negative prompts. ``predict`` takes latents [n, c, h, w], one timestep,
    states of n rows and the guidance, which only a distilled model reads, and gives a prediction
    of the latents' shape. ``timestep_arguments`` are those of the scheduler's ``set_timesteps``.
    """

    name: str
    pipeline_class: str
    denoiser: str
    models: Mapping[str, tuple[str, ...]]
    """Classes of each component with weights."""
    tokenizers: Mapping[str, tuple[str, ...]]
    describe: Callable[[Configs], LatentFormat]
    encode_prompts: Callable[[Any, Sequence[str], bool], Tensor]
    predict: Callable[[Any, Tensor, Tensor, Tensor, float], Tensor]
    count_tokens: Callable[[Any, Sequence[str]], list[tuple[int, int]]]
    """For each prompt the number of its tokens, and how many of them are read."""
    decode: Callable[[Any, Tensor], Tensor] = decode_scaled
    timestep_arguments: Callable[[Any, Any, int, Sequence[int]], dict[str, Any]] = take_no_arguments
    guidance: Literal["classifier-free", "distilled"] = "classifier-free"
    multiple: int = 8
    """Pixels of which the sides of a picture are multiples."""
    optional: frozenset[str] = frozenset()
    """Components without which a checkpoint is complete."""
    omitted: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Arguments of the pipeline for components that make no picture."""
    key_prefixes: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Prefixes of keys by component in the original layout; empty if that is not supported."""


def read_size(value: Any) -> tuple[int, int]:
    """Height and width of a configuration's ``sample_size``, one number or two."""
    height, width = value if isinstance(value, list | tuple) else (value, value)
    return int(height), int(width)


def require_entries(configs: Configs, needed: Mapping[str, Sequence[str]]) -> None:
    """Raise ValueError if a configuration lacks an entry."""
    missing = [
        f"{part}: {key}"
        for part, keys in needed.items()
        for key in keys
        if part in configs and not configs[part].get(key)
    ]
    if missing:
        raise ValueError(f"has a configuration that lacks {', '.join(missing)}")


def count_tokenizer(tokenizer: Any, limit: int, prompts: Sequence[str]) -> list[tuple[int, int]]:
    """For each prompt the number of its tokens, and ``limit``."""
    token_ids = tokenizer(list(prompts), verbose=False).input_ids
    return [(len(ids), limit) for ids in token_ids]


def pack_states(states: Tensor, pooled: Tensor) -> Tensor:
    """Put token states [n, l, d] and a pooled state [n, p] into one tensor [n, l + ⌈p/d⌉, d].

    So that whatever stacks and repeats the rows of states needs to know of nothing else.
    """
    import torch

    width = states.shape[-1]
    padding = -pooled.shape[-1] % width
    rows = torch.nn.functional.pad(pooled.to(states), (0, padding)).reshape(len(states), -1, width)
    return torch.cat([states, rows], dim=1)


def unpack_states(packed: Tensor, pooled_width: int) -> tuple[Tensor, Tensor]:
    """Undo ``pack_states``: token states [n, l, d] and pooled states [n, p]."""
    count = -(-pooled_width // packed.shape[-1])
    pooled = packed[:, -count:].flatten(1)[:, :pooled_width]
    return packed[:, :-count].contiguous(), pooled.contiguous()


def compute_shift(config: Mapping[str, Any], tokens: int, max_shift: float) -> float:
    """The shift μ of a flow's schedule for a number of image tokens, linear between two sizes.

    The sizes and their shifts are the scheduler's; ``max_shift`` is the family's default.
    """
    small = config.get("base_image_seq_len", 256)
    large = config.get("max_image_seq_len", 4096)
    low, high = config.get("base_shift", 0.5), config.get("max_shift", max_shift)
    slope = (high - low) / (large - small)
    intercept = low - slope * small
    return float(tokens * slope + intercept)
