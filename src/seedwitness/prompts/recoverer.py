"""Recover prompts and look up pictures with one loaded CLIP, for one picture or many.

Targets and controls go through the same functions, so that both are treated equally.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from PIL import Image

from seedwitness import prompts
from seedwitness.config.inputs import ClipSettings, CorpusSettings
from seedwitness.config.steps import LookupSettings, RecoverSettings
from seedwitness.corpus import Embedder
from seedwitness.corpus.embeddings import embed_pictures
from seedwitness.corpus.hash_table import CopyLimits
from seedwitness.corpus.image_hashes import hash_query, load_describer
from seedwitness.corpus.index import CorpusIndex, load_index, load_rows
from seedwitness.corpus.lookup import Hit, look_up, make_match_table
from seedwitness.imaging import perceptual_fingerprint
from seedwitness.imaging.decoding import hash_pixels
from seedwitness.metrics import clip_score
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts import phrasebook
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.encoder import make_text_encoder
from seedwitness.prompts.interrogate import make_negative_prompt
from seedwitness.prompts.phrase_tables import NEGATIVE, load_tables
from seedwitness.prompts.prompt_selection import select_prompts
from seedwitness.prompts.recovery_input import (
    Phrasebook,
    PhraseTables,
    RecoveryInput,
    TextEncoder,
    Vectors,
)
from seedwitness.records.target import Claim
from seedwitness.runtime.devices import default_device
from seedwitness.statistics.description_length import count_text_bits

EVOLVED_PHRASES = 256
"""The phrases that methods on a checkpoint draw from."""


@dataclass(frozen=True)
class PromptRecoverer:
    """A loaded CLIP, its text encoder, and the settings and phrases of the recovery methods."""

    clip: ClipScore
    encoder: TextEncoder
    settings: RecoverSettings | None
    phrasebook: Phrasebook | None
    tables: PhraseTables | None = None
    ended_by_time: list[bool] = field(default_factory=list)
    """Whether a limit in time ended a method of the last recovery."""

    @property
    def embedder(self) -> Embedder:
        """CLIP in the form that an index needs."""
        return Embedder(self.clip.embed_images, self.clip.embed_texts, self.clip.info)

    def embed_image(self, image: Image.Image) -> Vectors:
        """Embed a picture: [d], of unit length."""
        vector: Vectors = embed_pictures([image], self.clip.embed_images)[0]
        return vector

    def recover(
        self, image: Image.Image, claims: Sequence[Claim], caption: str | None
    ) -> tuple[pd.DataFrame, dict[str, int]]:
        """Run all methods: candidates as PROMPTS, and their number by method."""
        return self.recover_many([(image, claims, caption)])[0]

    def recover_many(
        self, targets: Sequence[tuple[Image.Image, Sequence[Claim], str | None]]
    ) -> list[tuple[pd.DataFrame, dict[str, int]]]:
        """Run all methods on every target: picture, claims, and the caption that a user states."""
        if self.settings is None:
            raise ValueError("this recoverer has no recovery settings")
        budget = Budget(seconds=self.settings.seconds)
        inputs = [self._make_input(*target, budget) for target in targets]
        recovered = prompts.recover_many(self.settings.methods, inputs)
        self.ended_by_time[:] = [budget.ended_by_time]
        return recovered

    def list_phrases(self, image: Image.Image) -> list[str]:
        """The parts of prompts that are closest to a picture: phrases, and those of the tables.

        At most EVOLVED_PHRASES, by cosine, then by text; empty where no method uses phrases.
        """
        vector = self.embed_image(image)
        scores: dict[str, float] = {}
        book, tables = self.phrasebook, self.tables
        if book is not None and book.texts:
            cosines = book.embeddings @ vector
            scores |= {
                text: round(float(cosine), 6)
                for text, cosine, extends in zip(book.texts, cosines, book.can_extend, strict=True)
                if extends
            }
        for kind, texts in tables.texts.items() if tables is not None else ():
            if tables is not None and texts and kind != NEGATIVE:
                values = (tables.embeddings[kind] @ vector).tolist()
                scores |= {text: round(c, 6) for text, c in zip(texts, values, strict=True)}
        return sorted(scores, key=lambda text: (-scores[text], text))[:EVOLVED_PHRASES]

    def make_negative_prompt(self, image: Image.Image) -> str:
        """The negative prompt that ``interrogate`` recovers; empty where it is not asked to."""
        settings = self.settings
        if settings is None or self.tables is None or "negative" not in settings.modes:
            return ""
        return make_negative_prompt(self._make_input(image, (), None, Budget()))

    def _make_input(
        self, image: Image.Image, claims: Sequence[Claim], caption: str | None, budget: Budget
    ) -> RecoveryInput:
        if self.settings is None:
            raise ValueError("this recoverer has no recovery settings")
        return RecoveryInput(
            image=self.embed_image(image),
            claims=claims,
            caption=caption,
            encoder=self.encoder,
            phrasebook=self.phrasebook,
            max_phrases=self.settings.max_phrases,
            shortlist=self.settings.shortlist,
            picture=image,
            clip=self.clip,
            tables=self.tables,
            modes=self.settings.modes,
            captioners=self.settings.captioners,
            pez=self.settings.pez,
            budget=budget,
        )

    def look_up(
        self,
        index: CorpusIndex,
        image: Image.Image,
        texts: Sequence[str],
        corpus: CorpusSettings,
        settings: LookupSettings,
    ) -> tuple[list[Hit], pd.DataFrame]:
        """Look up the picture and each text: the hits, and the same as a table MATCHES."""
        vectors: Mapping[str, Vectors] = {}
        if texts:
            vectors = dict(zip(texts, self.encoder.embed(texts), strict=True))
        describer = load_describer(corpus.descriptor) if index.hashes.has_descriptors else None
        hashed = hash_query(image, describer)
        hits = look_up(
            index,
            self.embed_image(image),
            vectors,
            neighbours=settings.neighbours,
            near_duplicate=settings.near_duplicate,
            hashed=hashed,
            limits=CopyLimits(settings.copy_pdq, settings.copy_descriptor),
        )
        captions = dict.fromkeys(index.rows["caption"].iloc[[hit.row for hit in hits]])
        sizes = {caption: self.measure_text(caption) for caption in captions}
        return hits, make_match_table(index, hits, corpus.path, hashed.hashes, sizes)

    def open_index(self, index: Path) -> CorpusIndex:
        """Load the index in a folder; check that this model made it."""
        return load_index(index, self.embedder)

    def measure_text(self, text: str) -> tuple[int, float]:
        """Count the tokens of a text, and its bits by ``description_length.count_text_bits``."""
        return self.encoder.count_tokens(text), count_text_bits(text)

    def recover_control(
        self,
        image: Image.Image,
        text: str,
        index: CorpusIndex,
        corpus: CorpusSettings,
        settings: LookupSettings,
        limit: int,
        recovered: pd.DataFrame | None = None,
    ) -> tuple[pd.DataFrame, str]:
        """Recover a control's prompts as those of a target whose user states ``text``.

        ``recovered`` are its candidates by ``recover_many``, where they were made before.

        Returns the candidates as PROMPTS, and the corpus's file that holds the same picture (by
        pixels or by perceptual fingerprint), which is usually empty. The caption of the nearest
        record comes first and the control's own text after it. If only one prompt is tried, it is
        the control's own text, because a target that is in the corpus is tried with its own too.
        """
        if recovered is None:
            recovered, _ = self.recover(image, claims=(), caption=text)
        stated = recovered[recovered["source"] == "user"]
        if stated.empty:  # `user` is not among the methods
            stated = prompts.recover_prompts(["user"], self._make_input(image, (), text, Budget()))[
                0
            ]
        others = recovered[recovered["source"] != "user"]
        recovered = pd.concat([stated, others]).assign(rank=range(1, len(stated) + len(others) + 1))
        _, matches = self.look_up(index, image, (), corpus, settings)
        selected = select_prompts(recovered, matches if limit > 1 else matches[:0], limit)
        rows = index.rows
        files_by_pixels = rows.loc[rows["pixels_sha256"] == hash_pixels(image), "file"]
        files_by_fingerprint = rows["file"].iloc[
            index.fingerprints.find_matches(perceptual_fingerprint.fingerprint_image(image))
        ]
        copies = [
            (corpus.path / file).as_posix() for file in (*files_by_pixels, *files_by_fingerprint)
        ]
        return selected, next(iter(copies), "")


def load_recoverer(
    clip: ClipSettings, settings: RecoverSettings | None, index: Path
) -> PromptRecoverer:
    """Load CLIP, and embed the phrases and tables that the methods of ``settings`` use.

    Without ``settings`` the recoverer can look up but not recover. Raises
    CheckpointError if CLIP is missing.
    """
    clip_model = clip_score.load_clip(clip.path, default_device())
    encoder = make_text_encoder(clip_model)
    phrases = tables = None
    methods = settings.methods if settings else []
    if settings and ("phrases" in methods or ("caption" in methods and not settings.captioners)):
        if settings.phrases is not None:
            phrases = phrasebook.load_phrasebook(settings.phrases, encoder)
        else:
            rows, _ = load_rows(index)
            phrases = phrasebook.make_caption_phrasebook(rows["caption"].tolist(), encoder)
    if settings and "interrogate" in methods:
        tables = load_tables(settings.tables, encoder)
    return PromptRecoverer(clip_model, encoder, settings, phrases, tables)
