"""Compares the engine's samplers with diffusers' pipeline and with k-diffusion."""
