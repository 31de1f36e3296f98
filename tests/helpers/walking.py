"""Which room calls which while something runs."""

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import seedwitness

PACKAGE = str(Path(seedwitness.__file__).parent) + "/"


@contextmanager
def recorded_calls() -> Iterator[Counter[tuple[str, str]]]:
    """Counts calls from one file of the package to another, as paths below the package.

    The caller is the nearest function of the package on the stack, so that a callback which comes
    back through a library counts too. A resumed generator counts as called by whoever resumes it.
    """
    calls: Counter[tuple[str, str]] = Counter()

    def record(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event != "call" or not name.startswith(PACKAGE):
            return
        caller = frame.f_back
        while caller is not None and not caller.f_code.co_filename.startswith(PACKAGE):
            caller = caller.f_back
        if caller is not None and frame.f_code.co_name != "<module>":
            calls[caller.f_code.co_filename[len(PACKAGE) :], name[len(PACKAGE) :]] += 1

    threading.setprofile(record)
    sys.setprofile(record)
    try:
        yield calls
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
