"""What recovery and lookup need of CLIP and of the corpus, loaded once for one picture or many.

Targets and controls go through the same functions, so that neither is asked in another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from seedwitness import prompts
from seedwitness.config.inputs import ClipSettings
from seedwitness.config.steps import LookupSettings, RecoverSettings
from seedwitness.corpus import Embedder, ImageHashes
from seedwitness.corpus.embeddings import embed_pictures
from seedwitness.corpus.index import Index, load, load_rows
from seedwitness.corpus.lookup import Hit, look_up, table
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.decoding import pixel_hash
from seedwitness.metrics import clip_score, phash
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts import phrasebook
from seedwitness.prompts.prompt_selection import candidates
from seedwitness.prompts.encoder import text_encoder
from seedwitness.prompts.recovery_input import Phrasebook, RecoveryInput, TextEncoder, Vectors
from seedwitness.records.target import Claim
from seedwitness.runtime.devices import default_device
from seedwitness.statistics.description_length import text_bits


def hash_image(image: Image.Image) -> ImageHashes:
    """Perceptual hashes of a picture, as the table of a corpus holds them."""
    return ImageHashes(phash.hashed(image), perceptual_fingerprint.fingerprint_image(image))


@dataclass(frozen=True)
class PromptRecoverer:
    """A loaded CLIP, its text encoder, and the methods of recovery with what they need."""

    clip: ClipScore
    encoder: TextEncoder
    settings: RecoverSettings | None
    phrasebook: Phrasebook | None

    @property
    def embedder(self) -> Embedder:
        """CLIP as an index wants it."""
        return Embedder(self.clip.embed_images, self.clip.embed_texts, self.clip.info)

    def embed(self, image: Image.Image) -> Vectors:
        """Embedding of a picture, of unit length: [d]."""
        vector: Vectors = embed_pictures([image], self.clip.embed_images)[0]
        return vector

    def recover(
        self, image: Image.Image, claims: Sequence[Claim], caption: str | None
    ) -> tuple[pd.DataFrame, dict[str, int]]:
        """Candidates of all methods as PROMPTS, and how many each gave."""
        if self.settings is None:
            raise ValueError("this asker was made without the settings of a recovery")
        return prompts.recover(self.settings.methods, self._given(image, claims, caption))

    def _given(
        self, image: Image.Image, claims: Sequence[Claim], caption: str | None
    ) -> RecoveryInput:
        if self.settings is None:
            raise ValueError("this asker was made without the settings of a recovery")
        return RecoveryInput(
            image=self.embed(image),
            claims=claims,
            caption=caption,
            encoder=self.encoder,
            phrasebook=self.phrasebook,
            most_phrases=self.settings.max_phrases,
            shortlist=self.settings.shortlist,
        )

    def look_up(
        self,
        index: Index,
        image: Image.Image,
        texts: Sequence[str],
        corpus: Path,
        settings: LookupSettings,
    ) -> tuple[list[Hit], pd.DataFrame]:
        """Hits by the picture and by each text, and the same as MATCHES."""
        vectors: Mapping[str, Vectors] = {}
        if texts:
            vectors = dict(zip(texts, self.encoder.embed(texts), strict=True))
        hits = look_up(
            index,
            self.embed(image),
            vectors,
            neighbours=settings.neighbours,
            near_duplicate=settings.near_duplicate,
        )
        return hits, table(
            index,
            hits,
            corpus,
            hash_image(image),
            perceptual_fingerprint.hamming_distance,
            self.measured,
        )

    def open(self, index: Path) -> Index:
        """The index in a folder, checked to be of this model."""
        return load(index, self.embedder)

    def measured(self, text: str) -> tuple[int, float]:
        """Tokens of a text, and its bits by ``coding.text_bits``."""
        return self.encoder.count(text), text_bits(text)

    def as_control(
        self,
        image: Image.Image,
        text: str,
        index: Index,
        corpus: Path,
        settings: LookupSettings,
        limit: int,
    ) -> tuple[pd.DataFrame, str]:
        """A control's candidates as PROMPTS: those of a target whose user states ``text``.

        So the caption of its nearest record comes first, and its own after; where only one prompt
        is tried that is its own, because a target that is found in the corpus has its own too.
        And where the corpus holds the very picture, by its pixels or as ``resaved`` sees it;
        mostly empty.
        """
        recovered, _ = self.recover(image, claims=(), caption=text)
        stated = recovered[recovered["source"] == "user"]
        if stated.empty:  # the methods do not ask the user
            stated = prompts.recover(["user"], self._given(image, (), text))[0]
        rest = recovered[recovered["source"] != "user"]
        recovered = pd.concat([stated, rest]).assign(rank=range(1, len(stated) + len(rest) + 1))
        _, matches = self.look_up(index, image, (), corpus, settings)
        found = candidates(recovered, matches if limit > 1 else matches[:0], limit)
        rows = index.rows
        pixels = rows.loc[rows["pixels_sha256"] == pixel_hash(image), "file"]
        alike = rows["file"].iloc[
            index.fingerprints.find_matches(perceptual_fingerprint.fingerprint_image(image))
        ]
        same = [(corpus / file).as_posix() for file in (*pixels, *alike)]
        return found, next(iter(same), "")


def load_recoverer(
    clip: ClipSettings, settings: RecoverSettings | None, index: Path
) -> PromptRecoverer:
    """CLIP loaded, and the phrases of a file or of the corpus's captions embedded where asked for.

    Without ``settings`` it can look up, not recover. Raises ConfigError for an unknown method,
    CheckpointError where CLIP is missing.
    """
    loaded = clip_score.load(clip.path, default_device())
    encoder = text_encoder(loaded)
    book = None
    if settings is not None:
        prompts.check(settings.methods)
    if settings is not None and "phrases" in settings.methods:
        if settings.phrases is not None:
            book = phrasebook.from_file(settings.phrases, encoder)
        else:
            rows, _ = load_rows(index)
            book = phrasebook.from_captions(rows["caption"].tolist(), encoder)
    return PromptRecoverer(loaded, encoder, settings, book)
