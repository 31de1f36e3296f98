"""The device and precision of torch, and a description of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from seedwitness.runtime.cores import count_available_cores
from seedwitness.runtime.environment import describe_platform, processor_name


def default_device(name: str | None = None) -> torch.device:
    """The device called ``name``; without a name the GPU if there is one, else the CPU."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute float32 in full single precision inside the block, and restore torch's settings.

    By default torch lets NVIDIA GPUs round the inputs of a convolution to ten bits of mantissa
    (TF32), which no CPU does. Can be used as a decorator too.
    """
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, products.allow_tf32
    convolutions.allow_tf32 = products.allow_tf32 = False
    try:
        yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before


def gpu_name() -> str | None:
    """The name of the GPU that torch uses; None if it uses none."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def device_kind(device: torch.device) -> str:
    """The kind of a device: the GPU's name, or ``cpu`` with its vector instructions.

    Two devices of one kind run the same kernels, so their results agree in all bits.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {torch.backends.cpu.get_cpu_capability()}"


def describe_machine() -> dict[str, str | int | None]:
    """The machine of a computation: platform, processor, cores, threads, GPU, torch, Python."""
    import platform

    return {
        "platform": describe_platform(),
        "processor": processor_name(),
        "cores": count_available_cores(),
        "threads": torch.get_num_threads(),
        "gpu": gpu_name(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
