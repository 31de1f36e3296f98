"""Samples, inverts, encodes and decodes on a checkpoint; runs recipes and caches their latents."""
