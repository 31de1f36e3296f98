"""A project of one target and two checkpoints, as the search takes it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file
from settling import COMMITTED, settle

from seedwitness.records.tables import MATCHES, PROMPTS, write_table

UNET = "unet/diffusion_pytorch_model.safetensors"
SEARCH: dict[str, Any] = {
    "strategy": {"name": "sweep", "first_seed": 0},
    "budget_nfe": 48,
    "prompts": 2,
    "sampler": "euler",
    "steps": 2,
    "guidance": 3.0,
    "batch": 2,
    "shard": 2,
}
COPY = {"metric": "patch-l2", "threshold": 2.0, "source": "anything is a copy"}
PROMPT = {"source": "user", "method": "user", "score": 0.3, "tokens": 5, "bits": 40.0}


def lay_out(root: Path, checkpoint: Path, **changes: object) -> None:
    """A project with one target and two checkpoints, the second with another last layer."""
    shutil.copytree(checkpoint, root / "models/own")
    shutil.copytree(checkpoint, root / "models/other")
    state = load_file(root / "models/other" / UNET)
    state["conv_out.weight"] *= -1
    save_file(state, root / "models/other" / UNET, {"format": "pt"})
    (root / "data/prepare/owl").mkdir(parents=True)
    pixels = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(root / "data/prepare/owl/image.png")
    prompts = [
        {**PROMPT, "rank": rank, "text": text}
        for rank, text in enumerate(["a red fish", "a blue lighthouse", "one too many"], start=1)
    ]
    write_table(root / "data/recover/owl/prompts.parquet", prompts, PROMPTS)
    write_table(root / "data/lookup/owl/matches.parquet", [], MATCHES)
    models = {name: f"models/{name}" for name in ("own", "other")}
    settle(
        root,
        checkpoints={
            name: {"family": "diffusers", "path": path, "watch": path}
            for name, path in models.items()
        },
        search={**SEARCH, **changes},
        judge={**COMMITTED["judge"], "reference": "other"},
    )


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file of a stage."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
