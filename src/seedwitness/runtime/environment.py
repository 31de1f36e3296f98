"""Describes the machine and the libraries, for reports, logs, benchmarks and cache keys.

Nothing here names a user, a host or a time. ``devices`` has what only torch can tell.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

NOT_INSTALLED = "not installed"


def package_versions(names: Iterable[str]) -> dict[str, str]:
    """The installed version of each package by name, or ``NOT_INSTALLED``."""
    return {name: _version(name) for name in names}


def describe_platform() -> str:
    """Operating system, architecture and C library, such as ``Linux x86_64, glibc 2.36``."""
    system = f"{platform.system()} {platform.machine()}"
    library = " ".join(platform.libc_ver()).strip()
    return f"{system}, {library}" if library else system


def processor_name() -> str:
    """The processor's name by the system, or the architecture if it reports none."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return NOT_INSTALLED


OWN_VERSION = _version("seedwitness")
"""The installed version of seedwitness."""
