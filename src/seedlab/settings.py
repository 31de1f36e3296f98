"""The settings of a lab: one section of its ``params.yaml`` a stage, unknown keys refused.

``pictures`` is read at once. The other sections are read when a stage asks for its own, because
their classes live in the files that train, and those import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from yaml import YAMLError

from seedwitness.errors import ConfigError

if TYPE_CHECKING:
    from seedlab.autoencoder import Autoencoder
    from seedlab.clip import Clip
    from seedlab.descriptor import Descriptor
    from seedlab.diffusion import Diffusion
    from seedlab.distance import Distance
    from seedlab.regeneration import Measure

FILE_NAME = "params.yaml"
SECTIONS = (
    "code",
    "pictures",
    "autoencoder",
    "diffusion",
    "clip",
    "descriptor",
    "distance",
    "measure",
)
LATENT_SIZE = 16

T = TypeVar("T")


Size = Literal[32, 64, 128, 256]  # the latents' times a power of two
SIZES: tuple[int, ...] = get_args(Size)


class _Plan(BaseModel):
    """What every source of pictures has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    """What the pictures are made from, seen from the lab: DVC watches it."""
    seed: int
    size: Size
    held_out: PositiveInt
    planted: dict[Annotated[int, Field(ge=2)], PositiveInt] = Field(min_length=1)
    """How many pictures are planted at each multiplicity."""
    twins_each: NonNegativeInt
    """How many planted pictures of each multiplicity get a twin."""
    variants: NonNegativeInt = 3
    """How many other wordings the caption of a planted picture has."""


class Drawn(_Plan):
    """The drawn world."""

    source: Literal["drawn"]
    themes: PositiveInt
    once: PositiveInt

    @model_validator(mode="after")
    def _fits(self) -> Drawn:
        if sum(self.planted.values()) > self.themes:
            raise ValueError("planted: no more pictures than there are themes")
        if self.twins_each > min(self.planted.values()):
            raise ValueError("twins_each: no more than the pictures of each multiplicity")
        return self


class Folder(_Plan):
    """Any folder of pictures with ``metadata.jsonl``; whatever the plan leaves is seen once."""

    source: Literal["folder"]
    apart: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Pictures less than this from another one are seen once, never planted, held out or twins."""


@dataclass(frozen=True)
class Settings:
    """``params.yaml`` of a lab, section by section."""

    path: Path
    code: str
    pictures: Drawn | Folder
    sections: Mapping[str, Any]

    @property
    def world(self) -> Path:
        """What the pictures are made from."""
        return self.path.parent / self.pictures.path

    @cached_property
    def autoencoder(self) -> Autoencoder:
        """Settings of the autoencoder."""
        from seedlab.autoencoder import Autoencoder

        return self._section("autoencoder", Autoencoder)

    @cached_property
    def diffusion(self) -> Diffusion:
        """Settings of the two checkpoints."""
        from seedlab.diffusion import Diffusion

        return self._section("diffusion", Diffusion)

    @cached_property
    def clip(self) -> Clip:
        """Settings of the open_clip model."""
        from seedlab.clip import Clip

        return self._section("clip", Clip)

    @cached_property
    def descriptor(self) -> Descriptor:
        """Settings of the copy-detection descriptor."""
        from seedlab.descriptor import Descriptor

        return self._section("descriptor", Descriptor)

    @cached_property
    def distance(self) -> Distance:
        """Settings of the perceptual distance."""
        from seedlab.distance import Distance

        return self._section("distance", Distance)

    @cached_property
    def measure(self) -> Measure:
        """Settings of the measurement."""
        from seedlab.regeneration import Measure

        return self._section("measure", Measure)

    def _section(self, name: str, kind: type[T]) -> T:
        if name not in self.sections:
            raise ConfigError(f"{self.path} has no section `{name}`. Add one: `{name}: {{}}`.")
        # An empty section means that every setting has its default.
        return _validated(self.path, name, kind, self.sections[name] or {})


def load(path: Path) -> Settings:
    """Settings from a lab's ``params.yaml``.

    Raises ConfigError where the file is missing or no YAML, a key is unknown or a value is missing
    (``???``) or out of range; the message says where.
    """
    found = _mapping(path)
    unknown = [str(key) for key in found if key not in SECTIONS]
    if unknown:
        raise ConfigError(
            f"{path}: unknown section `{unknown[0]}`. Known are: {', '.join(SECTIONS)}."
        )
    for required in ("code", "pictures"):
        if required not in found:
            raise ConfigError(f"{path} has no section `{required}`. See data/lab/README.md.")
    return Settings(
        path=path,
        code=_validated(path, "code", str, found["code"]),
        pictures=_validated(path, "pictures", _source(path, found["pictures"]), found["pictures"]),
        sections={key: found[key] for key in found if key not in ("code", "pictures")},
    )


def _source(path: Path, section: Any) -> type[Drawn] | type[Folder]:
    known: dict[str, type[Drawn] | type[Folder]] = {"drawn": Drawn, "folder": Folder}
    name = section.get("source") if isinstance(section, dict) else None
    if name not in known:
        raise ConfigError(f"{path}: `pictures.source` is {name!r}. Known are: {', '.join(known)}.")
    return known[name]


def _mapping(path: Path) -> dict[str, Any]:
    try:
        config = OmegaConf.load(path)
    except FileNotFoundError:
        raise ConfigError(
            f"{path.parent} is no lab: it has no {path.name}. Name another with `--lab DIR`, or "
            "make one from your own pictures with `seedlab new DIR --pictures FOLDER`."
        ) from None
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{path} must hold sections: `pictures:` and so on.")
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ConfigError(f"{path}: `{missing[0]}` has no value yet (???). Give it one.")
    plain: Any = OmegaConf.to_container(config)
    return {str(key): value for key, value in plain.items()}


def _validated(path: Path, name: str, kind: type[T], section: Any) -> T:
    """``section`` as ``kind``: a model, a dataclass or a plain type; unknown keys are refused."""
    known = [field.name for field in fields(kind)] if is_dataclass(kind) else []
    if known and isinstance(section, dict):
        unknown = [str(key) for key in section if key not in known]
        if unknown:
            raise ConfigError(
                f"{path}: unknown key `{name}.{unknown[0]}`. Known are: {', '.join(known)}."
            )
    try:
        return TypeAdapter(kind).validate_python(section)
    except ValidationError as error:
        # A misspelt key is both unknown and missing: say the first.
        first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        where = ".".join([name, *(str(part) for part in first["loc"])])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = "unknown key"
        raise ConfigError(f"{path}: `{where}`: {message}.") from error
