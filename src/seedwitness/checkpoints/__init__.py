"""Checkpoints under examination: identity, loading, and the engine that samples from them.

Nothing here reaches the network. ``identity`` reads files without torch; ``loading`` makes
diffusers' own classes of them; ``sampling`` draws latents and pictures.
"""
