"""Samples, inverts, encodes and decodes on a checkpoint; executes recipes and caches latents."""
