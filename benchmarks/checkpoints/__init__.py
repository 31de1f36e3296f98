"""Compares small checkpoints of every family with the family's own pipeline."""
