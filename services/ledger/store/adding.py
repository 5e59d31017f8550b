"""Adding a row unless a constraint says that it is there."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel


def is_added(session: Session, table: type[SQLModel], values: dict[str, Any]) -> bool:
    """Whether the row was added; an existing one, perhaps of others, is not looked at."""
    statement = insert(table).inline().values(values).on_conflict_do_nothing()
    done = session.connection().execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount == 1
