"""Where torch computes, and in which precision."""

from __future__ import annotations

import torch


def default_device(name: str | None = None) -> torch.device:
    """The device called ``name``; without one the GPU where there is one, else the CPU.

    From then on this process computes in full single precision. Unless told so, torch has NVIDIA's
    GPUs round what goes into a convolution to ten bits of mantissa (TF32), which the CPU does not.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
