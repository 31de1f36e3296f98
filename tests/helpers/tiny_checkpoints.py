"""A checkpoint that is small enough to be made where it is needed."""

from pathlib import Path


def save_tiny_checkpoint(folder: Path) -> None:
    """Save a checkpoint of Stable Diffusion 1's classes, untrained, very small: 32 × 32.

    Unlike the lab's it predicts the noise, and sees the caption by cross-attention alone.
    """
    import torch
    from diffusers import DDIMScheduler, UNet2DConditionModel

    from seedlab import autoencoder, diffusion
    from seedlab.tokenizer import train_tokenizer

    tokenizer = train_tokenizer(["a red fish", "a blue lighthouse"])
    small = diffusion.DiffusionSettings(
        channels=(32, 64), attends=(False, True), text_width=32, text_layers=1
    )
    vae = autoencoder.build_autoencoder(
        autoencoder.AutoencoderSettings(channels=(8, 16, 16), latent_channels=4), 32
    )
    model = diffusion.build_networks(small, tokenizer, 4, 8)
    plain = dict(model["unet"].config)
    for name in ("addition_embed_type", "resnet_time_scale_shift"):
        del plain[name]
    torch.manual_seed(1)
    model["unet"] = UNet2DConditionModel.from_config(plain)
    diffusion.save_pipeline(model, vae, tokenizer, folder)
    noise = {**diffusion.NOISE_SCHEDULE, "prediction_type": "epsilon"}
    DDIMScheduler(**noise).save_pretrained(folder / "scheduler")
