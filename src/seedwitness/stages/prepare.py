"""``prepare@target``: the file under examination as upright RGB, and what can be said of it."""

from seedwitness.config.inputs import EntryName, TargetSettings
from seedwitness.config.reading import load_section, validate
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.targets.reading import read


def run(target: str) -> None:
    """Writes ``image.png`` and ``target.json`` of one target."""
    name = validate(EntryName, target, "prepare")
    settings = load_section(TargetSettings, "targets", name)
    image, record = read(
        settings.path,
        name,
        "Put a whole picture in its place, or give `targets."
        f"{name}.path` another one, for instance by `seedwitness add IMAGE`.",
    )
    folder = output_path("prepare", name)
    with replace_whole(folder / "image.png") as part:
        image.save(part, "PNG")
    record.write(folder / "target.json")
