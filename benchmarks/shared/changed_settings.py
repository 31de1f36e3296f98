"""Changed copies of settings, checked like the settings themselves."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

Settings = TypeVar("Settings", bound=BaseModel)


def change_settings(settings: Settings, **changes: Any) -> Settings:
    """A copy with some values changed; an unknown key raises, as it does in params.yaml."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return type(settings).model_validate(values | changes)
