"""Counts the CPU cores that this process may use."""

import os


def count_available_cores() -> int:
    """The cores that this process may use, if the system tells; else all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
