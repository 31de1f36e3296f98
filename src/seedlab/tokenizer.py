"""Train the lab's tokenizer: CLIP's byte-level BPE (Radford et al. 2021) on the lab's captions.

The vocabulary has CLIP's layout: 256 bytes, the same 256 bytes at the end of a word, the merges in
the order in which they were learned, ``<|startoftext|>``, ``<|endoftext|>``. So every text has
tokens, and the end token has the highest id, by which CLIP's text towers find it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import CLIPTokenizer

from seedwitness.errors import TrainingError

END_OF_WORD = "</w>"
SPECIAL = ("<|startoftext|>", "<|endoftext|>")


def train_tokenizer(captions: Iterable[str], limit: int = 32, *, size: int = 1024) -> CLIPTokenizer:
    """Byte-level BPE of at most ``size`` tokens learned from ``captions``, in CLIP's format.

    ``limit`` is the maximum number of tokens of a text, with start and end; a call with
    ``truncation`` cuts longer texts. The result depends only on how often each caption occurs.
    Raises TrainingError where all captions are empty.
    """
    texts = sorted(captions)
    if not any(text.strip() for text in texts):
        raise TrainingError("All captions are empty. Give the pictures a `text` in metadata.jsonl.")
    bytes_ = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = bytes_ + [byte + END_OF_WORD for byte in bytes_]
    template = CLIPTokenizer().backend_tokenizer
    learner = Tokenizer(models.BPE(end_of_word_suffix=END_OF_WORD))
    learner.normalizer = template.normalizer
    learner.pre_tokenizer = template.pre_tokenizer
    # The trainer breaks ties by token id. Letters that it discovers get their ids in the order of a
    # hash map, which changes from run to run. So all letters are given in advance.
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL),
        min_frequency=2,
        special_tokens=letters,
        end_of_word_suffix=END_OF_WORD,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    merges = [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]
    tokens = [*letters, *(left + right for left, right in merges), *SPECIAL]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=limit)  # type: ignore[arg-type]


def tokenize_captions(tokenizer: CLIPTokenizer, captions: Sequence[str]) -> Tensor:
    """Token ids of captions as StableDiffusionPipeline computes them: [n, limit]."""
    encoded = tokenizer(list(captions), padding="max_length", truncation=True, return_tensors="pt")
    ids: Tensor = encoded.input_ids
    return ids


def save_tokenizer(tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write ``tokenizer`` into ``folder``: tokenizer.json, and the two files of older readers."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.backend_tokenizer.no_truncation()  # the settings of the last call are no part of it
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(str(folder))
    tokenizer.backend_tokenizer.model.save(str(folder))  # vocab.json, merges.txt
