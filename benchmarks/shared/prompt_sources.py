"""The three sources of prompts under which images are examined, as they stand in the figures."""

AS_FOUND, STATED, PIXELS_ALONE = "as found", "stated", "pixels alone"

DESCRIPTIONS = {
    AS_FOUND: "the prompts of an ordinary report, from the corpus and from the pixels",
    STATED: "the same, with the image's caption stated by a user",
    PIXELS_ALONE: "phrases of the corpus's captions that fit the pixels, with nothing looked up",
}

LABELS = {
    AS_FOUND: "corpus and pixels",
    STATED: "caption stated",
    PIXELS_ALONE: "pixels only",
}
"""How pages and plots name a source of prompts."""
