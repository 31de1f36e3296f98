"""Train the lab's perceptual distance, LPIPS (Zhang et al., CVPR 2018), on distorted pictures.

The published heads were calibrated on human judgements, which do not exist for the lab's pictures.
Known without them is an order: a picture that is distorted more and more strongly moves away from
the original with each level, and another picture is farther still. Trunk and heads are trained on
such series.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from seedlab.distortions import add_noise, blur, compress_jpeg, draw_uniform, shift_colour, warp
from seedlab.training import TrainingSchedule, make_generator, train_model
from seedwitness.metrics import LAB_WEIGHTS
from seedwitness.metrics.lpips_distance import (
    LpipsDistance,
    compute_distances,
    make_network,
    score_pairs,
)
from seedwitness.metrics.weights import make_half_precision_state, write_card
from seedwitness.runtime.devices import default_device
from seedwitness.runtime.files import replace_whole

WEIGHTS_FILE = "lpips.safetensors"
STRENGTHS = (0.15, 0.4, 0.7, 1.0)


@dataclass(frozen=True)
class PerceptualDistanceSettings:
    """Training of an LPIPS network.

    ``margin`` is the required difference between neighbouring levels, on a scale where other
    pictures have a distance of about 1. ``crop`` is the side of the training squares in pixels,
    ``pictures_per_kind`` the number of pictures for each kind of distortion and step.
    """

    net: str = "squeeze"
    crop: int = 64
    pictures_per_kind: int = 2
    steps: int = 1200
    learning_rate: float = 5e-4
    margin: float = 0.05
    seed: int = 1


Distort = Callable[[Tensor], Tensor]  # strengths [n] to distorted pictures [n, 3, s, s]
Distortion = Callable[[Tensor, Tensor, torch.Generator], Distort]


def _noise(x: Tensor, other: Tensor, generator: torch.Generator) -> Distort:
    return lambda strength: add_noise(x, 0.25 * strength, generator)


def _blur(x: Tensor, other: Tensor, generator: torch.Generator) -> Distort:
    return lambda strength: blur(x, 4 * strength * x.shape[-1] / 128)


def _jpeg(x: Tensor, other: Tensor, generator: torch.Generator) -> Distort:
    return lambda strength: compress_jpeg(x, (90 - 86 * strength).round().int().tolist())


def _colour(x: Tensor, other: Tensor, generator: torch.Generator) -> Distort:
    n = len(x)
    cast = torch.stack(
        [_draw_signs(n, generator) * draw_uniform(0.2, 0.5, n, generator) for _ in range(3)], 1
    )
    brightness = draw_uniform(-0.2, 0.2, n, generator)
    saturation = draw_uniform(-0.8, 0.8, n, generator)
    return lambda strength: shift_colour(
        x,
        brightness=brightness * strength,
        saturation=1 + saturation * strength,
        cast=1 + cast * strength[:, None],
    )


def _shift(x: Tensor, other: Tensor, generator: torch.Generator) -> Distort:
    n = len(x)
    right, down = (
        _draw_signs(n, generator) * draw_uniform(0.15, 0.3, n, generator) for _ in range(2)
    )
    return lambda strength: warp(x, right=right * strength, down=down * strength)


def _crop(x: Tensor, other: Tensor, generator: torch.Generator) -> Distort:
    right, down = (draw_uniform(-1, 1, len(x), generator) for _ in range(2))

    def distort(strength: Tensor) -> Tensor:
        zoom = 1 + strength
        room = 1 - 1 / zoom
        return warp(x, zoom=zoom, right=right * room, down=down * room)

    return distort


def _mix(x: Tensor, other: Tensor, generator: torch.Generator) -> Distort:
    return lambda strength: torch.lerp(x, other, 0.7 * strength.to(x)[:, None, None, None])


def _draw_signs(count: int, generator: torch.Generator) -> Tensor:
    return torch.randint(2, (count,), generator=generator) * 2 - 1


DISTORTIONS: dict[str, Distortion] = {
    "noise": _noise,
    "blur": _blur,
    "jpeg": _jpeg,
    "colour": _colour,
    "shift": _shift,
    "crop": _crop,
    "mix": _mix,
}


def build_distortion_series(
    kind: str, x: Tensor, other: Tensor, generator: torch.Generator
) -> Tensor:
    """Each picture of ``x`` at growing strengths of one distortion, then the ``other`` picture.

    Both inputs are [n, 3, s, s] in [0, 1]; the result is [levels + 1, n, 3, s, s].
    """
    distort = DISTORTIONS[kind](x, other, generator)
    strengths = torch.tensor(STRENGTHS)[:, None].expand(-1, len(x))
    return torch.stack([*(distort(strength) for strength in strengths), other])


def ranking_loss(series: Tensor, margin: float) -> dict[str, Tensor]:
    """Hinge loss on each pair of neighbouring levels, and a term that puts other pictures at 1.

    ``series`` is [levels + 1, n]: the distances from the original, which should increase.
    """
    rank = F.relu(margin - series.diff(dim=0)).mean()
    scale = (series[-1].mean() - 1).square()
    return {"loss": rank + 0.1 * scale, "rank": rank, "scale": scale}


def build_distance(settings: PerceptualDistanceSettings) -> nn.Module:
    """An untrained ``lpips.LPIPS``, all of it trainable; its initial weights depend on the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = make_network(settings.net, trainable_trunk=True)
    for head in list_heads(model):
        nn.init.constant_(head, 1 / len(list_heads(model)))
    return model


def list_heads(model: nn.Module) -> list[nn.Parameter]:
    """The channel weights of each layer; a distance requires that none is negative."""
    return [weight for name, weight in model.named_parameters() if name.startswith("lin")]


@torch.no_grad()
def _clamp_heads(model: nn.Module) -> None:
    for head in list_heads(model):
        head.clamp_(min=0)


def train_distance(
    pictures: Tensor,
    settings: PerceptualDistanceSettings,
    *,
    data_key: str,
    scratch: Path,
    log: Path,
) -> nn.Module:
    """An LPIPS network trained on ``pictures``, uint8 [n, 3, s, s].

    Its weights are rounded to half precision, in which they are saved. See
    ``training.train_model`` for the other arguments and errors.
    """
    model = build_distance(settings).to(default_device())
    size = pictures.shape[-1]
    side = min(settings.crop, size)
    count = settings.pictures_per_kind * len(DISTORTIONS)

    def draw_crops(generator: torch.Generator) -> Tensor:
        indices = torch.randperm(len(pictures), generator=generator)[: 2 * count].tolist()
        corners = torch.randint(size - side + 1, (2 * count, 2), generator=generator).tolist()
        parts = [
            pictures[indices[i % len(indices)], :, y : y + side, x : x + side]
            for i, (y, x) in enumerate(corners)
        ]
        return torch.stack(parts).to(default_device()).float() / 255

    def loss(step: int, generator: torch.Generator) -> Mapping[str, Tensor]:
        _clamp_heads(model)
        x, other = draw_crops(generator).chunk(2)
        per_kind = settings.pictures_per_kind
        groups = zip(DISTORTIONS, x.split(per_kind), other.split(per_kind), strict=True)
        levels = torch.cat(
            [build_distortion_series(kind, a, b, generator) for kind, a, b in groups], 1
        )
        originals = x.expand_as(levels).flatten(0, 1)
        distance = compute_distances(model, originals * 2 - 1, levels.flatten(0, 1) * 2 - 1)
        return ranking_loss(distance.unflatten(0, levels.shape[:2]), settings.margin)

    schedule = TrainingSchedule(
        settings.steps,
        settings.learning_rate,
        settings.seed,
        warmup=min(100, settings.steps // 10),
    )
    train_model(
        "distance",
        model,
        loss,
        schedule,
        module=__name__,
        data_key=data_key,
        scratch=scratch,
        log=log,
    )
    _clamp_heads(model)
    # Not strict, because `lins` names the heads a second time.
    model.load_state_dict(make_half_precision_state(model), strict=False)
    return model


def save_distance(model: nn.Module, folder: Path) -> Path:
    """Write the weights in half precision, with their card. Returns the path of the file."""
    path = folder / WEIGHTS_FILE
    with replace_whole(path) as temporary:
        save_file(make_half_precision_state(model), temporary, metadata={"format": "pt"})
    write_card(path, {"name": "lab-lpips", "label": LAB_WEIGHTS, "net": model.pnet_type})
    return path


def count_ordered_pairs(
    distance: Callable[[Tensor, Tensor], Tensor], pictures: Tensor, batch: int = 64
) -> dict[str, tuple[int, int]]:
    """Number of neighbouring levels that ``distance`` orders correctly, and of all, by kind.

    ``distance`` maps two stacks of uint8 [n, 3, s, s] to [n], pair by pair, so that any metric can
    be measured. The other picture of each picture is the next one.
    """
    counts = {}
    others = pictures.roll(-1, 0)
    for kind in DISTORTIONS:
        generator = make_generator("ladder", kind)
        ordered = pairs = 0
        for x, other in zip(pictures.split(batch), others.split(batch), strict=True):
            levels = build_distortion_series(kind, x.float() / 255, other.float() / 255, generator)
            levels = (levels * 255).round().to(torch.uint8)
            series = torch.stack([distance(level, x) for level in levels])
            ordered += int((series.diff(dim=0) > 0).sum())
            pairs += series[1:].numel()
        counts[kind] = ordered, pairs
    return counts


def measure_ranking(lpips: LpipsDistance, pictures: Tensor) -> dict[str, float]:
    """Share of neighbouring levels that ``lpips`` orders correctly: of all, and of each kind.

    ``pairs`` is their number. ``pictures`` is uint8 [n, 3, s, s] and should be held out. A random
    order gives 0.5.
    """
    counts = count_ordered_pairs(lambda a, b: score_pairs(lpips, a, b), pictures)
    ordered, pairs = (sum(column) for column in zip(*counts.values(), strict=True))
    shares = {kind: correct / total for kind, (correct, total) in counts.items()}
    return {"pairs": pairs, "all": ordered / pairs} | shares
