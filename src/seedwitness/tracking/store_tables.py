"""Checks that a database has the tables of the MLflow that is installed.

MLflow itself adds what a store of most older releases lacks as soon as it opens it. Whoever reads
the same store with the older release is shut out then, so here the user decides.
"""

from __future__ import annotations

from pathlib import Path

import mlflow
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import create_engine

from seedwitness.errors import TrackingError
from seedwitness.tracking.store_uri import hide_password

MIGRATIONS = Path(mlflow.__file__).parent / "store" / "db_migrations"


def check_tables(uri: str) -> None:
    """Raise TrackingError if the database was made by another release of MLflow; it may be new."""
    engine = create_engine(uri)
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    scripts = ScriptDirectory(str(MIGRATIONS))
    if found in (None, scripts.get_current_head()):
        return
    store, installed = hide_password(uri), f"MLflow {mlflow.__version__}, which is installed"
    try:
        scripts.get_revision(found)
    except CommandError as error:
        raise TrackingError(
            f"MLflow's store {store} was made by a newer release than {installed}: its tables have "
            f"the version {found}. Install that release, or set `tracking.uri` to another store: "
            "everything in it is rebuilt from the files."
        ) from error
    raise TrackingError(
        f"MLflow's store {store} was made by an older release than {installed}. Make a copy of it, "
        f"bring it up to date with `mlflow db upgrade {store}`, and run the same command again. "
        "The older release cannot read it any more then."
    )
