"""Draw pictures by code: a subject in a scene, in the style of an artist, on a medium.

The same seed gives the same pixels on every machine.
"""
