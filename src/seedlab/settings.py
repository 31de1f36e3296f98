"""The settings of a lab: one section of ``params.yaml`` for each stage; unknown keys are errors.

The section ``pictures`` is validated at once. Each other section is validated when its stage reads
it, because its class is in the module that trains, which imports torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin

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

from seedlab.drawing.hands import KNOWN, UNKNOWN
from seedwitness.errors import ConfigError

if TYPE_CHECKING:
    from seedlab.attributes import ClassifierSettings
    from seedlab.autoencoder import AutoencoderSettings
    from seedlab.clip import LabClipSettings
    from seedlab.descriptor import DescriptorSettings
    from seedlab.diffusion import DiffusionSettings
    from seedlab.perceptual_distance import PerceptualDistanceSettings
    from seedlab.references import ReferenceSettings
    from seedlab.regeneration import MeasureSettings

FILE_NAME = "params.yaml"
SECTIONS = (
    "code",
    "pictures",
    "autoencoder",
    "diffusion",
    "references",
    "clip",
    "descriptor",
    "distance",
    "attributes",
    "measure",
)
LATENT_SIZE = 16
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
"""pydantic's types of the error that a key is unknown, in a model and in a dataclass."""

T = TypeVar("T")


Size = Literal[32, 64, 128, 256]  # LATENT_SIZE times a power of two
SIZES: tuple[int, ...] = get_args(Size)


class _PictureSettings(BaseModel):
    """Settings that all sources of pictures have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    """What the pictures are made from, relative to the lab; DVC tracks it."""
    seed: int
    size: Size
    held_out: PositiveInt
    planted: dict[Annotated[int, Field(ge=2)], PositiveInt] = Field(min_length=1)
    """Number of planted pictures by multiplicity."""
    twins_each: NonNegativeInt
    """Number of planted pictures of each multiplicity that get a twin."""
    variants: NonNegativeInt = 3
    """Number of other wordings that the caption of a planted picture has."""


class DrawnPictures(_PictureSettings):
    """Pictures that the lab draws itself."""

    source: Literal["drawn"]
    themes: PositiveInt
    once: PositiveInt

    @model_validator(mode="after")
    def _check_counts(self) -> DrawnPictures:
        if sum(self.planted.values()) > self.themes:
            raise ValueError("planted: there must be no more pictures than themes")
        if self.twins_each > min(self.planted.values()):
            raise ValueError(
                "twins_each: there must be no more twins than pictures of each multiplicity"
            )
        return self


class WorldPictures(_PictureSettings):
    """Pictures of a drawn world; ``planted`` counts exposures of a whole training.

    ``ordinary`` pictures are seen once by a training that sees the special ones as well. The first
    ``once`` of them are in the ground truth, and the first ``fitted`` train the autoencoder and the
    networks that judge similarity.
    """

    source: Literal["world"]
    planted: dict[PositiveInt, PositiveInt] = Field(min_length=1)
    ordinary: PositiveInt
    fitted: PositiveInt
    once: PositiveInt
    templates: dict[PositiveInt, PositiveInt] = Field(default_factory=dict)
    """Number of templates by the number of their pictures that are shown."""
    portfolios: dict[PositiveInt, PositiveInt] = Field(default_factory=dict)
    """Number of hands, known and unknown ones each, by exposures of each work."""
    works: PositiveInt = 20
    """Works of a hand that are shown; as many more are not."""

    @model_validator(mode="after")
    def _check_counts(self) -> WorldPictures:
        hands = min(len(KNOWN), len(UNKNOWN))
        if sum(self.portfolios.values()) > hands:
            raise ValueError(f"portfolios: there are {hands} hands of each kind")
        if max(self.once, self.fitted) > self.ordinary:
            raise ValueError("once, fitted: there must be no more than `ordinary` pictures")
        return self


class FolderPictures(_PictureSettings):
    """A folder of pictures with ``metadata.jsonl``; all without another split are seen once."""

    source: Literal["folder"]
    min_distance: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Pictures nearer than this to another one are seen once, never planted, held out or twins.

    See ``planting.nearest_distances``.
    """


Pictures = DrawnPictures | FolderPictures | WorldPictures


@dataclass(frozen=True)
class LabSettings:
    """The sections of a lab's ``params.yaml``."""

    path: Path
    code: str
    pictures: Pictures
    sections: Mapping[str, Any]

    @property
    def source_path(self) -> Path:
        """Path of what the pictures are made from."""
        return self.path.parent / self.pictures.path

    @cached_property
    def autoencoder(self) -> AutoencoderSettings:
        """Settings of the autoencoder."""
        from seedlab.autoencoder import AutoencoderSettings

        return self._section("autoencoder", AutoencoderSettings)

    @cached_property
    def diffusion(self) -> DiffusionSettings:
        """Settings of the two checkpoints."""
        from seedlab.diffusion import DiffusionSettings

        return self._section("diffusion", DiffusionSettings)

    @cached_property
    def references(self) -> dict[str, ReferenceSettings]:
        """Settings of further checkpoints, by name; none where there is no section."""
        from seedlab.references import ReferenceSettings

        if "references" not in self.sections:
            return {}
        return self._section("references", dict[str, ReferenceSettings])

    @cached_property
    def clip(self) -> LabClipSettings:
        """Settings of the open_clip model."""
        from seedlab.clip import LabClipSettings

        return self._section("clip", LabClipSettings)

    @cached_property
    def descriptor(self) -> DescriptorSettings:
        """Settings of the copy-detection descriptor."""
        from seedlab.descriptor import DescriptorSettings

        return self._section("descriptor", DescriptorSettings)

    @cached_property
    def distance(self) -> PerceptualDistanceSettings:
        """Settings of the perceptual distance."""
        from seedlab.perceptual_distance import PerceptualDistanceSettings

        return self._section("distance", PerceptualDistanceSettings)

    @cached_property
    def attributes(self) -> ClassifierSettings:
        """Settings of the classifier of a drawn world."""
        from seedlab.attributes import ClassifierSettings

        return self._section("attributes", ClassifierSettings)

    @cached_property
    def measure(self) -> MeasureSettings:
        """Settings of the measurement."""
        from seedlab.regeneration import MeasureSettings

        return self._section("measure", MeasureSettings)

    def _section(self, name: str, kind: type[T]) -> T:
        if name not in self.sections:
            raise ConfigError(f"{self.path} has no section `{name}`. Add it: `{name}: {{}}`.")
        # An empty section means that every setting has its default.
        return _validate(self.path, name, kind, self.sections[name] or {})


def load_settings(path: Path) -> LabSettings:
    """Settings from a lab's ``params.yaml``.

    Raises ConfigError where the file is missing or is not YAML, a key is unknown, or a value is
    missing (``???``) or out of range. The message names the file and the key.
    """
    sections = _read_sections(path)
    unknown = [str(key) for key in sections if key not in SECTIONS]
    if unknown:
        raise ConfigError(
            f"{path}: unknown section `{unknown[0]}`. Known are: {', '.join(SECTIONS)}."
        )
    for required in ("code", "pictures"):
        if required not in sections:
            raise ConfigError(
                f"{path} has no section `{required}`. See data/lab/README.md for an example."
            )
    return LabSettings(
        path=path,
        code=_validate(path, "code", str, sections["code"]),
        pictures=_validate(
            path, "pictures", _source_class(path, sections["pictures"]), sections["pictures"]
        ),
        sections={key: sections[key] for key in sections if key not in ("code", "pictures")},
    )


def _source_class(path: Path, section: Any) -> type[Pictures]:
    known: dict[str, type[Pictures]] = {
        "drawn": DrawnPictures,
        "folder": FolderPictures,
        "world": WorldPictures,
    }
    name = section.get("source") if isinstance(section, dict) else None
    if name not in known:
        raise ConfigError(
            f"{path}: unknown `pictures.source` {name!r}. Known are: {', '.join(known)}."
        )
    return known[name]


def _read_sections(path: Path) -> dict[str, Any]:
    try:
        config = OmegaConf.load(path)
    except FileNotFoundError:
        raise ConfigError(
            f"{path.parent} is not a lab: it has no {path.name}. Name a lab with `--lab DIR`, or "
            "create one from your own pictures with `seedlab new DIR --pictures FOLDER`."
        ) from None
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {error}") from error
    if not isinstance(config, DictConfig):
        raise ConfigError(f"{path} must consist of sections, such as `pictures:`.")
    missing = sorted(OmegaConf.missing_keys(config))
    if missing:
        raise ConfigError(f"{path}: `{missing[0]}` has no value (???). Set it.")
    plain: Any = OmegaConf.to_container(config)
    return {str(key): value for key, value in plain.items()}


def _validate(path: Path, name: str, kind: type[T], section: Any) -> T:
    """``section`` as ``kind``: a model, a dataclass or a plain type; unknown keys are refused."""
    known = [field.name for field in fields(kind)] if is_dataclass(kind) else []
    if known and isinstance(section, dict):
        unknown = [str(key) for key in section if key not in known]
        if unknown:
            raise ConfigError(
                f"{path}: unknown key `{name}.{unknown[0]}`. Known are: {', '.join(known)}."
            )
    try:
        config = ConfigDict(extra="forbid") if get_origin(kind) is dict else None
        return TypeAdapter(kind, config=config).validate_python(section)
    except ValidationError as error:
        # A misspelt key is both unknown and missing: report the unknown one.
        first = min(error.errors(), key=lambda entry: entry["type"] not in UNKNOWN_KEY)
        where = ".".join([name, *(str(part) for part in first["loc"])])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] in UNKNOWN_KEY:
            message = "unknown key"
        raise ConfigError(f"{path}: `{where}`: {message}.") from error
