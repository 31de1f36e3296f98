"""Make the text encoder of a loaded CLIP, which counts tokens with CLIP's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

from seedwitness.errors import CheckpointError
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts.recovery_input import TextEncoder, Vectors


def make_text_encoder(clip: ClipScore, batch_size: int = 256) -> TextEncoder:
    """Make the text encoder that the recovery methods use.

    Raises CheckpointError if the tokens of CLIP's tokenizer cannot be counted.
    """
    tokenizer: Any = clip.tokenizer
    if isinstance(tokenizer, SimpleTokenizer) and tokenizer.reduction_fn is None:
        vocabulary_size = tokenizer.vocab_size
    elif isinstance(tokenizer, HFTokenizer) and not tokenizer.tokenizer_mode:
        vocabulary_size = len(tokenizer.tokenizer)
    else:
        raise CheckpointError(
            f"{clip.info.name} has a tokenizer ({type(tokenizer).__name__}) whose tokens cannot be "
            "counted, so prompts could exceed the encoder's limit. Set `clip.path` to a CLIP "
            "model with CLIP's own tokenizer or a plain Hugging Face tokenizer."
        )

    def embed(texts: Sequence[str]) -> Vectors:
        vectors: Vectors = clip.embed_texts(texts, batch_size).numpy()
        return vectors

    def count(text: str) -> int:
        if isinstance(tokenizer, SimpleTokenizer):
            return len(tokenizer.encode(text)) + 2  # begin and end token
        # Not verbose: it would warn of a text that is too long, which is what is measured here.
        token_ids = tokenizer.tokenizer(tokenizer.clean_fn(text), verbose=False).input_ids
        return len(token_ids)

    return TextEncoder(embed, count, int(tokenizer.context_length), vocabulary_size)
