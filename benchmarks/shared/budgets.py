"""The search budgets at which findings are validated."""

STEPS_BY_BUDGET = {160: 10, 640: 20, 1920: 20}
"""Denoising steps by the budget of a case in NFE: the demonstration's, then a lab's measurement."""

CAPTION_ONLY_BUDGET = 1920
"""The budget at which images are examined with their caption stated, and with no other prompts."""
