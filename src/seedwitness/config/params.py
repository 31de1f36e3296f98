"""All sections together: ``params.yaml``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from seedwitness.config.inputs import Checkpoint, Clip, Corpus, Name, Section, Target
from seedwitness.config.reading import FILE_NAME, mapping, validated
from seedwitness.config.steps import Lookup, Prepare, Reach, Recover, Scan, Search
from seedwitness.config.verdicts import Controls, Detectors, Judge, Report, Score, Tracking


class Params(Section):
    """``params.yaml``: every section, in the order of the way of the data."""

    targets: dict[Name, Target] = Field(min_length=1)
    checkpoints: dict[Name, Checkpoint] = Field(min_length=1)
    corpus: Corpus
    clip: Clip
    prepare: Prepare
    recover: Recover
    lookup: Lookup
    search: Search
    scan: Scan
    reach: Reach
    detectors: Detectors
    score: Score
    controls: Controls
    judge: Judge
    report: Report
    tracking: Tracking

    @model_validator(mode="after")
    def _agrees(self) -> Params:
        if self.judge.reference not in self.checkpoints:
            known = ", ".join(self.checkpoints)
            raise ValueError(
                f"judge.reference: no checkpoint is called {self.judge.reference!r}; known: {known}"
            )
        watched = {"clip": self.clip.watch, "controls": self.controls.watch}
        watched |= {"score": self.score.watch} if self.score.weights else {}
        watched |= {f"checkpoints.{name}": each.watch for name, each in self.checkpoints.items()}
        for name, watch in watched.items():
            if watch is None:
                raise ValueError(
                    f"{name}.watch: name what DVC watches for changes, mostly the path"
                )
        if phrases := self.recover.phrases:
            seen = [each for each in (self.corpus.path, self.controls.watch) if each]
            if not any(phrases.is_relative_to(each) for each in seen):
                raise ValueError(
                    f"recover.phrases: DVC would not see {phrases} change; put it below "
                    f"{' or '.join(map(str, seen))}, which it watches"
                )
        learned = self.controls.known.folders if self.controls.known else {}
        if strangers := sorted(set(learned) - set(self.checkpoints)):
            raise ValueError(
                f"controls.known.folders: no checkpoint is called {strangers[0]!r}; known: "
                f"{', '.join(self.checkpoints)}"
            )
        used = {self.judge.metric, *(copy.metric for copy in self.judge.copies)}
        unscored = sorted(used - set(self.score.metrics))
        if unscored:
            raise ValueError(f"judge uses {', '.join(unscored)}, which score.metrics does not name")
        if unweighted := sorted(used & set(self.score.not_run)):
            raise ValueError(
                f"judge uses {', '.join(unweighted)}, for which score.weights names no file"
            )
        return self


def load(path: Path = Path(FILE_NAME)) -> Params:
    """All sections. Raises ConfigError that names the key and what is known in its place."""
    return validated(Params, mapping(path), str(path))
