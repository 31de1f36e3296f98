"""The form of a second examiner, which a verification fills in: a page to print and to sign."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files

from seedwitness.bundle.foreign_text import spell_out
from seedwitness.bundle.results import Verification

TEMPLATE = "second_examination.html.jinja"
MAX_TEXT = 2000


def render_form(
    result: Verification, level: str, command: str, examiner: str, checked_at: datetime
) -> str:
    """The form as HTML, with what was checked and its result; the examiner's part is empty.

    ``level`` says in words what the checks amount to. ``examiner`` is a name, or empty.
    """
    import yaml
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=True)
    environment.filters["visible"] = lambda text: spell_out(text, MAX_TEXT)
    template = environment.from_string(
        files("seedwitness.bundle").joinpath("recipient", TEMPLATE).read_text(encoding="utf-8")
    )
    moment = checked_at.astimezone(UTC)
    stated = {
        "name": spell_out(examiner, MAX_TEXT),
        "checked_on": moment.date(),
        "command": spell_out(command, MAX_TEXT),
        "result": f"{level} Manifest {result.manifest_sha256 or 'not read'}.",
    }
    sheet = {"second_examiner": {key: value for key, value in stated.items() if value}}
    return template.render(
        result=result,
        level=level,
        command=command,
        examiner=examiner,
        checked_at=moment.strftime("%Y-%m-%d %H:%M:%S"),
        version=version("seedwitness"),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        is_rerun=any(check.name.startswith("rerun ") for check in result.checks),
        sheet=yaml.safe_dump(sheet, sort_keys=False, allow_unicode=True),
    )
