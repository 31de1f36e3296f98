"""What a file is, by keys that its format has."""

import pytest

from seedwitness.checkpoints.weights_kind import name_weights_kind

UNET = "model.diffusion_model."
SD1 = {
    f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
    f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3),
    "cond_stage_model.transformer.text_model.final_layer_norm.weight": (768,),
}
ONE = (1, 1)


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (SD1, "a checkpoint of Stable Diffusion 1"),
        (
            SD1 | {"cond_stage_model.model.positional_embedding": (77, 1024)},
            "a checkpoint of Stable Diffusion 2",
        ),
        (
            SD1 | {f"{UNET}label_emb.0.0.weight": (1280, 2816)},
            "a checkpoint of Stable Diffusion XL",
        ),
        (
            SD1 | {f"{UNET}input_blocks.0.0.weight": (320, 9, 3, 3)},
            "an inpainting or editing checkpoint",
        ),
        ({f"{UNET}joint_blocks.0.x": ONE}, "a checkpoint of Stable Diffusion 3"),
        ({f"{UNET}double_blocks.0.x": ONE}, "a checkpoint of Flux"),
        ({"double_blocks.0.img_attn.proj.weight": ONE}, "a checkpoint of Flux"),
        ({"lora_unet_down_blocks_0.lora_down.weight": ONE}, "a LoRA"),
        ({"lora_te1_text_model_encoder.alpha": ()}, "a LoRA"),
        ({"unet.down_blocks.0.attn1.to_q.lora_A.weight": ONE}, "a LoRA"),
        ({"unet.down_blocks.0.attn1.processor.to_q_lora.down.weight": ONE}, "a LoRA"),
        ({"transformer.double_blocks.0.lora_B.weight": ONE}, "a LoRA"),
        ({"lora_unet_down_blocks_0.hada_w1_a": ONE}, "a LyCORIS adapter"),
        ({"lycoris_down_blocks_0.lokr_w1": ONE}, "a LyCORIS adapter"),
        ({"emb_params": (4, 768)}, "a textual inversion embedding"),
        ({"clip_l": (4, 768), "clip_g": (4, 1280)}, "a textual inversion embedding"),
        ({"<cat-toy>": (768,)}, "a textual inversion embedding"),
        ({"string_to_param.*": (4, 768)}, "a textual inversion embedding"),
        ({"encoder.conv_in.weight": (128, 3, 3, 3)}, "an autoencoder (VAE)"),
        ({"first_stage_model.decoder.conv_in.weight": ONE}, "an autoencoder (VAE)"),
        ({"control_model.zero_convs.0.0.weight": ONE}, "a ControlNet"),
        ({"controlnet_cond_embedding.conv_in.weight": ONE}, "a ControlNet"),
        ({"768.0.linear.0.weight": ONE}, "a hypernetwork"),
        ({"image_proj.proj.weight": ONE}, "an IP-Adapter"),
        ({"text_model.embeddings.position_ids": ONE}, "a text encoder"),
        (
            {"down_blocks.0.resnets.0.norm1.weight": ONE},
            "one component of a diffusers folder, a denoiser",
        ),
        ({"something": ONE}, ""),
        ({}, ""),
    ],
)
def test_a_file_is_called_by_its_keys(shapes: dict[str, tuple[int, ...]], kind: str) -> None:
    assert name_weights_kind(shapes) == kind
