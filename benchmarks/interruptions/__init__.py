"""Interruptions: what `seedwitness run` makes of being killed at any moment."""
