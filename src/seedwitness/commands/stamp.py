"""``seedwitness stamp``: has an authority stamp the analysis plan, and checks stamps offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from seedwitness.config.stage_settings import PLAN_FOLDER
from seedwitness.errors import ConfigError, RecordError
from seedwitness.records.attempts import PLANS
from seedwitness.records.time_stamps import (
    PlanStamp,
    keep_answer,
    make_data_request,
    make_request,
    read_certificates,
    read_stamps,
    verify_stamp,
)
from seedwitness.runtime.files import write_whole
from seedwitness.runtime.hashes import sha256_file

PLAN = PLAN_FOLDER / "plan.json"
MAX_ANSWER_BYTES = 1_000_000
SECONDS = 30.0


def request_stamp(url: str, authority: Path) -> PlanStamp:
    """Have the plan of the project in the working directory stamped; the stamp is kept beside it.

    Raises ConfigError if there is no plan, or no certificate in ``authority``; RecordError if the
    authority does not answer, or not with a stamp that can be verified.
    """
    if not PLAN.is_file():
        raise ConfigError(f"There is no {PLAN} in {Path.cwd()}: `dvc repro plan` writes it.")
    _require_address(url)
    plan = PLANS / f"{sha256_file(PLAN)}.json"
    if not plan.exists():
        write_whole(plan, PLAN.read_bytes())
    request = make_request(plan)
    answer = _send(url, request.as_bytes())
    return keep_answer(Path(), plan.stem, answer, request, authority)


def ask_authority(url: str, data: bytes, authority: Path) -> bytes:
    """The answer of an authority about data of which it gets the hash; it was checked.

    Raises ConfigError and RecordError as ``request_stamp`` does.
    """
    certificates = read_certificates(authority)
    _require_address(url)
    request = make_data_request(data)
    answer = _send(url, request.as_bytes())
    verify_stamp(answer, data, certificates, f"The answer of {url}", request)
    return answer


def check_stamps(authority: Path | None = None) -> dict[str, list[PlanStamp]]:
    """The stamps of each plan of the project, by the plan's hash.

    Raises RecordError if a plan or a stamp was altered, or a stamp is not by a known authority.
    """
    plans = sorted(path.stem for path in PLANS.glob("*.json"))
    stamped = {path.name.split(".")[0] for path in PLANS.glob("*.tsr")}
    if lost := sorted(stamped - set(plans)):
        raise RecordError(
            f"{PLANS}/{lost[0]}.json is missing, and has a stamp. `git checkout HEAD -- {PLANS}` "
            "restores it."
        )
    return {plan: read_stamps(PLANS, plan, authority) for plan in plans}


def format_stamp(stamp: PlanStamp) -> str:
    """A sentence on one stamp."""
    accuracy = "" if stamp.accuracy_seconds is None else f" (± {stamp.accuracy_seconds:g} s)"
    return (
        f"stamped at {stamp.time}{accuracy} by {stamp.authority}, verified against {stamp.root} "
        f"(SHA-256 {stamp.root_sha256})"
    )


def format_lines(stamps: dict[str, list[PlanStamp]]) -> Iterator[str]:
    """A line for each stamp, and for each plan without one."""
    if not stamps:
        yield "No plan was written yet: `dvc repro plan` writes it."
    for plan, those in stamps.items():
        for stamp in those:
            yield f"plan {plan[:16]}: {format_stamp(stamp)}"
        if not those:
            yield f"plan {plan[:16]}: no stamp"


def _require_address(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"--url {url}: an authority has an address that begins with https://.")


def _send(url: str, query: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        with urlopen(Request(url, query, headers), timeout=SECONDS) as answer:
            return bytes(answer.read(MAX_ANSWER_BYTES))
    except (URLError, OSError) as error:
        raise RecordError(
            f"No time stamp came from {url}: {error}. Try again, or another authority."
        ) from error
