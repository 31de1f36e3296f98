"""Scan the seed space: correlate an image with the noise of each of the 2^32 seeds."""
