"""A project, a key, and bundles of its report: sealed, redacted and unsigned."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.bundle.forged_files import Files, load_files
from bundled import PASS_PHRASE, TARGET, call, write_project

from seedwitness.bundle.container import open_bundle
from seedwitness.bundle.keys import generate_key


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key; its public half lies beside it."""
    path = tmp_path_factory.mktemp("key") / "signing-key"
    generate_key(path, PASS_PHRASE)
    return path


@pytest.fixture(scope="session")
def public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a report of the owl."""
    root = tmp_path_factory.mktemp("project")
    write_project(root)
    return root


@pytest.fixture(scope="session")
def sealed(project: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle that is signed."""
    out = tmp_path_factory.mktemp("sealed") / TARGET
    call(project, "bundle", TARGET, "--key", key, "--out", out)
    return out


@pytest.fixture(scope="session")
def files(sealed: Path) -> Files:
    """The files of the signed bundle."""
    return load_files(open_bundle(sealed))
