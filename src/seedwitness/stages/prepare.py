"""Prepare a target: the file as upright RGB, and what can be measured of it."""

from seedwitness.config.targets import explain_restore, image_path, load_target
from seedwitness.errors import PictureError
from seedwitness.records.target import Provenance
from seedwitness.runtime.files import replace_whole
from seedwitness.stages import output_path
from seedwitness.targets.target_reader import read_target


def run(target: str) -> None:
    """Write ``image.png`` and ``target.json`` of one target.

    Raises PictureError if the image cannot be read, or is another one than was added.
    """
    settings = load_target(target)
    path = image_path(target, settings)
    restore = explain_restore(path)
    image, record = read_target(path, target, restore)
    if record.pixels_sha256 != settings.pixels_sha256:
        raise PictureError(
            f"{path} is another image than the one that was added as {target}, by the hash of its "
            f"pixels. {restore} Add the other one under a name of its own."
        )
    if settings.provenance:
        provenance = Provenance(**settings.provenance.model_dump())
        record = record.model_copy(update={"provenance": provenance})
    folder = output_path("prepare", target)
    with replace_whole(folder / "image.png") as part:
        image.save(part, "PNG")
    record.write(folder / "target.json")
