"""Tampering with a bundle at random, and what finds it."""
