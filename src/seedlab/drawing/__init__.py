"""Artworks drawn by code: subjects in a scene, by a hand, on a medium, the same everywhere."""
