"""Captioners by path: small models of the real classes, an ONNX tagger, and the stand-in."""

from pathlib import Path

import numpy as np
import pytest
import tiny_captioners
import torch
from PIL import Image

from seedwitness.config.prompt_settings import CaptionerSettings
from seedwitness.errors import CheckpointError
from seedwitness.prompts import BATCHED_METHODS, METHODS, recover_prompts
from seedwitness.prompts.caption import caption_pictures
from seedwitness.prompts.phrasebook import make_caption_phrasebook
from seedwitness.prompts.recovery_input import RecoveryInput, TextEncoder, Vectors

TEXTS = ["a red fish", "a blue lighthouse", "an owl at night"]


def pictures() -> list[Image.Image]:
    values = np.random.default_rng(1).integers(0, 256, (3, 40, 30, 3), dtype=np.uint8)
    return [Image.fromarray(each) for each in values]


@pytest.fixture(scope="session")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BLIP of transformers' own classes, untrained and very small, with its own vocabulary."""
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    folder = tmp_path_factory.mktemp("captioners") / "tiny-blip"
    words = sorted({word for text in TEXTS for word in text.split()})
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *words]
    file = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    file.write_text("\n".join(vocabulary))
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(vocabulary)})
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BlipConfig(
        text_config={
            **size,
            "vocab_size": len(vocabulary),
            "encoder_hidden_size": 32,
            "intermediate_size": 32,
            "projection_dim": 16,
            "bos_token_id": 5,
            "eos_token_id": 3,
            "sep_token_id": 3,
            "pad_token_id": 0,
        },
        vision_config={**size, "intermediate_size": 32, "image_size": 32, "patch_size": 8},
    )
    torch.manual_seed(1)
    model = BlipForConditionalGeneration(config)
    model.save_pretrained(folder)
    images = BlipImageProcessor(size={"height": 32, "width": 32})
    BlipProcessor(images, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger with WD's inputs and files, whose tags follow from the mean of each channel."""
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path_factory.mktemp("taggers") / "tiny-wd"
    folder.mkdir()
    weights = np.array([[1.0, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]], np.float32) / 255
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["output"]),
        ],
        "tagger",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 16, 16, 3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 4])],
        [
            helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
            helper.make_tensor("weights", TensorProto.FLOAT, [3, 4], weights.ravel()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    rows = ["0,blue_sky,0,9", "1,green_grass,0,9", "2,red_dress,0,9", "3,general,9,9"]
    (folder / "selected_tags.csv").write_text("\n".join(["tag_id,name,category,count", *rows]))
    return folder


def captioner(path: Path, **changes: object) -> CaptionerSettings:
    kind = "tagger" if (path / "model.onnx").exists() else "transformers"
    return CaptionerSettings.model_validate({"kind": kind, "path": path, **changes})


def test_a_captioner_gives_what_transformers_gives(blip: Path) -> None:
    from transformers import BlipForConditionalGeneration, BlipProcessor

    texts = caption_pictures(pictures(), captioner(blip, max_tokens=6))
    processor = BlipProcessor.from_pretrained(blip)
    model = BlipForConditionalGeneration.from_pretrained(blip).eval()
    for picture, text in zip(pictures(), texts, strict=True):
        inputs = processor(images=picture, return_tensors="pt")
        tokens = model.generate(**inputs, max_new_tokens=6, do_sample=False, num_beams=1)
        assert text == processor.decode(tokens[0], skip_special_tokens=True)
    assert any(texts)
    assert texts[1:2] == caption_pictures(pictures()[1:2], captioner(blip, max_tokens=6))


@pytest.mark.parametrize("family", ["llava", "florence2"])
def test_captioners_of_other_families(family: str, tmp_path: Path) -> None:
    """LLaVA, a decoder that repeats its question, and Florence-2, an encoder and a decoder."""
    make = {"llava": tiny_captioners.save_llava, "florence2": tiny_captioners.save_florence2}
    folder = tmp_path / family
    make[family](folder)
    question = {"llava": "Describe the owl.", "florence2": "<CAPTION>"}[family]
    texts = caption_pictures(pictures()[:2], captioner(folder, prompt=question, max_tokens=5))
    assert len(texts) == 2
    # The answer alone: with the question it would have more words.
    assert all(len(text.split()) <= 5 for text in texts)
    assert texts == caption_pictures(
        pictures()[:2], captioner(folder, prompt=question, max_tokens=5)
    )


def test_a_tagger_names_tags_above_its_threshold(tagger: Path) -> None:
    blue = Image.new("RGB", (8, 4), (10, 120, 250))
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))  # nothing is drawn: white
    square = Image.new("RGB", (4, 4), (10, 120, 250))
    texts = caption_pictures([square, blue, clear], captioner(tagger, threshold=0.4))
    assert texts[0] == "blue sky, green grass"
    # A wide picture stands on white, which adds to every channel.
    assert texts[1] == "blue sky, green grass, red dress"
    assert texts[2] == "blue sky, green grass, red dress"
    assert caption_pictures([square], captioner(tagger, threshold=0.99)) == [""]


def give(encoder: TextEncoder, image: Vectors, **changes: object) -> RecoveryInput:
    return RecoveryInput(image, [], None, encoder, None, 12, 64, **changes)  # type: ignore[arg-type]


def test_each_captioner_gives_a_candidate_named_after_it(
    encoder: TextEncoder, image: Vectors, blip: Path, tagger: Path
) -> None:
    own = [captioner(tagger, threshold=0.0), captioner(blip, max_tokens=6)]
    inputs = [give(encoder, image, picture=each, captioners=own) for each in pictures()]
    together = BATCHED_METHODS["caption"](inputs)
    assert together == [METHODS["caption"](each) for each in inputs]
    assert together[0][0].method == "caption-tiny-wd"
    assert {each.source for group in together for each in group} == {"recovered"}
    table, counts = recover_prompts(["caption"], inputs[0])
    assert counts == {"caption": len(table)}
    assert table["text"].tolist() == [each.text for each in together[0]]


def test_the_stand_in_says_that_it_is_one(encoder: TextEncoder, image: Vectors) -> None:
    book = make_caption_phrasebook([*TEXTS, "an owl, night"], encoder)
    (candidate,) = METHODS["caption"](RecoveryInput(image, [], None, encoder, book, 12, 64))
    cosines = dict(zip(book.texts, book.embeddings @ image, strict=True))
    whole = [*TEXTS, "an owl, night"]
    assert candidate.text == max(whole, key=lambda text: cosines[text])
    assert candidate.method == "caption-stand-in"
    assert METHODS["caption"](give(encoder, image)) == []


def test_captioners_that_cannot_be_loaded_are_named(
    blip: Path, tagger: Path, tmp_path: Path
) -> None:
    missing = CaptionerSettings(kind="transformers", path=tmp_path / "none")
    with pytest.raises(CheckpointError, match=r"recover\.captioners: there is no folder .*none"):
        caption_pictures(pictures(), missing)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(CheckpointError, match="cannot be loaded as an image-to-text model"):
        caption_pictures(pictures(), CaptionerSettings(kind="transformers", path=empty))
    with pytest.raises(CheckpointError, match=r"there is no .*model\.onnx"):
        caption_pictures(pictures(), CaptionerSettings(kind="tagger", path=empty))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "model.onnx").write_bytes((tagger / "model.onnx").read_bytes())
    (broken / "selected_tags.csv").write_text("tag_id,name,category,count\n0,owl,0,1\n")
    with pytest.raises(CheckpointError, match=r"has 4 outputs and .* names 1"):
        caption_pictures(pictures(), CaptionerSettings(kind="tagger", path=broken))
    (broken / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="cannot be loaded as a tagger"):
        caption_pictures(pictures(), CaptionerSettings(kind="tagger", path=broken, threshold=0.5))
    incomplete = tmp_path / "incomplete"
    incomplete.mkdir()
    from safetensors.torch import load_file, save_file

    for file in blip.iterdir():
        if file.name != "model.safetensors":
            (incomplete / file.name).write_bytes(file.read_bytes())
    weights = load_file(blip / "model.safetensors")
    weights.pop(next(name for name in weights if "vision" in name))
    save_file(weights, incomplete / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"lack .*random"):
        caption_pictures(pictures(), CaptionerSettings(kind="transformers", path=incomplete))
