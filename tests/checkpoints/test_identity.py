import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from seedwitness.checkpoints.identity import identify_checkpoint
from seedwitness.checkpoints.loading import load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.errors import CheckpointError

FETCH = "hf download somebody/something --local-dir models/it"
UNET = "unet/diffusion_pytorch_model.safetensors"


def folder(path: Path, **changes: object) -> CheckpointSettings:
    return CheckpointSettings.model_validate(
        {"family": "diffusers", "path": path, "fetch": FETCH, **changes}
    )


@pytest.fixture
def copy(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def test_the_identity_describes_the_checkpoint(
    tiny_checkpoint: Path, tiny_pipeline: StableDiffusionPipeline
) -> None:
    found = identify_checkpoint("tiny", folder(tiny_checkpoint))
    parameters = {each.name: each.parameters for each in found.components}
    for name in ("unet", "vae", "text_encoder"):
        model = getattr(tiny_pipeline, name)
        assert parameters[name] == sum(each.numel() for each in model.parameters())
    assert parameters["tokenizer"] == parameters["scheduler"] == 0
    assert (found.latent_channels, found.latent_scale) == (4, tiny_pipeline.vae_scale_factor)
    assert (found.width, found.height) == (32, 32)
    assert found.prompt_limit == tiny_pipeline.tokenizer.model_max_length
    assert found.prediction_type == "epsilon"


def test_the_identity_is_independent_of_the_path(tiny_checkpoint: Path, copy: Path) -> None:
    (copy / "README.md").write_text("not of the checkpoint")
    assert (
        identify_checkpoint("a", folder(copy)).sha256
        == identify_checkpoint("b", folder(tiny_checkpoint)).sha256
    )
    assert str(copy) not in identify_checkpoint("a", folder(copy)).model_dump_json()


@pytest.mark.parametrize(
    "file", [UNET, "text_encoder/config.json", "tokenizer/tokenizer.json", "unet/config.json"]
)
def test_a_changed_byte_changes_the_identity(copy: Path, file: str) -> None:
    before = identify_checkpoint("a", folder(copy)).sha256
    data = bytearray((copy / file).read_bytes())
    data[-2] ^= 1 if file == UNET else 0
    data += b"\n" if file != UNET else b""
    (copy / file).write_bytes(bytes(data))
    assert identify_checkpoint("a", folder(copy)).sha256 != before


def test_the_size_in_the_settings_overrides_the_checkpoints(tiny_checkpoint: Path) -> None:
    found = identify_checkpoint("tiny", folder(tiny_checkpoint, width=48))
    assert (found.width, found.height) == (48, 32)


def test_shards_of_weights_are_all_hashed(
    copy: Path, tiny_pipeline: StableDiffusionPipeline
) -> None:
    whole = identify_checkpoint("tiny", folder(copy))
    shutil.rmtree(copy / "unet")
    tiny_pipeline.unet.save_pretrained(copy / "unet", max_shard_size="200KB")
    names = {each.name: each for each in identify_checkpoint("tiny", folder(copy)).components}
    files = [file for file in names["unet"].files if file.endswith(".safetensors")]
    assert len(files) > 1
    assert names["unet"].parameters == {c.name: c for c in whole.components}["unet"].parameters
    (copy / "unet" / files[0]).unlink()
    with pytest.raises(CheckpointError, match=files[0]):
        identify_checkpoint("tiny", folder(copy))


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def cut(name: str, size: int) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size])


def setting(name: str, key: str, value: object) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        entries = json.loads((root / name).read_text())
        (root / name).write_text(json.dumps(entries | {key: value}))

    return change


def no_vocabulary(root: Path) -> None:
    (root / "tokenizer/tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (remove("model_index.json"), "model_index.json"),
        (remove(UNET), UNET),
        (remove("scheduler/scheduler_config.json"), "scheduler/scheduler_config.json"),
        (no_vocabulary, "no vocabulary in"),
        (cut(UNET, 0), UNET),
        (cut(UNET, 7), UNET),
        (cut(UNET, 10_000), UNET),
        (cut("vae/diffusion_pytorch_model.safetensors", -1), "vae/diffusion_pytorch_model"),
        (cut("unet/config.json", 100), "unet/config.json is not JSON"),
        (setting("unet/config.json", "in_channels", 9), "takes 9 channels"),
        (setting("unet/config.json", "time_cond_proj_dim", 256), "time_cond_proj_dim"),
        (setting("tokenizer/tokenizer_config.json", "model_max_length", 10**30), "allows 10000"),
    ],
)
def test_a_missing_or_truncated_file_is_named_with_the_remedy(
    copy: Path, harm: Callable[[Path], None], named: str
) -> None:
    harm(copy)
    with pytest.raises(CheckpointError) as raised:
        identify_checkpoint("tiny", folder(copy))
    assert named in str(raised.value)
    assert FETCH in str(raised.value)


def test_a_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=FETCH):
        identify_checkpoint("tiny", folder(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("_class_name", "KandinskyPipeline", "describes a KandinskyPipeline"),
        ("text_encoder", ["transformers", "T5EncoderModel"], "Supported classes: CLIPTextModel"),
        ("vae", None, "names None as `vae`"),
    ],
)
def test_another_class_is_refused(copy: Path, key: str, value: object, message: str) -> None:
    setting("model_index.json", key, value)(copy)
    with pytest.raises(CheckpointError, match=message):
        identify_checkpoint("tiny", folder(copy))


@pytest.fixture
def pickled(copy: Path) -> Path:
    """The tiny checkpoint with its denoiser as a pickle."""
    torch.save(load_file(copy / UNET), copy / "unet" / "diffusion_pytorch_model.bin")
    (copy / UNET).unlink()
    return copy


def test_a_pickle_is_not_read_unless_it_is_allowed(pickled: Path) -> None:
    with pytest.raises(CheckpointError, match=r"unsafe_pickle: true"):
        identify_checkpoint("tiny", folder(pickled))


def test_an_allowed_pickle_has_its_tensors_counted(pickled: Path, tiny_checkpoint: Path) -> None:
    allowed = {
        each.name: each
        for each in identify_checkpoint("t", folder(pickled, unsafe_pickle=True)).components
    }
    safe = {
        each.name: each for each in identify_checkpoint("t", folder(tiny_checkpoint)).components
    }
    assert allowed["unet"].parameters == safe["unet"].parameters


def test_a_refused_pickle_names_the_command_that_converts_it(pickled: Path) -> None:
    with pytest.raises(CheckpointError) as raised:
        identify_checkpoint("tiny", folder(pickled))
    path = pickled / "unet" / "diffusion_pytorch_model.bin"
    assert f"`seedwitness convert {path}`" in str(raised.value)
    assert FETCH not in str(raised.value)  # fetching it again gives the same pickle


class Hostile:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (Path.touch, (Path("touched"),))  # type: ignore[return-value]


def test_a_pickle_that_calls_something_is_refused_and_not_run(
    pickled: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"weights": Hostile()}, pickled / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"diffusion_pytorch_model\.bin"):
        identify_checkpoint("tiny", folder(pickled, unsafe_pickle=True))
    assert not Path("touched").exists()


@pytest.mark.parametrize("variant", ["fp16", "bf16"])
@pytest.mark.parametrize("shards", [False, True])
def test_a_folder_of_a_variant_is_complete(
    copy: Path, tiny_pipeline: StableDiffusionPipeline, variant: str, shards: bool
) -> None:
    plain = identify_checkpoint("a", folder(copy))
    for name in ("unet", "vae", "text_encoder"):
        model = getattr(tiny_pipeline, name)
        for path in (copy / name).glob("*.safetensors"):
            path.unlink()
        size = "200KB" if shards else "10GB"
        model.save_pretrained(copy / name, variant=variant, max_shard_size=size)
    found = identify_checkpoint("a", folder(copy))
    counts = [{each.name: each.parameters for each in of.components} for of in (plain, found)]
    assert counts[0] == counts[1]
    loaded = load_checkpoint("a", folder(copy), found).pipeline
    for key, value in loaded.unet.state_dict().items():
        assert torch.equal(value, tiny_pipeline.unet.state_dict()[key])


def test_two_variants_are_not_chosen_between(
    copy: Path, tiny_pipeline: StableDiffusionPipeline
) -> None:
    (copy / UNET).unlink()
    for variant in ("fp16", "bf16"):
        tiny_pipeline.unet.save_pretrained(copy / "unet", variant=variant)
    with pytest.raises(CheckpointError, match=r"several variants of its weights \(bf16, fp16\)"):
        identify_checkpoint("tiny", folder(copy))


def test_code_and_files_elsewhere_are_refused(copy: Path) -> None:
    setting("unet/config.json", "auto_map", {"AutoModel": "code.Model"})(copy)
    with pytest.raises(CheckpointError, match="asks for code of its author to be run"):
        identify_checkpoint("tiny", folder(copy))
    setting("unet/config.json", "auto_map", None)(copy)
    entries = json.loads((copy / "unet/config.json").read_text())
    del entries["auto_map"]
    (copy / "unet/config.json").write_text(json.dumps(entries))
    (copy / UNET).rename(copy / "elsewhere.safetensors")
    index = {"weight_map": {"conv_in.weight": "../elsewhere.safetensors"}}
    (copy / f"{UNET}.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=r"names \.\./elsewhere.* not in its folder"):
        identify_checkpoint("tiny", folder(copy))


def test_identification_imports_no_torch(tiny_checkpoint: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from seedwitness.checkpoints.identity import identify_checkpoint\n"
        "from seedwitness.config.inputs import CheckpointSettings\n"
        "settings = CheckpointSettings(family='diffusers', path=Path(sys.argv[1]))\n"
        "print(identify_checkpoint('tiny', settings).sha256, 'torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tiny_checkpoint)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == [
        identify_checkpoint("tiny", folder(tiny_checkpoint)).sha256,
        "False",
    ]
