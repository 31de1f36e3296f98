"""Checkpoints under examination: identity by hash, and safe loading.

Nothing here accesses the network. ``identity`` reads files without torch; ``loading`` builds
diffusers' own classes from them.
"""
