"""Captioners of transformers' own classes, untrained, very small, saved where they are needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = "Describe the owl . USER : ASSISTANT a red fish blue lighthouse <CAPTION>"

IMAGE = "<image>"


def make_tokenizer(specials: dict[str, str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*specials.values(), IMAGE, *WORDS.split()]
    model = models.WordLevel({word: i for i, word in enumerate(dict.fromkeys(words))}, "<unk>")
    plain = Tokenizer(model)
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=plain, **specials, extra_special_tokens={"image_token": IMAGE}
    )


SPECIALS = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def save_llava(folder: Path) -> None:
    """LLaVA: a CLIP vision tower and a Llama of one layer, with a chat template."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = make_tokenizer(SPECIALS)
    size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}
    vision = CLIPVisionConfig(**size, num_attention_heads=2, image_size=32, patch_size=16)
    text = LlamaConfig(
        **size,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=len(tokenizer),
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=4,
    )
    torch.manual_seed(2)
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False)
    LlavaProcessor(
        images,
        tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=(
            "{% for m in messages %}USER : {% for c in m['content'] %}{% if c['type'] == 'image' %}"
            "<image> {% else %}{{ c['text'] }}{% endif %}{% endfor %} ASSISTANT :{% endfor %}"
        ),
    ).save_pretrained(folder)


def save_florence2(folder: Path) -> None:
    """Florence-2: its own vision tower and BART of one layer."""
    import torch
    from transformers import (
        BartConfig,
        CLIPImageProcessor,
        Florence2Config,
        Florence2ForConditionalGeneration,
        Florence2Processor,
        Florence2VisionConfig,
    )

    tokenizer = make_tokenizer(SPECIALS)
    vision = Florence2VisionConfig(
        embed_dim=[8, 16, 16, 32],
        num_heads=[1, 1, 1, 2],
        num_groups=[1, 1, 1, 2],
        depths=[1, 1, 1, 1],
        window_size=2,
        projection_dim=32,
    )
    text = BartConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=128,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=2,
    )
    config = Florence2Config(
        text_config=text,
        vision_config=vision,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
    )
    torch.manual_seed(3)
    Florence2ForConditionalGeneration(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"height": 64, "width": 64}, do_center_crop=False)
    images.image_seq_length = 5
    Florence2Processor(images, tokenizer).save_pretrained(folder)
