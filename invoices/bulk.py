"""Writes many rows in one statement, each with values of its own: the engine's way to the
database. `QuerySet.update` has one value for all rows and does not say which changed, and
`bulk_create` takes several times as long as its statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, models


def insert_each(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """INSERT `rows` of `model`, all with the same columns, and return their primary keys in the
    same order. A row names a foreign key's value by its column (`export_id`); every column
    without a value of the database's own must be there. One statement, on both databases."""
    if not rows:
        return []
    fields = {name: model._meta.get_field(name) for name in rows[0]}
    quote = connection.ops.quote_name
    columns = ", ".join(quote(_column(field)) for field in fields.values())
    marks = ", ".join(["%s"] * len(fields))
    parameters = [_prepared(field, row[name]) for row in rows for name, field in fields.items()]
    # Only names of our own models are put into the statement; values are parameters.
    statement = (
        f"INSERT INTO {quote(model._meta.db_table)} ({columns}) "  # nosec B608
        f"VALUES {', '.join([f'({marks})'] * len(rows))} "
        f"RETURNING {quote(_column(_primary_key(model)))}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        # Keys rise in the order of the rows; the order of RETURNING is not promised.
        return sorted(row[0] for row in cursor.fetchall())


def update_each(
    model: type[models.Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    match: Iterable[str],
    where: Mapping[str, Any],
    values: Mapping[str, Any],
) -> set[int]:
    """UPDATE one row of `model` for each of `rows`, and return the primary keys that changed.

    A row of `rows` names its primary key as "pk" and the row's own values; those in `match` are
    compared with the database's instead of being set. `where` are conditions and `values` are
    new values for all rows; a condition None means IS NULL. One statement, on both databases.
    """
    if not rows:
        return set()
    own = [name for name in rows[0] if name != "pk"]
    fields = {name: model._meta.get_field(name) for name in (*own, *where, *values)}
    quote = connection.ops.quote_name
    column = {name: quote(_column(field)) for name, field in fields.items()}
    table, pk = quote(model._meta.db_table), quote(_column(_primary_key(model)))

    marks = ", ".join([_mark(_primary_key(model)), *(_mark(fields[name]) for name in own)])
    names = ", ".join([pk, *(column[name] for name in own)])
    parameters: list[Any] = []
    for row in rows:
        parameters.append(row["pk"])
        parameters += [_prepared(fields[name], row[name]) for name in own]
    settings = [f"{column[name]} = %s" for name in values]
    parameters += [_prepared(fields[name], value) for name, value in values.items()]
    settings += [f"{column[name]} = v.{column[name]}" for name in own if name not in match]
    conditions = [f"{table}.{pk} = v.{pk}"]
    conditions += [f"{table}.{column[name]} = v.{column[name]}" for name in match]
    for name, value in where.items():
        if value is None:
            conditions.append(f"{table}.{column[name]} IS NULL")
        else:
            conditions.append(f"{table}.{column[name]} = %s")
            parameters.append(_prepared(fields[name], value))
    # Only names of our own models are put into the statement; values are parameters.
    statement = (
        f"WITH v ({names}) AS (VALUES {', '.join([f'({marks})'] * len(rows))}) "  # nosec B608
        f"UPDATE {table} SET {', '.join(settings)} FROM v "
        f"WHERE {' AND '.join(conditions)} RETURNING {table}.{pk}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {row[0] for row in cursor.fetchall()}


def _primary_key(model: type[models.Model]) -> Any:
    return model._meta.pk


def _column(field: Any) -> str:
    return str(field.column)


def _mark(field: Any) -> str:
    """A parameter of the field's type: PostgreSQL cannot tell it from a list of values."""
    if connection.vendor != "postgresql":
        return "%s"
    # The type of a primary key itself would be that of a new row's: serial.
    kind = field.rel_db_type if field.primary_key else field.cast_db_type
    return f"%s::{kind(connection)}"


def _prepared(field: Any, value: Any) -> Any:
    # What every driver takes as it is; asking the field costs more than the rest of a row. A
    # JSON field is asked: there even a text has to be written as JSON.
    if isinstance(value, str) and not isinstance(field, models.JSONField):
        return str(value)  # a member of an enumeration becomes what it stands for
    return field.get_db_prep_save(value, connection)
