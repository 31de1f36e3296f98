"""The prompt that the user states."""

from __future__ import annotations

from seedwitness.prompts.given import Found, Given


def stated(given: Given) -> list[Found]:
    """The caption that the settings give the target; none where there is none or it is blank."""
    if given.caption is None or not given.caption.strip():
        return []
    return [Found(given.caption, "user", "user")]
