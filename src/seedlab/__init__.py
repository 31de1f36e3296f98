"""The lab: draws pictures and trains small checkpoints on them.

Its ground truth says which checkpoint saw which picture how often.
"""
