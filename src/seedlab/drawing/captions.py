"""Captions: one theme in several wordings, as people and prompt tools write them."""

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

WORDING_COUNT = len(_WORDINGS)


def write_caption(theme: Theme, wording: int) -> str:
    """The caption of ``theme``; ``wording`` selects the sentence, modulo their number."""
    article = "an" if theme.subject[0] in "aeiou" else "a"
    return _WORDINGS[wording % WORDING_COUNT].format(
        a="a",
        a_subject=f"{article} {theme.subject}",
        subject=theme.subject,
        mood=theme.mood,
        artist=theme.artist,
        palette=theme.palette,
        medium=theme.medium,
    )
