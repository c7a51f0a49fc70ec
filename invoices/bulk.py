"""Writes many rows in one statement, each with values of its own: the engine's way to the
database. `QuerySet.update` has one value for all rows and does not say which changed, and
`bulk_create` takes several times as long as its statement.

PostgreSQL gets all rows as one JSON parameter, so that the statement is the same for any number
of them and no driver looks for placeholders in it; SQLite takes a list of values sooner.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

#: For more rows SQLite reads the whole table first, to make a filter of it.
_SQLITE_AT_ONCE = 100


def insert_each(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """INSERT `rows` of `model`, all with the same columns, and return their primary keys in the
    same order. A row names a foreign key's value by its column (`export_id`); every column
    without a value of the database's own must be there. One statement, on both databases."""
    if not rows:
        return []
    fields: dict[str, Any] = {name: model._meta.get_field(name) for name in rows[0]}
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields.values())
    # Only names of our own models are put into the statement; values are parameters.
    if connection.vendor == "postgresql":
        source, parameters = _recordset(connection, fields, rows)
        wanted = ", ".join(f"v.{quote(name)}" for name in fields)
        source = f"SELECT {wanted} FROM {source} ORDER BY v.row_number"  # nosec B608
    else:
        source, parameters = _values(connection, fields, rows)
    statement = (
        f"INSERT INTO {quote(model._meta.db_table)} ({columns}) {source} "
        f"RETURNING {quote(_primary_key(model).column)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        # Keys rise in the order of the rows; the order of RETURNING is not promised.
        return sorted(row[0] for row in cursor.fetchall())


def store_selected(model: type[models.Model], columns: Sequence[str], rows: Any) -> int:
    """INSERT what a query selects, `columns` of `model` with "pk" first; where the key is there,
    UPDATE what differs. Returns how many rows are new or changed. One statement."""
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    pk = quote(_primary_key(model).column)
    fields: list[Any] = [model._meta.get_field(name) for name in columns if name != "pk"]
    own = [quote(field.column) for field in fields]
    source, parameters = rows.query.sql_with_params()
    old = ", ".join(f"{table}.{column}" for column in own)
    new = ", ".join(f"excluded.{column}" for column in own)
    differs = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    # Only names of our own models are put into the statement; values are parameters.
    statement = (
        f"INSERT INTO {table} ({', '.join((pk, *own))}) {source} "  # nosec B608
        f"ON CONFLICT ({pk}) DO UPDATE SET ({', '.join(own)}) = ({new}) "
        f"WHERE ({old}) {differs} ({new})"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


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
    new values for all rows; a condition None means IS NULL. One statement, on SQLite one for
    each hundred rows.
    """
    if not rows:
        return set()
    if connections[DEFAULT_DB_ALIAS].vendor == "sqlite" and len(rows) > _SQLITE_AT_ONCE:
        rest = rows[_SQLITE_AT_ONCE:]
        return update_each(
            model, rows[:_SQLITE_AT_ONCE], match=match, where=where, values=values
        ) | update_each(model, rest, match=match, where=where, values=values)
    own = [name for name in rows[0] if name != "pk"]
    fields: dict[str, Any] = {name: model._meta.get_field(name) for name in (*own, *where, *values)}
    connection = connections[DEFAULT_DB_ALIAS]
    quote = connection.ops.quote_name
    column = {name: quote(field.column) for name, field in fields.items()}
    table, pk = quote(model._meta.db_table), quote(_primary_key(model).column)

    each = {"pk": _primary_key(model)} | {name: fields[name] for name in own}
    names = ", ".join(quote(name) for name in each)
    # Only names of our own models are put into the statement; values are parameters.
    if connection.vendor == "postgresql":
        source, parameters = _recordset(connection, each, rows)
        source = f"SELECT {names} FROM {source}"  # nosec B608
    else:
        source, parameters = _values(connection, each, rows)
    settings = [f"{column[name]} = %s" for name in values]
    parameters += [_prepared(connection, fields[name], value) for name, value in values.items()]
    settings += [f"{column[name]} = v.{quote(name)}" for name in own if name not in match]
    conditions = [f"{table}.{pk} = v.{quote('pk')}"]
    conditions += [f"{table}.{column[name]} = v.{quote(name)}" for name in match]
    for name, value in where.items():
        if value is None:
            conditions.append(f"{table}.{column[name]} IS NULL")
        else:
            conditions.append(f"{table}.{column[name]} = %s")
            parameters.append(_prepared(connection, fields[name], value))
    statement = (
        f"WITH v ({names}) AS ({source}) UPDATE {table} SET {', '.join(settings)} "  # nosec B608
        f"FROM v WHERE {' AND '.join(conditions)} RETURNING {table}.{pk}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {row[0] for row in cursor.fetchall()}


def _recordset(
    connection: Any, fields: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Any]]:
    """The rows as a table `v` with their names as its columns, and `row_number` from 0."""
    quote = connection.ops.quote_name
    columns = ", ".join(
        f"{quote(name)} {_type(field, connection)}" for name, field in fields.items()
    )
    numbered = [{**row, "row_number": number} for number, row in enumerate(rows)]
    source = f"json_to_recordset(%s::json) AS v({columns}, row_number integer)"
    return source, [json.dumps(numbered, default=_as_json)]


def _values(
    connection: Any, fields: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Any]]:
    """The rows as a list of values."""
    marks = f"({', '.join(['%s'] * len(fields))})"
    parameters = [
        _prepared(connection, field, row[name]) for row in rows for name, field in fields.items()
    ]
    return f"VALUES {', '.join([marks] * len(rows))}", parameters


def _primary_key(model: type[models.Model]) -> Any:
    return model._meta.pk


def _type(field: Any, connection: Any) -> str:
    # The type of a primary key itself would be that of a new row's: serial.
    kind = field.rel_db_type if field.primary_key else field.cast_db_type
    return str(kind(connection))


def _as_json(value: Any) -> str:
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"  # as PostgreSQL writes bytes in a text
    if isinstance(value, (Decimal, uuid.UUID)):
        return str(value)
    raise TypeError(f"no way to write {type(value).__name__} as JSON")


def _prepared(connection: Any, field: Any, value: Any) -> Any:
    # What every driver takes as it is; asking the field costs more than the rest of a row. A
    # JSON field is asked: there even a text has to be written as JSON.
    if isinstance(field, models.JSONField):
        if value in ([], {}) and connection.vendor == "sqlite":
            return str(value)  # as most of them are
    else:
        if value is None or type(value) in (int, bool):
            return value
        if isinstance(value, str):
            return str(value)  # a member of an enumeration becomes what it stands for
        if isinstance(value, dt.datetime):
            return connection.ops.adapt_datetimefield_value(value)
    return field.get_db_prep_save(value, connection)
