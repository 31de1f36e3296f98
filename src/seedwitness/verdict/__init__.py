"""Rules that turn figures into findings. Needs no torch."""
