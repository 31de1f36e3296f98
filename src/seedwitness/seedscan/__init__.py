"""Correlates an image with the noise of every seed of the 2^32 seed space."""
