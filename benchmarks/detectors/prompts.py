"""The prompts under which detectors are measured, as they stand in the figures."""

TRAINING_CAPTION, RECOVERED_PROMPT, NO_PROMPT = PROMPTS = ("training caption", "recovered", "none")

PROMPT_LABELS = {RECOVERED_PROMPT: "recovered from the pixels", NO_PROMPT: "no prompt"}
"""How the page names a prompt where it does not use the name in the figures."""

COSTLY = "invmm"
"""A detector that takes hundreds of passes an image, so it is measured under one prompt only."""
