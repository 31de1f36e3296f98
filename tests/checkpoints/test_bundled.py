"""The bundled descriptions: sizes that are public, and CLIP's tokenizer against open_clip's own."""

import json
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import open_clip
import pytest
import transformers
from accelerate import init_empty_weights
from safetensors.numpy import save_file

from seedwitness.bundle.weights import list_candidates
from seedwitness.checkpoints.bundled import BY_KIND, FOLDER, find_description
from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.checkpoints.single_file import build_clip_tokenizer
from seedwitness.config.inputs import DESCRIPTIONS, CheckpointSettings
from seedwitness.errors import CheckpointError

VAE, CLIP_L = 83_653_863, 123_060_480
SIZES = {
    "stable-diffusion-1": {"unet": 859_520_964, "vae": VAE, "text_encoder": CLIP_L},
    "stable-diffusion-2": {"unet": 865_910_724, "vae": VAE, "text_encoder": 340_387_840},
    "stable-diffusion-2-base": {"unet": 865_910_724, "vae": VAE, "text_encoder": 340_387_840},
    "stable-diffusion-xl": {
        "unet": 2_567_463_684,
        "vae": VAE,
        "text_encoder": CLIP_L,
        "text_encoder_2": 694_659_840,
    },
}
"""Parameters of the published models."""


def build_empty(folder: Path, name: str, library: str, class_name: str) -> Any:
    model_class = getattr(
        {"diffusers": diffusers, "transformers": transformers}[library], class_name
    )
    with init_empty_weights():
        if library == "diffusers":
            return model_class.from_config(model_class.load_config(str(folder), subfolder=name))
        return model_class(model_class.config_class.from_pretrained(str(folder), subfolder=name))


@pytest.mark.parametrize("name", SIZES)
def test_the_components_have_the_sizes_of_the_published_ones(name: str) -> None:
    index = json.loads((FOLDER / name / "model_index.json").read_text())
    found = {
        part: sum(
            each.numel() for each in build_empty(FOLDER / name, part, *index[part]).parameters()
        )
        for part in SIZES[name]
    }
    assert found == SIZES[name]


def test_every_description_is_a_folder() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert folders == set(DESCRIPTIONS) == {name for names in BY_KIND.values() for name in names}


@pytest.mark.parametrize(
    "text",
    [
        "a photograph of an astronaut riding a horse",
        "Ünïcode café — naïve 😀 (masterpiece:1.2), 8k, it's <lora:x:1>",
        "  many   spaces\n\tand 123456 digits",
        "",
    ],
)
def test_the_tokenizer_is_that_of_open_clip(text: str) -> None:
    config = json.loads((FOLDER / "stable-diffusion-1/tokenizer/tokenizer_config.json").read_text())
    tokenizer = build_clip_tokenizer(config)
    expected = open_clip.tokenizer.SimpleTokenizer()([text])[0].tolist()
    end = expected.index(49_407) + 1
    found = tokenizer(text, padding="max_length", max_length=77, truncation=True).input_ids
    assert found[:end] == expected[:end]
    assert set(found[end:]) == {tokenizer.pad_token_id} == {49_407}
    assert len(tokenizer) == 49_408
    second = build_clip_tokenizer(config | {"pad_token": "!"})
    assert second(text, padding="max_length", max_length=77).input_ids[-1] == 0


def settings(path: Path, **changes: Any) -> CheckpointSettings:
    return CheckpointSettings.model_validate({"family": "single-file", "path": path, **changes})


UNET = "model.diffusion_model."
SECOND = {
    f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
    "cond_stage_model.model.positional_embedding": (77, 1024),
}
XL = {f"{UNET}label_emb.0.0.weight": (1, 1)}


@pytest.mark.parametrize(
    ("shapes", "folder"),
    [
        ({f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3)}, "stable-diffusion-1"),
        (XL, "stable-diffusion-xl"),
        (XL | {"v_pred": ()}, "stable-diffusion-xl-v"),
    ],
)
def test_a_description_is_found_by_the_keys(
    shapes: dict[str, tuple[int, ...]], folder: str
) -> None:
    assert find_description(settings(Path("x")), shapes) == FOLDER / folder


def test_a_description_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    weights = {key: np.zeros(shape, np.float16) for key, shape in SECOND.items()}
    save_file(weights | {"first_stage_model.x": np.zeros(1)}, path)
    found = identify_checkpoint("x", settings(path, config="stable-diffusion-2"))
    assert (found.width, found.prediction_type, found.prompt_limit) == (768, "v_prediction", 77)
    candidates = list(list_candidates(tmp_path))
    assert settings(path) in candidates
    assert settings(path, config="stable-diffusion-2") in candidates
    base = identify_checkpoint("x", settings(path, config="stable-diffusion-2-base"))
    assert (base.width, base.prediction_type) == (512, "epsilon")


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (SECOND, "keys do not say whether it predicts the noise .* set `config`"),
        ({"double_blocks.0.x": (1,)}, "a checkpoint of Flux. No configuration is bundled for it"),
        ({"lora_unet_x.lora_down.weight": (1,)}, "is a LoRA, and not a whole checkpoint"),
        ({"x": (1,)}, "no checkpoint that is known by its keys"),
    ],
)
def test_a_file_without_a_description_is_called_what_it_is(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], message: str
) -> None:
    path = tmp_path / "x.safetensors"
    save_file({key: np.zeros(shape, np.float16) for key, shape in shapes.items()}, path)
    with pytest.raises(CheckpointError, match=message):
        identify_checkpoint("x", settings(path))
