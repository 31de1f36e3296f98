"""Checkpoints under examination: loading, and the engine that samples from them."""
