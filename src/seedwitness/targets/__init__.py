"""A target: decoded, made upright RGB, read for what its file claims, measured, added.

Pictures come from the other party: nothing in one may stop the examination except pixels that
cannot be decoded. What else cannot be read is written down, with the reason.
"""
