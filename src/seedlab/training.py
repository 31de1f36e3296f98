"""The training loop of the lab: deterministic from its seed, resumable after a kill, logged.

Every random number of step ``k`` comes from a generator seeded by ``(name, seed, k)``. So an
interrupted training that resumes ends in the same bytes as an uninterrupted one, on the same
machine.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from seedwitness.errors import TrainingError
from seedwitness.runtime.code_graph import hash_code
from seedwitness.runtime.devices import default_device, describe_machine, device_kind
from seedwitness.runtime.environment import package_versions
from seedwitness.runtime.files import replace_whole

Loss = Callable[[int, torch.Generator], Mapping[str, Tensor]]

LOG_INTERVAL = 50
"""Steps between two lines of a log."""
LIBRARIES = ("torch", "diffusers", "transformers")
"""Packages whose versions decide the bytes of a result."""


@dataclass(frozen=True)
class TrainingSchedule:
    """Length and pace of a training by AdamW (Loshchilov & Hutter, ICLR 2019).

    The learning rate warms up linearly over ``warmup`` steps and decays along a cosine to
    ``final_rate`` of ``learning_rate``. Gradients are clipped to the norm ``clip``. ``ema_decay``
    is the decay of the averaged weights.
    """

    steps: int
    learning_rate: float
    seed: int
    warmup: int = 200
    final_rate: float = 0.02
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    clip: float = 1.0

    def rate_factor(self, step: int) -> float:
        """Learning rate at ``step`` as a fraction of ``learning_rate``."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.final_rate + (1 - self.final_rate) * 0.5 * (1 + math.cos(math.pi * progress))


def make_generator(*key: object) -> torch.Generator:
    """CPU generator whose random numbers depend on ``key`` alone."""
    digest = sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def describe_computation(module: str) -> dict[str, str]:
    """What decides the bytes that ``module`` computes from given data and settings.

    It is the hash of the code of the module and its imports, the kind of device, and the versions
    of the libraries. It belongs into the key of every cache.
    """
    return {
        "code": hash_code(module),
        "device": device_kind(default_device()),
        **package_versions(LIBRARIES),
    }


def train_model(
    name: str,
    model: nn.Module,
    loss: Loss,
    schedule: TrainingSchedule,
    *,
    module: str,
    data_key: str,
    scratch: Path,
    log: Path,
    save_every: float = 60.0,
) -> None:
    """Train ``model`` in place by ``loss(step, generator)["loss"]``; it gets its averaged weights.

    ``module`` names the module that defines model and loss, and ``data_key`` the data and the
    settings. A state under ``scratch`` is resumed only where all that decides the bytes is equal:
    name, schedule, data, code, libraries and kind of device. It is saved every ``save_every``
    seconds. ``log`` gets a line of JSON every ``LOG_INTERVAL`` steps. Raises TrainingError when the
    loss is not finite.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    state_file = scratch / f"{name}-{_state_key(name, schedule, module, data_key)}" / "state.pt"
    state_file.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    average = deepcopy(model).eval().requires_grad_(False)
    parameters = [p for p in model.parameters() if p.requires_grad]
    fused = all(p.device.type in ("cpu", "cuda") for p in parameters)
    optimizer = torch.optim.AdamW(
        parameters,
        lr=schedule.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=schedule.weight_decay,
        fused=fused,
    )
    step, seconds, lines = 0, 0.0, [json.dumps(_log_header(name, schedule))]
    recent: dict[str, float] = {}  # losses, smoothed
    if state_file.exists():
        state = torch.load(state_file, map_location=default_device(), weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds, lines = state["step"], state["seconds"], state["lines"]
        recent = state["recent"]
        tqdm.write(f"{name}: resumed at step {step} of {schedule.steps}", file=sys.stderr)

    def save_state() -> None:
        with replace_whole(state_file) as temporary:
            torch.save(
                {
                    "model": model.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "step": step,
                    "seconds": seconds,
                    "lines": lines,
                    "recent": recent,
                },
                temporary,
            )

    model.train()
    is_terminal = sys.stderr.isatty()
    bar = tqdm(
        total=schedule.steps,
        initial=step,
        desc=name,
        mininterval=0.5 if is_terminal else 60.0,
        maxinterval=120,
    )
    last_save = last_log = time.monotonic()
    while step < schedule.steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * schedule.rate_factor(step)
        parts = loss(step, make_generator(name, schedule.seed, step))
        total = parts["loss"]
        if not torch.isfinite(total):
            raise TrainingError(
                f"The training of {name} diverged at step {step}: the loss is {total.item()}. "
                f"Lower its learning rate in params.yaml; the last good state is {state_file}."
            )
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(parameters, schedule.clip)
        optimizer.step()
        decay = min(schedule.ema_decay, (1 + step) / (10 + step))
        _update_average(average, model, decay)
        for part, value in parts.items():
            recent[part] = 0.98 * recent.get(part, value.item()) + 0.02 * value.item()
        step += 1
        bar.update()
        if step % LOG_INTERVAL == 0 or step == schedule.steps:
            now = time.monotonic()
            seconds, last_log = seconds + now - last_log, now
            rounded = {part: round(value, 6) for part, value in recent.items()}
            lines.append(json.dumps({"step": step, "seconds": round(seconds, 1), **rounded}))
            bar.set_postfix({k: f"{v:.4g}" for k, v in recent.items()}, refresh=False)
            if now - last_save > save_every or step == schedule.steps:
                save_state()
                last_save = now
    bar.close()
    with replace_whole(log) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
    model.load_state_dict(average.state_dict())
    model.eval()


def _state_key(name: str, schedule: TrainingSchedule, module: str, data_key: str) -> str:
    """Hash over all that decides the bytes of a training; its state is found by it."""
    content = [name, asdict(schedule), data_key, describe_computation(module)]
    return sha256(json.dumps(content).encode()).hexdigest()[:12]


def _log_header(name: str, schedule: TrainingSchedule) -> dict[str, object]:
    """First line of a log: the training, the machine, the versions and the schedule."""
    versions = package_versions(("diffusers", "transformers", "numpy"))
    return {"training": name, **describe_machine(), **versions, **asdict(schedule)}


@torch.no_grad()
def _update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the trained ones, by ``1 - decay`` of the difference."""
    averaged: list[Tensor] = list(average.parameters())
    trained: list[Tensor] = list(model.parameters())
    torch._foreach_lerp_(averaged, trained, 1.0 - decay)
    for target, source in zip(average.buffers(), model.buffers(), strict=True):
        target.copy_(source)
