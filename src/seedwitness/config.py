"""The settings of the pipeline: one model a section of ``params.yaml``, frozen, typos refused.

``params.yaml`` is composed from ``conf/`` by Hydra. A stage reads its own section and nothing else,
because DVC reruns it for the sections that ``dvc.yaml`` names, and for no others.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from seedwitness.errors import ConfigError

FILE_NAME = "params.yaml"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_]|-(?=[a-z0-9_])){0,63}")


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name for a target or a checkpoint: use small letters, digits, "
            "underscores and single hyphens, beginning with a letter or digit"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Share = Annotated[float, Field(ge=0, le=1)]


def _whole(value: Any) -> Any:
    """A text that is written in pieces, because Hydra would read a value into it (``${…}``)."""
    pieces = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "".join(value) if pieces else value


Text = Annotated[str, BeforeValidator(_whole)]


class Section(BaseModel):
    """What every section has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(Section):
    """One image under examination."""

    path: Path
    caption: Text | None = None
    """What the user states that the prompt was."""


def _within_watch(watch: Path | None, path: Path) -> None:
    """Raise ValueError where what DVC watches says nothing of ``path``: changes would go unseen.

    It is the path itself, a folder that holds it, or a lab's record (.lock) beside it or above.
    """
    if watch is not None:
        place = watch.parent if watch.suffix == ".lock" else watch
        if not path.is_relative_to(place):
            raise ValueError(
                f"watch: {watch} does not change when {path} does, so DVC would not see it; name "
                f"{path}, or a folder that holds it, as `watch`"
            )


class Checkpoint(Section):
    """One text-to-image checkpoint under examination."""

    family: Literal["diffusers", "single-file"]
    path: Path
    config: Path | None = None
    """Of a single file: a diffusers folder without weights that describes it."""
    dtype: Literal["float32", "float16", "bfloat16"] = "float32"
    width: PositiveInt | None = None
    height: PositiveInt | None = None
    watch: Path | None = None
    """What DVC watches for changes in its place: of a lab's weights the record, so that a stage
    that uses them does not train them. The files are hashed whatever is watched."""
    unsafe_pickle: bool = False
    """Whether weights that are no safetensors may be read, after a scan."""
    fetch: str = ""
    """The command that fetches it, for the message when it is missing."""

    @model_validator(mode="after")
    def _watched(self) -> Checkpoint:
        _within_watch(self.watch, self.path)
        return self

    @model_validator(mode="after")
    def _described(self) -> Checkpoint:
        if self.family == "single-file" and self.config is None:
            raise ValueError(
                "config: a single file needs a diffusers folder that describes it "
                "(model_index.json and the parts' configurations; no weights are read from there)"
            )
        return self


class Corpus(Section):
    """An image–caption set that can be looked up: a folder by the ImageFolder convention."""

    path: Path
    source: str


class Clip(Section):
    """The open_clip model that recovers prompts and looks pictures up."""

    path: Path
    watch: Path | None = None
    """As a checkpoint's."""
    batch: PositiveInt = 64

    @model_validator(mode="after")
    def _watched(self) -> Clip:
        _within_watch(self.watch, self.path)
        return self


class Prepare(Section):
    """Below these a target is too flat to be recognised by, and nothing is concluded of it."""

    least_bits_per_pixel: NonNegativeFloat
    least_deviation: NonNegativeFloat
    least_busy_tiles: Share


class Recover(Section):
    """Where prompts come from."""

    methods: list[str] = Field(min_length=1)
    phrases: Path | None = None
    """A text file of phrases, one a line; without it the corpus's own phrases are ranked."""
    most_phrases: PositiveInt = 12
    shortlist: PositiveInt = 64


class Lookup(Section):
    """How the corpus is asked."""

    neighbours: PositiveInt = 10
    near_duplicate: Share = 0.9
    """Cosine above which two pictures of the corpus count as near-duplicates."""


class Strategy(Section):
    """A search strategy by its name, and its arguments."""

    name: str
    first_seed: NonNegativeInt = 0


class Search(Section):
    """Seeds and prompts under a budget, and how images are made from them."""

    strategy: Strategy
    budget_nfe: PositiveInt
    """Evaluations of the denoiser, one image each, for one case."""
    prompts: PositiveInt
    """How many of the candidates share the budget."""
    sampler: str
    steps: PositiveInt
    guidance: NonNegativeFloat
    negative_prompt: str = ""
    eta: Share = 0.0
    rng: str = "torch-cpu"
    width: PositiveInt | None = None
    height: PositiveInt | None = None
    batch: PositiveInt = 16
    shard: PositiveInt = 16
    """Seeds in a shard of the ledger: the most that a kill can cost."""
    guide: str = "latent-rms"
    latents: Literal["all"] | PositiveInt = "all"
    workers: PositiveInt = 1


class Fit(Section):
    """What is tried of a recipe once its seed is found: each with the best of the others."""

    prompts: PositiveInt = 6
    """How many of the candidates."""
    guidances: list[NonNegativeFloat] = Field(min_length=1)
    samplers: list[str] = Field(min_length=1)
    steps: list[PositiveInt] = Field(min_length=1)


class Scan(Section):
    """The seed space, looked through for the one seed that a target was made from."""

    protocols: list[str] = Field(min_length=1)
    first_seed: NonNegativeInt = 0
    end_seed: Annotated[int, Field(ge=1, le=2**32)]
    """Seeds from ``first_seed`` up to this one, itself left out; 4294967296 for all."""
    prompts: NonNegativeInt = 1
    """How many candidates the target is inverted under, beside the empty prompt."""
    steps: PositiveInt = 20
    """Of an inversion: one NFE each, two where guidance is not 1."""
    rounds: NonNegativeInt = 0
    """Of fixed-point iteration in each step."""
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.001
    """Family-wise, over all seeds, protocols and inversions."""
    best: PositiveInt = 5
    """How many seeds are listed."""
    fit: Fit

    @model_validator(mode="after")
    def _range(self) -> Scan:
        if self.first_seed >= self.end_seed:
            raise ValueError("first_seed: it lies below end_seed")
        return self


class Score(Section):
    """The metrics by which every trial is scored, and their weights."""

    metrics: list[str] = Field(min_length=1)
    weights: dict[str, Path] = {}
    watch: Path | None = None
    """As a checkpoint's, for all the weights together."""
    batch: PositiveInt = 32
    images: PositiveInt = 4
    """How many of the closest trials by each metric are kept as pictures."""

    @model_validator(mode="after")
    def _watched(self) -> Score:
        for path in self.weights.values():
            _within_watch(self.watch, path)
        return self


class Controls(Section):
    """Images that are known to be outside the training set, put through the same steps."""

    path: Path
    count: PositiveInt
    source: str


class Copy(Section):
    """From where on a metric says "copy", and who says so."""

    metric: str
    threshold: float
    source: str


class Judge(Section):
    """How a finding is reached."""

    metric: str
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.01
    least_controls: PositiveInt = 99
    copies: list[Copy] = Field(min_length=1)
    reference: Name
    resamples: PositiveInt = 10_000
    seed: int = 1


class Report(Section):
    """What a report shows."""

    images: PositiveInt = 4
    title: str = "Evidence report"


class Tracking(Section):
    """Where MLflow keeps its view of the files."""

    uri: str = "sqlite:///mlflow.db"
    artifacts: str = "mlartifacts"
    experiment: str = "seedwitness"


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
        watched = {"clip": self.clip.watch}
        watched |= {"score": self.score.watch} if self.score.weights else {}
        watched |= {f"checkpoints.{name}": each.watch for name, each in self.checkpoints.items()}
        for name, watch in watched.items():
            if watch is None:
                raise ValueError(
                    f"{name}.watch: name what DVC watches for changes, mostly the path"
                )
        used = {self.judge.metric, *(copy.metric for copy in self.judge.copies)}
        unscored = sorted(used - set(self.score.metrics))
        if unscored:
            raise ValueError(f"judge uses {', '.join(unscored)}, which score.metrics does not name")
        return self


T = TypeVar("T")


def load(path: Path = Path(FILE_NAME)) -> Params:
    """All sections. Raises ConfigError that names the key and what is known in its place."""
    return validated(Params, mapping(path), str(path))


def section(kind: type[T], *keys: str, path: Path = Path(FILE_NAME)) -> T:
    """One section, or one entry of one (``section(Target, "targets", "owl")``)."""
    found: Any = mapping(path)
    for depth, key in enumerate(keys):
        if not isinstance(found, dict) or key not in found:
            where = ".".join(keys[:depth]) or str(path)
            raise ConfigError(f"{where} has no `{key}`.{known(key, found or ())}")
        found = found[key]
    return validated(kind, found, f"{path}: {'.'.join(keys)}")


def mapping(path: Path) -> dict[str, Any]:
    """``params.yaml`` as plain values. Raises ConfigError where it is missing or unfinished."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no {path} in {Path.cwd()}. Go to the root of the project, or compose it "
            "there with `seedwitness compose`."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} must hold sections: `targets:` and so on.")
    missing = sorted(_missing(found))
    if missing:
        raise ConfigError(
            f"{path}: `{missing[0]}` has no value yet (???). Give it one in conf/, or for one run: "
            f"`seedwitness run {missing[0]}=VALUE`."
        )
    return found


def validated(kind: type[T], value: Any, where: str) -> T:
    """``value`` as ``kind``; the error is one sentence that says where and what is known there."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        # A misspelt key is both unknown and missing: say the first.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        at = ".".join(str(part) for part in first["loc"] if part != "[key]")
        place = f"{where}: `{at}`" if at else where
        if first["type"] == "extra_forbidden":
            siblings = _fields(kind, first["loc"][:-1])
            hint = known(str(first["loc"][-1]), siblings)
            raise ConfigError(f"{place}: unknown key.{hint}") from error
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{place}: {message}.") from error


def known(name: str, names: Any) -> str:
    """`` Did you mean …? Known are: …`` for a name that is not among ``names``."""
    listed = sorted(str(each) for each in names)
    close = difflib.get_close_matches(name, listed, n=1)
    guess = f" Did you mean `{close[0]}`?" if close else ""
    return f"{guess} Known are: {', '.join(listed)}." if listed else guess


def _missing(value: Any, where: str = "") -> list[str]:
    if isinstance(value, dict):
        return [
            each
            for key, inner in value.items()
            for each in _missing(inner, f"{where}.{key}" if where else str(key))
        ]
    return [where] if value == "???" else []


def _fields(kind: Any, path: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at ``path`` inside ``kind`` knows; none where there is no model."""
    for step in path:
        fields = getattr(kind, "model_fields", None)
        if fields is not None:
            kind = fields[step].annotation if step in fields else None
        else:  # dict[Name, Model] or list[Model]
            arguments = getattr(kind, "__args__", ())
            kind = arguments[-1] if arguments else None
    return list(getattr(kind, "model_fields", ()))
