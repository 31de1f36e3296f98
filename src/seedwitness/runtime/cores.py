"""How many cores there are to work with."""

import os


def count_available_cores() -> int:
    """As many cores as this process may use, where the system says so; else all of them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
