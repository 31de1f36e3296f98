"""The text encoder of a loaded CLIP, with its tokens counted for real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

from seedwitness.errors import CheckpointError
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts.recovery_input import TextEncoder, Vectors


def text_encoder(clip: ClipScore, batch: int = 256) -> TextEncoder:
    """What the recovery methods need of ``clip``.

    Raises CheckpointError where it has a tokenizer whose tokens cannot be counted here.
    """
    tokenizer: Any = clip.tokenizer
    if isinstance(tokenizer, SimpleTokenizer) and tokenizer.reduction_fn is None:
        vocabulary = tokenizer.vocab_size
    elif isinstance(tokenizer, HFTokenizer) and not tokenizer.tokenizer_mode:
        vocabulary = len(tokenizer.tokenizer)
    else:
        raise CheckpointError(
            f"{clip.info.name} has a tokenizer ({type(tokenizer).__name__}) whose tokens cannot be "
            "counted, so that prompts could grow past what it reads. Name a CLIP model with "
            "CLIP's own tokenizer, or a plain one of Hugging Face, as `clip.path`."
        )

    def embed(texts: Sequence[str]) -> Vectors:
        vectors: Vectors = clip.embed_texts(texts, batch).numpy()
        return vectors

    def count(text: str) -> int:
        if isinstance(tokenizer, SimpleTokenizer):
            return len(tokenizer.encode(text)) + 2  # begin and end
        # Not verbose: it would warn that the text is too long, which is what is being asked.
        numbers = tokenizer.tokenizer(tokenizer.clean_fn(text), verbose=False).input_ids
        return len(numbers)

    return TextEncoder(embed, count, int(tokenizer.context_length), vocabulary)
