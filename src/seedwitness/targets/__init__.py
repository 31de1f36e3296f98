"""Prepare a target: decode, normalise to upright RGB, read claims, measure, add to the folder.

Pictures come from the other party: no defect of a file stops the examination, except pixels that
cannot be decoded. Anything else that cannot be read is recorded with the reason.
"""
