"""Measures how well a checkpoint denoises an image that it is shown, for the question *exposed*.

``denoising_loss`` measures, ``blind_features`` describes images and captions without any model, and
``overlap`` finds images that are crops or mirror images of others. Nothing is decided here.
"""
