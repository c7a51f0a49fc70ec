"""Days and durations of moments, said by the database. What Django teaches SQLite for it reads a
moment several times as slowly as these do, and there are a million of them."""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import DateField, F, Func, PositiveSmallIntegerField
from django.utils import timezone

from invoices.reports import times


class LocalDay(Func):
    """The day of a moment in our time zone, whatever zone a reader has."""

    output_field = DateField()

    def __init__(self, moment: str) -> None:
        super().__init__(F(moment))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="flashnode_local_day", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        zone = str(timezone.get_default_timezone())
        # The name of a zone is a setting's, and has no quote in it.
        template = f"CAST(%(expressions)s AT TIME ZONE '{zone}' AS date)"
        return self.as_sql(compiler, connection, template=template, **context)


class Bucket(Func):
    """`times.bucket_of` the time between two moments, to the microsecond."""

    output_field = PositiveSmallIntegerField()

    def __init__(self, earlier: str, later: str) -> None:
        super().__init__(F(later), F(earlier))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="flashnode_bucket", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        seconds = "CAST(EXTRACT(EPOCH FROM %(expressions)s) AS double precision)"
        bucket = f"CEIL(LN(GREATEST({seconds}, 1)) / {math.log(times.RATIO)!r})"
        template = f"CAST(LEAST({bucket}, {times.LAST}) AS smallint)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" - ", **context)


def listen() -> None:
    connection_created.connect(_teach, dispatch_uid="moments")


def _teach(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        create = connection.connection.create_function
        create("flashnode_local_day", 1, _local_day, deterministic=True)
        create("flashnode_bucket", 2, _bucket, deterministic=True)


def _local_day(moment: str | None) -> str | None:
    # No zone is off by seconds.
    return None if moment is None else _day_of_minute(moment[:16])


@lru_cache(maxsize=10_000)
def _day_of_minute(minute: str) -> str:
    return timezone.localdate(_utc(minute), timezone.get_default_timezone()).isoformat()


def _bucket(later: str | None, earlier: str | None) -> int | None:
    if later is None or earlier is None:
        return None
    return times.bucket_of(_utc(later) - _utc(earlier))


def _utc(moment: str) -> dt.datetime:
    """As SQLite keeps it."""
    return dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
