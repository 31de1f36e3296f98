"""``prepare@target``: the file under examination as upright RGB, and what can be said of it."""

from seedwitness import config
from seedwitness.runtime.files import replacing
from seedwitness.stages import place
from seedwitness.targets.reading import read


def run(target: str) -> None:
    """Writes ``image.png`` and ``target.json`` of one target."""
    name = config.validated(config.Name, target, "prepare")
    settings = config.section(config.Target, "targets", name)
    image, record = read(
        settings.path,
        name,
        "Put a whole picture in its place, or give `targets."
        f"{name}.path` another one, for instance by `seedwitness add IMAGE`.",
    )
    folder = place("prepare", name)
    with replacing(folder / "image.png") as part:
        image.save(part, "PNG")
    record.write(folder / "target.json")
