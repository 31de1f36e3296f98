"""Attributes an image to a checkpoint: seed scan of its inversion, then fitting of its recipe."""
