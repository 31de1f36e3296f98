"""The lab's tokenizer: CLIP's format, any text at all, the same from the same captions."""

from pathlib import Path

import pytest
import torch
from tokenizers import pre_tokenizers
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from seedlab.tokenizer import END_OF_WORD, save_tokenizer, train_tokenizer
from seedwitness.errors import TrainingError

CAPTIONS = [
    "screen print of an owl by Ilo Vanterpool, dreamy mood, tidewater palette",
    "a misty lighthouse by Petra Lumen, harvest palette, gouache on paper",
    "Ilo Vanterpool, misty owl, harvest tones, screen print",
    "a stormy lighthouse in harvest tones, by Petra Lumen",
] * 2
ODD = "Ünï 日本語 🦉\n\t42's $x_{i}$ </w>"


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(CAPTIONS)


def test_the_vocabulary_has_clips_layout(tokenizer: CLIPTokenizer) -> None:
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    assert tokens[:256] == letters
    assert tokens[256:512] == [letter + END_OF_WORD for letter in letters]
    assert tokens[-2:] == ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(tokens)) == len(tokens) <= 1024


def test_words_of_the_captions_are_single_tokens(tokenizer: CLIPTokenizer) -> None:
    text = "Petra Lumen, misty lighthouse"
    assert tokenizer.tokenize(text) == [
        w + END_OF_WORD for w in ("petra", "lumen", ",", "misty", "lighthouse")
    ]


def test_any_text_can_be_encoded_and_read_back(tokenizer: CLIPTokenizer) -> None:
    ids = tokenizer(ODD).input_ids
    assert ids.count(tokenizer.unk_token_id) == 1  # the end: nothing in between was unknown
    read = tokenizer.decode(ids, skip_special_tokens=True)
    assert read.replace(" ", "") == "".join(ODD.lower().split())
    every_byte = "".join(map(chr, range(33, 1500)))
    assert tokenizer(every_byte).input_ids.count(tokenizer.eos_token_id) == 1


def test_a_long_text_is_cut_before_the_end_token(tokenizer: CLIPTokenizer) -> None:
    ids = tokenizer(
        "owl " * 50, truncation=True, padding="max_length", max_length=tokenizer.model_max_length
    ).input_ids
    assert len(ids) == 32
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)


def files_of(tokenizer: CLIPTokenizer, folder: Path) -> dict[str, bytes]:
    save_tokenizer(tokenizer, folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_order_of_the_captions_and_earlier_use_do_not_matter(
    tokenizer: CLIPTokenizer, tmp_path: Path
) -> None:
    tokenizer(CAPTIONS, truncation=True, padding="max_length", max_length=7)
    again = train_tokenizer(reversed(CAPTIONS))
    assert again.get_vocab() == tokenizer.get_vocab()
    assert files_of(again, tmp_path / "again") == files_of(tokenizer, tmp_path / "first")


@pytest.mark.parametrize(
    "older", [False, True], ids=["tokenizer.json", "vocab.json and merges.txt"]
)
def test_it_loads_as_it_was_saved(tokenizer: CLIPTokenizer, tmp_path: Path, older: bool) -> None:
    save_tokenizer(tokenizer, tmp_path)
    if older:
        (tmp_path / "tokenizer.json").unlink()
    texts = [*CAPTIONS, ODD, ""]
    for loaded in (
        CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True),
        AutoTokenizer.from_pretrained(tmp_path, local_files_only=True),
    ):
        assert isinstance(loaded, CLIPTokenizer)
        assert loaded.model_max_length == 32
        assert loaded(texts).input_ids == tokenizer(texts).input_ids


def test_a_text_encoder_pools_at_the_first_end_token(tokenizer: CLIPTokenizer) -> None:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    batch = tokenizer("a misty owl", padding="max_length", return_tensors="pt")
    with torch.no_grad():
        out = CLIPTextModel(config).eval()(batch.input_ids)
    end = batch.input_ids[0].tolist().index(tokenizer.eos_token_id)
    torch.testing.assert_close(out.pooler_output, out.last_hidden_state[:, end])


def test_captions_without_words_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"metadata\.jsonl"):
        train_tokenizer(["", "  "])
