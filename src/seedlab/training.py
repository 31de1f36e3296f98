"""The one training loop: deterministic from its seed, resumable after a kill, logged.

Every random draw of step ``k`` comes from a generator seeded by ``(seed, k)``, so a training that
was killed and taken up again ends in the same bytes as one that was not, on the same machine.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from seedwitness.errors import TrainingError
from seedwitness.runtime.files import replace_whole

Loss = Callable[[int, torch.Generator], Mapping[str, Tensor]]

SELDOM = 50
"""Steps between two lines of a log."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train: AdamW, linear warm-up, cosine decay, clipped gradients."""

    steps: int
    learning_rate: float
    seed: int
    warmup: int = 200
    final_rate: float = 0.02
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    clip: float = 1.0

    def rate(self, step: int) -> float:
        """Learning rate at ``step``, as a fraction of the highest."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.final_rate + (1 - self.final_rate) * 0.5 * (1 + math.cos(math.pi * done))


def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def generator_of(*key: object) -> torch.Generator:
    """CPU generator whose stream depends on nothing but ``key``."""
    digest = sha256(repr(key).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))


def environment() -> dict[str, object]:
    """Machine and versions that a training ran on, for its log."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "processor": processor_name(),
        "gpu": gpu,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "diffusers", "transformers", "numpy")},
    }


def processor_name() -> str:
    """The processor's own name where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def fit(
    name: str,
    model: nn.Module,
    loss: Loss,
    schedule: Schedule,
    *,
    data_key: str,
    scratch: Path,
    log: Path,
    save_every: float = 60.0,
) -> None:
    """Train ``model`` in place by ``loss(step, generator)["loss"]``; it ends as its average.

    ``data_key`` names the data and settings: a state under ``scratch`` is taken up only where it
    was left by the very same training. ``log`` receives a line of JSON every few steps. Raises
    TrainingError when the loss is no longer a number.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    key = sha256(json.dumps([name, asdict(schedule), data_key]).encode()).hexdigest()[:12]
    state_file = scratch / f"{name}-{key}" / "state.pt"
    state_file.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    average = deepcopy(model).eval().requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    fused = all(p.device.type in ("cpu", "cuda") for p in trained)
    optimizer = torch.optim.AdamW(
        trained,
        lr=schedule.learning_rate,
        betas=(0.9, 0.99),
        weight_decay=schedule.weight_decay,
        fused=fused,
    )
    step, seconds, lines = (
        0,
        0.0,
        [json.dumps({"training": name, **environment(), **asdict(schedule)})],
    )
    recent: dict[str, float] = {}  # losses, smoothed
    if state_file.exists():
        state = torch.load(state_file, map_location=device(), weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, seconds, lines = state["step"], state["seconds"], state["lines"]
        recent = state["recent"]
        tqdm.write(f"{name}: taken up at step {step} of {schedule.steps}", file=sys.stderr)

    def save() -> None:
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
    quiet = not sys.stderr.isatty()
    bar = tqdm(
        total=schedule.steps,
        initial=step,
        desc=name,
        mininterval=60.0 if quiet else 0.5,
        maxinterval=120,
    )
    saved = clock = time.monotonic()
    while step < schedule.steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * schedule.rate(step)
        parts = loss(step, generator_of(name, schedule.seed, step))
        total = parts["loss"]
        if not torch.isfinite(total):
            raise TrainingError(
                f"The training of {name} lost its way at step {step}: the loss is {total.item()}. "
                f"Lower its learning rate in params.yaml; the last good state is in {state_file}."
            )
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(trained, schedule.clip)
        optimizer.step()
        decay = min(schedule.ema_decay, (1 + step) / (10 + step))
        _follow(average, model, decay)
        for part, value in parts.items():
            recent[part] = 0.98 * recent.get(part, value.item()) + 0.02 * value.item()
        step += 1
        bar.update()
        if step % SELDOM == 0 or step == schedule.steps:
            now = time.monotonic()
            seconds, clock = seconds + now - clock, now
            rounded = {part: round(value, 6) for part, value in recent.items()}
            lines.append(json.dumps({"step": step, "seconds": round(seconds, 1), **rounded}))
            bar.set_postfix({k: f"{v:.4g}" for k, v in recent.items()}, refresh=False)
            if now - saved > save_every or step == schedule.steps:
                save()
                saved = now
    bar.close()
    with replace_whole(log) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
    model.load_state_dict(average.state_dict())
    model.eval()


@torch.no_grad()
def _follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights a little towards the trained ones."""
    kept: list[Tensor] = list(average.parameters())
    new: list[Tensor] = list(model.parameters())
    torch._foreach_lerp_(kept, new, 1.0 - decay)
    for a, b in zip(average.buffers(), model.buffers(), strict=True):
        a.copy_(b)
