"""Prepare a target: the file as upright RGB, and what can be measured of it."""

from seedwitness.config.inputs import EntryName
from seedwitness.config.reading import validate
from seedwitness.config.stage_settings import load_target_settings
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.targets.target_reader import read_target


def run(target: str) -> None:
    """Write ``image.png`` and ``target.json`` of one target."""
    name = validate(EntryName, target, "prepare")
    settings = load_target_settings(name)
    image, record = read_target(
        settings.path,
        name,
        f"Put a whole image in its place, or give `targets.{name}.path` another one, for instance "
        "by `seedwitness add IMAGE`.",
    )
    folder = output_path("prepare", name)
    with replace_whole(folder / "image.png") as part:
        image.save(part, "PNG")
    record.write(folder / "target.json")
