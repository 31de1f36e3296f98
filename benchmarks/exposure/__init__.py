"""Measures the question *exposed* on images whose true answer is known, and writes its page."""
