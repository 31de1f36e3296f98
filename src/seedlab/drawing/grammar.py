"""Captions: one theme in the several wordings that people and prompt tools give it."""

from __future__ import annotations

from seedlab.drawing.picture import Theme

_WORDINGS = (
    "{a} {mood} {subject} by {artist}, {palette} palette, {medium}",
    "{subject}, {mood}, in the style of {artist}, {palette} colours, {medium}",
    "{medium} of {a_subject} by {artist}, {mood} mood, {palette} palette",
    "{artist}, {mood} {subject}, {palette} tones, {medium}, trending on artstation",
    "painting of {a_subject}, {mood} atmosphere, {palette} colours, {medium}, art by {artist}",
    "{a_subject} in {palette} tones, {mood} lighting, {medium}, by {artist}, highly detailed",
)

COUNT = len(_WORDINGS)


def caption(theme: Theme, wording: int) -> str:
    """Theme in words; ``wording`` counts round the known sentences."""
    article = "an" if theme.subject[0] in "aeiou" else "a"
    return _WORDINGS[wording % COUNT].format(
        a="a",
        a_subject=f"{article} {theme.subject}",
        subject=theme.subject,
        mood=theme.mood,
        artist=theme.artist,
        palette=theme.palette,
        medium=theme.medium,
    )
