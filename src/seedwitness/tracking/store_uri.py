"""Check the URI of MLflow's store before MLflow opens it, and make its path absolute."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from seedwitness.errors import TrackingError
from seedwitness.runtime.files import explain_write_errors
from seedwitness.runtime.workspace import find_project

SQLITE_SCHEME, SQLITE_MAGIC = "sqlite:///", b"SQLite format 3\0"


def is_server(uri: str) -> bool:
    """Whether the store is an MLflow server reached by HTTP, not a local database."""
    return urlsplit(uri).scheme in ("http", "https")


def make_uri_absolute(uri: str) -> str:
    """Make the path in a database's URI absolute.

    A relative path begins at the root of the project, also in a temporary workspace of an
    experiment: all publish into one store.
    """
    if not uri.startswith(SQLITE_SCHEME):
        return uri
    return SQLITE_SCHEME + str(find_project() / uri.removeprefix(SQLITE_SCHEME))


def name_lock(database: Path) -> Path:
    """The lock file of a database, which has one publisher at a time."""
    return database.with_name(f".{database.name}.lock")


def check_database_file(path: Path) -> None:
    """Check that the file is an SQLite database: MLflow retries others for minutes."""
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size:
            with path.open("rb") as file:
                if file.read(len(SQLITE_MAGIC)) != SQLITE_MAGIC:
                    raise TrackingError(
                        f"{path} is not an SQLite database. Move it away, or set `tracking.uri` to "
                        "another file."
                    )


def hide_password(uri: str) -> str:
    """The URI as it may be shown: without the password that it may hold."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    return uri.replace(f":{parts.password}@", ":***@", 1)


def check_database(uri: str) -> None:
    """Check that a database server answers and that its driver is here: MLflow retries for long."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    shown = hide_password(uri)
    try:
        engine = create_engine(uri)
        engine.connect().close()
        engine.dispose()
    except ModuleNotFoundError as error:
        raise TrackingError(
            f"The driver for {shown} is not installed: {error}. For PostgreSQL: `pip install "
            "'seedwitness[postgresql]'`."
        ) from error
    except SQLAlchemyError as error:
        reason = " ".join(str(error.args[0]).split()) if error.args else str(error)
        raise TrackingError(
            f"The database {shown} cannot be opened: {reason}. Start its server or correct "
            "`tracking.uri`, or write into a file instead: `seedwitness run tracking=local`."
        ) from error


def check_server(uri: str) -> None:
    """Check that a server listens at ``uri``: MLflow retries for minutes."""
    parts = urlsplit(uri)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=5).close()
    except OSError as error:
        raise TrackingError(
            f"No MLflow server answers at {uri}: {error}. Start it, or write into a file instead: "
            "`seedwitness run tracking=local`."
        ) from error
