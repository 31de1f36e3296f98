"""Train the lab's LPIPS (Zhang et al., CVPR 2018): trunk and heads, on ladders of distortions.

People's judgements, on which the published heads were calibrated, are not to be had for the lab's
pictures. What is known without them: on a ladder of one distortion growing stronger each rung is
farther from the picture than the one before, and another picture is farther still.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from seedlab.distortions import blur, colour, jpeg, noise, uniform, warp
from seedlab.training import Schedule, device, fit, generator_of
from seedwitness.metrics import LAB_WEIGHTS
from seedwitness.metrics.lpips_distance import LpipsDistance, distances, network, scores
from seedwitness.metrics.weights import half_precision, write_card
from seedwitness.runtime.files import replace_whole

FILE = "lpips.safetensors"
RUNGS = (0.15, 0.4, 0.7, 1.0)


@dataclass(frozen=True)
class Distance:
    """Training of an LPIPS network; ``margin`` is between rungs, where other pictures are about 1.

    ``crop`` is the side of the squares it is trained on, ``each`` the pictures a kind of distortion
    and step.
    """

    net: str = "squeeze"
    crop: int = 64
    each: int = 2
    steps: int = 1200
    learning_rate: float = 5e-4
    margin: float = 0.05
    seed: int = 1


Step = Callable[[Tensor], Tensor]  # strengths [n] to distorted pictures [n, 3, s, s]
Distortion = Callable[[Tensor, Tensor, torch.Generator], Step]


def _noise(x: Tensor, other: Tensor, generator: torch.Generator) -> Step:
    return lambda strength: noise(x, 0.25 * strength, generator)


def _blur(x: Tensor, other: Tensor, generator: torch.Generator) -> Step:
    return lambda strength: blur(x, 4 * strength * x.shape[-1] / 128)


def _jpeg(x: Tensor, other: Tensor, generator: torch.Generator) -> Step:
    return lambda strength: jpeg(x, (90 - 86 * strength).round().int().tolist())


def _colour(x: Tensor, other: Tensor, generator: torch.Generator) -> Step:
    n = len(x)
    cast = torch.stack([_sign(n, generator) * uniform(0.2, 0.5, n, generator) for _ in range(3)], 1)
    brightness = uniform(-0.2, 0.2, n, generator)
    saturation = uniform(-0.8, 0.8, n, generator)
    return lambda strength: colour(
        x,
        brightness=brightness * strength,
        saturation=1 + saturation * strength,
        cast=1 + cast * strength[:, None],
    )


def _shift(x: Tensor, other: Tensor, generator: torch.Generator) -> Step:
    n = len(x)
    right, down = (_sign(n, generator) * uniform(0.15, 0.3, n, generator) for _ in range(2))
    return lambda strength: warp(x, right=right * strength, down=down * strength)


def _crop(x: Tensor, other: Tensor, generator: torch.Generator) -> Step:
    right, down = (uniform(-1, 1, len(x), generator) for _ in range(2))

    def step(strength: Tensor) -> Tensor:
        zoom = 1 + strength
        room = 1 - 1 / zoom
        return warp(x, zoom=zoom, right=right * room, down=down * room)

    return step


def _mix(x: Tensor, other: Tensor, generator: torch.Generator) -> Step:
    return lambda strength: torch.lerp(x, other, 0.7 * strength.to(x)[:, None, None, None])


def _sign(count: int, generator: torch.Generator) -> Tensor:
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


def ladder(kind: str, x: Tensor, other: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture of ``x`` distorted ever more, and at last the ``other`` one.

    Both are [n, 3, s, s] in [0, 1]; the result is [rungs + 1, n, 3, s, s].
    """
    step = DISTORTIONS[kind](x, other, generator)
    strengths = torch.tensor(RUNGS)[:, None].expand(-1, len(x))
    return torch.stack([*(step(strength) for strength in strengths), other])


def ranking_loss(apart: Tensor, margin: float) -> dict[str, Tensor]:
    """Hinge on each pair of neighbouring rungs, and the scale: other pictures at about 1.

    ``apart`` is [rungs + 1, n]: distances from the picture, rising if all is well.
    """
    rank = F.relu(margin - apart.diff(dim=0)).mean()
    scale = (apart[-1].mean() - 1).square()
    return {"loss": rank + 0.1 * scale, "rank": rank, "scale": scale}


def build(settings: Distance) -> nn.Module:
    """A fresh ``lpips.LPIPS``, all of it trainable; its first weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = network(settings.net, tune=True)
    for head in heads(model):
        nn.init.constant_(head, 1 / len(heads(model)))
    return model


def heads(model: nn.Module) -> list[nn.Parameter]:
    """The weights of the channels in each layer, which a distance needs to be positive."""
    return [weight for name, weight in model.named_parameters() if name.startswith("lin")]


@torch.no_grad()
def _hold_positive(model: nn.Module) -> None:
    for head in heads(model):
        head.clamp_(min=0)


def train(
    pictures: Tensor, settings: Distance, *, data_key: str, scratch: Path, log: Path
) -> nn.Module:
    """LPIPS trained on ``pictures``: uint8 [n, 3, s, s].

    Its weights are rounded to the half precision in which they are saved.
    """
    model = build(settings).to(device())
    size = pictures.shape[-1]
    side = min(settings.crop, size)
    count = settings.each * len(DISTORTIONS)

    def cut(generator: torch.Generator) -> Tensor:
        which = torch.randperm(len(pictures), generator=generator)[: 2 * count].tolist()
        corner = torch.randint(size - side + 1, (2 * count, 2), generator=generator).tolist()
        parts = [
            pictures[which[i % len(which)], :, y : y + side, x : x + side]
            for i, (y, x) in enumerate(corner)
        ]
        return torch.stack(parts).to(device()).float() / 255

    def loss(step: int, generator: torch.Generator) -> Mapping[str, Tensor]:
        _hold_positive(model)
        x, other = cut(generator).chunk(2)
        groups = zip(DISTORTIONS, x.split(settings.each), other.split(settings.each), strict=True)
        rungs = torch.cat([ladder(kind, a, b, generator) for kind, a, b in groups], 1)
        near = x.expand_as(rungs).flatten(0, 1)
        apart = distances(model, near * 2 - 1, rungs.flatten(0, 1) * 2 - 1)
        return ranking_loss(apart.unflatten(0, rungs.shape[:2]), settings.margin)

    schedule = Schedule(
        settings.steps,
        settings.learning_rate,
        settings.seed,
        warmup=min(100, settings.steps // 10),
    )
    fit("distance", model, loss, schedule, data_key=data_key, scratch=scratch, log=log)
    _hold_positive(model)
    model.load_state_dict(half_precision(model), strict=False)  # `lins` names the heads twice
    return model


def save(model: nn.Module, folder: Path) -> Path:
    """Write the weights in half precision, and their card. Returns the file."""
    path = folder / FILE
    with replace_whole(path) as temporary:
        save_file(half_precision(model), temporary, metadata={"format": "pt"})
    write_card(path, {"name": "lab-lpips", "label": LAB_WEIGHTS, "net": model.pnet_type})
    return path


def ranking(
    distance: Callable[[Tensor, Tensor], Tensor], pictures: Tensor, batch: int = 64
) -> dict[str, tuple[int, int]]:
    """How many neighbouring rungs ``distance`` ranks in the right order, of how many, by kind.

    ``distance`` maps two stacks of uint8 [n, 3, s, s] to [n], pair by pair, so that any metric can
    be asked. The other picture of each is the next one.
    """
    found = {}
    others = pictures.roll(-1, 0)
    for kind in DISTORTIONS:
        generator = generator_of("ladder", kind)
        right = pairs = 0
        for x, other in zip(pictures.split(batch), others.split(batch), strict=True):
            rungs = ladder(kind, x.float() / 255, other.float() / 255, generator)
            rungs = (rungs * 255).round().to(torch.uint8)
            apart = torch.stack([distance(rung, x) for rung in rungs])
            right += int((apart.diff(dim=0) > 0).sum())
            pairs += apart[1:].numel()
        found[kind] = right, pairs
    return found


def ranked(lpips: LpipsDistance, pictures: Tensor) -> dict[str, float]:
    """Share of neighbouring rungs that ``lpips`` ranks rightly: ``pairs``, ``all`` and each kind.

    ``pictures`` is uint8 [n, 3, s, s], best of those that no training saw; a coin reaches 0.5.
    """
    found = ranking(lambda a, b: scores(lpips, a, b), pictures)
    right, pairs = (sum(column) for column in zip(*found.values(), strict=True))
    return {"pairs": pairs, "all": right / pairs} | {k: r / n for k, (r, n) in found.items()}
