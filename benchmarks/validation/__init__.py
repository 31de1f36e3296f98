"""Validation: how often findings are right, on images whose true answer is known."""
