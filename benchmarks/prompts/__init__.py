"""Prompt recovery, measured on pictures whose training caption is known."""
