import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from diffusers import StableDiffusionPipeline
from original_layout import original_layout, original_layout_of_xl
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from small_families import save_small
from torch import Tensor

from seedwitness.checkpoints.file_hashes import hash_tensors
from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.commands.convert import convert_pickle
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.engine.sampling import draw_torch_noise, embed_prompts, sample_latents
from seedwitness.errors import CheckpointError, ConfigError

FETCH = "hf download somebody/something --local-dir models/it"
UNET = "unet/diffusion_pytorch_model.safetensors"
WEIGHTS = {
    "unet": UNET,
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
}


def folder(path: Path, **changes: object) -> CheckpointSettings:
    return CheckpointSettings.model_validate(
        {"family": "diffusers", "path": path, "fetch": FETCH, **changes}
    )


def single(path: Path, described: Path, **changes: object) -> CheckpointSettings:
    return folder(path, family="single-file", config=described, **changes)


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def latents(pipeline: StableDiffusionPipeline) -> Tensor:
    return sample_latents(
        pipeline,
        embed_prompts(pipeline, ["a red fish"]),
        draw_torch_noise([7], (4, 8, 8)).to(pipeline.unet.dtype),
        num_inference_steps=3,
        guidance_scale=3.0,
    )


def test_a_folder_gives_the_pipeline_of_diffusers(
    tiny_checkpoint: Path, tiny_pipeline: StableDiffusionPipeline
) -> None:
    settings = folder(tiny_checkpoint)
    loaded = load_checkpoint("tiny", settings)
    assert torch.equal(latents(loaded.pipeline), latents(tiny_pipeline))
    assert loaded.checkpoint == identify_checkpoint("tiny", settings)
    assert not any(
        getattr(loaded.pipeline, name).training for name in ("unet", "vae", "text_encoder")
    )


def test_weights_have_the_dtype_of_the_settings(tiny_checkpoint: Path) -> None:
    pipeline = load_checkpoint("tiny", folder(tiny_checkpoint, dtype="bfloat16")).pipeline
    types = {pipeline.unet.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype}
    assert types == {torch.bfloat16}
    assert latents(pipeline).dtype == torch.bfloat16


def test_sizes_that_the_pipeline_cannot_generate_are_refused(tiny_checkpoint: Path) -> None:
    loaded = load_checkpoint("tiny", folder(tiny_checkpoint))
    assert loaded.latent_shape(40, 24) == (4, 6, 10)
    with pytest.raises(ConfigError, match="multiples of 8 pixels, not 44 × 32"):
        loaded.latent_shape(44, 32)


def test_a_checkpoint_that_has_changed_is_refused(copy: Path) -> None:
    settings = folder(copy)
    before = identify_checkpoint("tiny", settings)
    state = load_file(copy / UNET)
    state["conv_in.bias"] += 1
    save_file(state, copy / UNET)
    with pytest.raises(CheckpointError, match="has changed since it was identified"):
        load_checkpoint("tiny", settings, before)


@pytest.mark.parametrize("part", WEIGHTS)
def test_a_missing_weight_is_refused_and_not_random(copy: Path, part: str) -> None:
    state = load_file(copy / WEIGHTS[part])
    lost = sorted(state)[0]
    del state[lost]
    save_file(state, copy / WEIGHTS[part], {"format": "pt"})
    with pytest.raises(CheckpointError, match=f"lacks 1 weights of its {part}") as raised:
        load_checkpoint("tiny", folder(copy))
    assert FETCH in str(raised.value)


def test_a_weight_of_another_shape_is_refused(copy: Path) -> None:
    state = load_file(copy / UNET)
    state["conv_in.bias"] = state["conv_in.bias"][:3].clone()
    save_file(state, copy / UNET, {"format": "pt"})
    with pytest.raises(CheckpointError, match=re.escape(str(copy))):
        load_checkpoint("tiny", folder(copy))


def test_an_allowed_pickle_is_loaded_with_a_warning(
    copy: Path, tiny_pipeline: StableDiffusionPipeline, caplog: pytest.LogCaptureFixture
) -> None:
    for part, file in WEIGHTS.items():
        name = "pytorch_model.bin" if part == "text_encoder" else "diffusion_pytorch_model.bin"
        torch.save(load_file(copy / file), copy / part / name)
        (copy / file).unlink()
    loaded = load_checkpoint("tiny", folder(copy, unsafe_pickle=True))
    assert torch.equal(latents(loaded.pipeline), latents(tiny_pipeline))
    assert caplog.text.count("is a pickle: it is read as weights only") == len(WEIGHTS)


# --- one file in Stable Diffusion's original layout ---------------------------------------------


@pytest.fixture
def one_file(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    save_file(original_layout(tiny_checkpoint), tmp_path / "tiny.safetensors", {"format": "pt"})
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def described(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """The tiny checkpoint's folder without its weights."""
    to = tmp_path / "described"
    shutil.copytree(tiny_checkpoint, to, ignore=shutil.ignore_patterns("*.safetensors"))
    return to


def test_a_single_file_gives_the_pipeline_of_its_folder(
    one_file: Path, described: Path, tiny_pipeline: StableDiffusionPipeline
) -> None:
    loaded = load_checkpoint("tiny", single(one_file, described))
    assert torch.equal(latents(loaded.pipeline), latents(tiny_pipeline))
    assert loaded.pipeline.safety_checker is None
    for name in WEIGHTS:
        ours = {**getattr(loaded.pipeline, name).state_dict()}
        theirs = getattr(tiny_pipeline, name).state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_a_single_file_is_identified_by_its_bytes(
    one_file: Path, described: Path, tiny_checkpoint: Path
) -> None:
    found = identify_checkpoint("tiny", single(one_file, described))
    of_the_folder = identify_checkpoint("tiny", folder(tiny_checkpoint))
    counts = {each.name: each.parameters for each in found.components}
    assert counts == {each.name: each.parameters for each in of_the_folder.components}
    renamed = one_file.rename(one_file.with_name("other.safetensors"))
    assert identify_checkpoint("tiny", single(renamed, described)).sha256 == found.sha256


def test_the_configuration_of_a_single_file_is_a_dependency() -> None:
    with pytest.raises(ValidationError, match=r"does not change when models/b does"):
        CheckpointSettings(
            family="single-file",
            path=Path("models/a.safetensors"),
            config=Path("models/b"),
            watch=Path("models/a.safetensors"),
        )


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_single_file_without_a_part_is_refused(
    one_file: Path, described: Path, part: str
) -> None:
    prefix = {"unet": "model.", "vae": "first_stage", "text_encoder": "cond_stage"}[part]
    state = {k: v for k, v in load_file(one_file).items() if not k.startswith(prefix)}
    save_file(state, one_file)
    with pytest.raises(CheckpointError, match=f"holds no {part}"):
        load_checkpoint("tiny", single(one_file, described))


@pytest.mark.parametrize(
    ("lost", "part"),
    [
        ("model.diffusion_model.out.2.bias", "unet"),
        ("first_stage_model.quant_conv.bias", "vae"),
        ("cond_stage_model.transformer.text_model.final_layer_norm.bias", "text_encoder"),
    ],
)
def test_a_single_file_that_lacks_a_weight_is_refused(
    one_file: Path, described: Path, lost: str, part: str
) -> None:
    state = load_file(one_file)
    del state[lost]
    save_file(state, one_file)
    with pytest.raises(CheckpointError, match=re.escape(str(one_file))) as raised:
        load_checkpoint("tiny", single(one_file, described))
    assert part in str(raised.value)


def test_a_truncated_or_missing_single_file_is_named(one_file: Path, described: Path) -> None:
    one_file.write_bytes(one_file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"tiny\.safetensors is no complete safetensors file"):
        load_checkpoint("tiny", single(one_file, described))
    one_file.unlink()
    with pytest.raises(CheckpointError, match="There is no file") as raised:
        load_checkpoint("tiny", single(one_file, described))
    assert FETCH in str(raised.value)


# --- files as they are ---------------------------------------------------------------------------


def test_names_of_keys_as_novelai_writes_them_are_read(
    one_file: Path, described: Path, tiny_pipeline: StableDiffusionPipeline
) -> None:
    prefix = "cond_stage_model.transformer."
    state = {
        key.replace(f"{prefix}text_model.", prefix): value
        for key, value in load_file(one_file).items()
    }
    assert f"{prefix}embeddings.token_embedding.weight" in state
    save_file(state, one_file)
    loaded = load_checkpoint("tiny", single(one_file, described))
    assert torch.equal(latents(loaded.pipeline), latents(tiny_pipeline))


def lightning_checkpoint(state: dict[str, Tensor], path: Path) -> None:
    """A file as PyTorch Lightning writes it: beside the weights a record of its own classes."""
    module = ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = callback  # type: ignore[attr-defined]
    names = ["pytorch_lightning", "pytorch_lightning.callbacks", module.__name__]
    sys.modules |= dict.fromkeys(names, module)
    try:
        record = callback()
        record.best = 3
        content = {"state_dict": state, "callbacks": {callback: {"best": record}}, "epoch": 1}
        torch.save(content, path)
    finally:
        for name in names:
            del sys.modules[name]


def test_a_checkpoint_of_lightning_is_read_without_lightning(
    one_file: Path, described: Path, tiny_pipeline: StableDiffusionPipeline
) -> None:
    path = one_file.with_suffix(".ckpt")
    lightning_checkpoint(load_file(one_file), path)
    with pytest.raises(Exception, match="weights_only"):
        torch.load(path, weights_only=True)
    with pytest.raises(CheckpointError, match="seedwitness convert"):
        load_checkpoint("tiny", single(path, described))
    loaded = load_checkpoint("tiny", single(path, described, unsafe_pickle=True))
    assert torch.equal(latents(loaded.pipeline), latents(tiny_pipeline))
    converted = convert_pickle(path, one_file.with_name("converted.safetensors"))
    assert load_file(converted).keys() == load_file(one_file).keys()
    assert hash_tensors(converted) == hash_tensors(one_file)
    with pytest.raises(ConfigError, match="is not overwritten"):
        convert_pickle(path, converted)


def test_the_pipeline_of_a_single_file_has_its_scheduler(one_file: Path, described: Path) -> None:
    file = described / "scheduler/scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prediction_type": "v_prediction"}))
    loaded = load_checkpoint("tiny", single(one_file, described))
    assert loaded.pipeline.scheduler.config.prediction_type == "v_prediction"
    assert loaded.checkpoint.prediction_type == "v_prediction"


def test_a_single_file_of_xl_gives_the_pipeline_of_its_folder(tmp_path: Path) -> None:
    save_small("xl", tmp_path / "xl")
    path = tmp_path / "xl.safetensors"
    save_file(original_layout_of_xl(tmp_path / "xl"), path, {"format": "pt"})
    for weights in (tmp_path / "xl").glob("*/*.safetensors"):
        shutil.copy(weights, tmp_path / f"{weights.parent.name}.safetensors")
        weights.unlink()
    settings = single(path, tmp_path / "xl")
    loaded = load_checkpoint("xl", settings)
    assert type(loaded.pipeline).__name__ == "StableDiffusionXLPipeline"
    assert loaded.pipeline.config.force_zeros_for_empty_prompt is True
    for name in ("unet", "vae", "text_encoder", "text_encoder_2"):
        expected = load_file(tmp_path / f"{name}.safetensors")
        found = getattr(loaded.pipeline, name).state_dict()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=0, atol=0)
    counts = {each.name: each.parameters for each in identify_checkpoint("xl", settings).components}
    assert counts["unet"] == sum(each.numel() for each in loaded.pipeline.unet.parameters())


def test_a_file_of_xl_is_not_read_by_the_description_of_another(
    tmp_path: Path, described: Path
) -> None:
    save_small("xl", tmp_path / "xl")
    path = tmp_path / "xl.safetensors"
    save_file(original_layout_of_xl(tmp_path / "xl"), path)
    with pytest.raises(CheckpointError, match="is a checkpoint of Stable Diffusion XL, but"):
        load_checkpoint("xl", single(path, described))
