"""Links what the writers have committed into its chains, behind them: no writer waits for a chain.

A pass reads what is not sealed yet, outside any transaction, and then writes the links of all of
it and how far it has come in one short transaction. Whatever ends in between changes nothing: a
row is sealed once by database constraint, and so has a position.

Rows are numbered before they are committed, so a row may appear below others that are sealed.
Nothing below `SealCursor.done_to` can: a cursor moves to the highest number seen only when every
transaction that was writing to the table at that moment has ended, or there was none. On
PostgreSQL the locks of the tables say so, which a writer holds from before its first number until
its end; SQLite has one writer at a time.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from invoices import audit
from invoices.bulk import insert_each
from invoices.evidence import canonical
from invoices.evidence.chains import Chains, link_hash
from invoices.evidence.expired import Hashes
from invoices.evidence.kinds import KINDS, Kind
from invoices.evidence_models import EvidenceChain, EvidenceLink, SealCursor

#: Rows of one statement's INSERT.
_AT_ONCE = 500
#: How far a cursor moves in one pass.
_LOOK_UP = 100_000
#: Any number that no other part of the program locks.
_LOCK = 4_811_927_305


class _Lost(Exception):
    """Another sealer is at it, or was faster."""


@dataclass
class _Row:
    """What is to be sealed: `moment` is canonical."""

    moment: str
    kind: Kind
    pk: int
    tenant_pk: int | None
    digest: bytes


@dataclass
class _Cursor:
    """How far a kind is sealed, and from where this run reads on."""

    row: SealCursor
    read_to: int = field(init=False)

    def __post_init__(self) -> None:
        self.read_to = self.row.done_to


@dataclass
class _Found:
    rows: list[_Row]
    #: New values of the cursors: {kind: (done_to, pending_to, pending)}.
    cursors: dict[int, tuple[int, int, list[str]]]
    read_to: dict[int, int]
    is_all: bool


def seal(seconds: float = 20.0, *, after_read: Callable[[], None] | None = None) -> int:
    """Seal what is committed, for about as many seconds; returns how many rows.

    May be called at any time, from several processes and outside a transaction: one of them
    does the work, the others leave. `after_read` is called between reading and writing.
    """
    run, sealed = _Run(), 0
    end = time.monotonic() + seconds
    while True:
        found = run.read()
        if after_read:
            after_read()
        try:
            run.write(found)
        except _Lost:
            return sealed
        sealed += len(found.rows)
        if found.is_all or time.monotonic() >= end:
            return sealed


def seal_late(reason: str) -> int:
    """Seal rows that no pass will look for any more, after a person has judged what verification
    found: they come last in their chains, and an audit event names them. Returns how many."""
    sealed = 0
    for kind in KINDS:
        while pks := unsealed(kind, an_hour_ago())[: kind.at_once]:
            rows = _read(kind, f"AND r.id IN ({', '.join(map(str, pks))})")
            with transaction.atomic():
                _Run().write(_Found(_in_order(rows), {}, {}, is_all=True))
                facts = {"table": kind.table, "rows": pks, "reason": reason}
                audit.record("evidence.sealed_late", data=facts)
            sealed += len(rows)
    return sealed


class _Run:
    """The passes of one call, from where the last call came."""

    def __init__(self) -> None:
        stored = SealCursor.objects.in_bulk()
        self.cursors = {
            kind.number: _Cursor(stored.get(kind.number) or SealCursor(kind=kind.number))
            for kind in KINDS
        }

    def read(self) -> _Found:
        """Everything there is, at most `at_once` of each kind. Reads only; the order of the
        readings matters: newest numbers, who is writing, what is open, rows."""
        newest = {kind.number: _newest(kind) for kind in KINDS if not kind.follows}
        writing = _writing()
        closed_to = {
            kind.number: _closed_to(kind, self.cursors[kind.number].row.done_to, newest)
            for kind in KINDS
            if not kind.follows
        }
        found = _Found([], {}, {}, is_all=True)
        for kind in KINDS:
            if kind.follows:
                continue
            cursor, top = self.cursors[kind.number], newest[kind.number]
            upper, full = _slice(kind, cursor.read_to, top)
            found.rows += _read(kind, "", between=(cursor.read_to, upper))
            found.is_all = found.is_all and not full
            found.read_to[kind.number] = upper
            # Only a reading that began at the cursor has seen what came late.
            if cursor.read_to == cursor.row.done_to:
                found.cursors[kind.number] = _moved(
                    cursor.row,
                    min(upper, closed_to[kind.number]),
                    top,
                    writing.get(kind.table, set()),
                )
        found.rows += _following(found.rows)
        found.rows = _in_order(found.rows)
        return found

    def write(self, found: _Found) -> None:
        """One short transaction. Raises _Lost when another sealer has the lock or was faster."""
        try:
            with transaction.atomic():
                _lock()
                _insert_links(found.rows)
                for number, (done_to, pending_to, pending) in found.cursors.items():
                    self._move(self.cursors[number].row, done_to, pending_to, pending)
        except IntegrityError as error:
            raise _Lost from error
        for number, read_to in found.read_to.items():
            cursor = self.cursors[number]
            cursor.read_to = max(read_to, cursor.row.done_to)

    def _move(self, row: SealCursor, done_to: int, pending_to: int, pending: list[str]) -> None:
        values = {"done_to": done_to, "pending_to": pending_to, "pending": pending}
        if values == {name: getattr(row, name) for name in values}:
            return
        for name, value in values.items():
            setattr(row, name, value)
        SealCursor.objects.update_or_create(kind=row.kind, defaults=values)


def _moved(
    row: SealCursor, seen_to: int, newest: int, writing: set[str]
) -> tuple[int, int, list[str]]:
    """Where a cursor moves to: everything that is there to `seen_to` is being sealed now."""
    pending_to, pending = row.pending_to, list(row.pending)
    if not writing:
        safe, pending_to, pending = newest, 0, []
    elif pending_to > row.done_to and not writing & set(pending):
        safe, pending_to, pending = pending_to, newest, sorted(writing)
    else:
        safe = row.done_to
        if pending_to <= row.done_to:
            pending_to, pending = newest, sorted(writing)
    return max(min(safe, seen_to), row.done_to), pending_to, pending


def _newest(kind: Kind) -> int:
    return int(_value(f"SELECT coalesce(max(id), 0) FROM {kind.table}"))  # nosec B608


def _closed_to(kind: Kind, above: int, newest: dict[int, int]) -> int:
    """The highest number before the first row that is not closed yet, looking some way up."""
    to = min(newest[kind.number], above + _LOOK_UP)
    if not kind.ready:
        return to
    first = _value(
        f"SELECT min(r.id) FROM {kind.table} r "  # nosec B608
        f"WHERE r.id > {above} AND r.id <= {to} AND NOT ({kind.ready})"
    )
    return to if first is None else int(first) - 1


def _slice(kind: Kind, above: int, newest: int) -> tuple[int, bool]:
    """Up to which number a pass reads, and whether there may be more: as many rows as it takes,
    sealed or not, so that no pass reads the whole table."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.id FROM {kind.table} r WHERE r.id > {above} "  # nosec B608
            f"ORDER BY r.id LIMIT {kind.at_once}"
        )
        keys = [row[0] for row in cursor.fetchall()]
    if len(keys) == kind.at_once:
        return keys[-1], True
    return max(newest, above, *keys), False


def _writing() -> dict[str, set[str]]:
    """{table: the transactions that may have numbered rows of it and not committed}."""
    if connection.vendor != "postgresql":
        return {}
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_WRITING, [[kind.table for kind in KINDS]])
        for table, transaction_id in cursor.fetchall():
            found.setdefault(table, set()).add(transaction_id)
    return found


_WRITING = """
    SELECT c.relname, l.virtualtransaction FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.locktype = 'relation' AND c.relname = ANY(%s)
        AND l.pid IS DISTINCT FROM pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.granted AND l.mode = 'RowExclusiveLock'
"""


def _read(kind: Kind, which: str, *, between: tuple[int, int] | None = None) -> list[_Row]:
    """Rows of a kind that are ready and not sealed, of a range: above one number, to another."""
    ready = f"AND {kind.ready}" if kind.ready else ""
    of_links = ""
    if between:
        # Told of the links too: no planner concludes it, and it would read all of them.
        of_links = "AND l.row > {} AND l.row <= {} ".format(*between)
        which += " AND r.id > {} AND r.id <= {}".format(*between)
    statement = (
        f"SELECT {canonical.moment(kind.moment)}, {kind.tenant}, "  # nosec B608
        f"{canonical.columns(kind)} FROM {kind.source} "
        f"LEFT JOIN invoices_evidencelink l ON l.kind = {kind.number} AND l.row = r.id {of_links}"
        f"WHERE l.id IS NULL {ready} {which}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [
            _Row(
                canonical.as_moment(moment),
                kind,
                values[0],
                tenant_pk,
                canonical.digest(kind, values),
            )
            for moment, tenant_pk, *values in cursor.fetchall()
        ]


def _following(rows: list[_Row]) -> list[_Row]:
    """Rows that became final with one of these audit events."""
    events = [row.pk for row in rows if row.kind is KINDS[0]]
    found = []
    for kind in KINDS:
        if not (kind.follows and events):
            continue
        actions = ", ".join(f"'{action}'" for action in kind.follows)
        found += _read(
            kind,
            "AND r.id IN (SELECT export_id FROM invoices_auditevent "  # nosec B608
            f"WHERE action IN ({actions}) AND id IN ({', '.join(map(str, events))}))",
        )
    return found


def _in_order(rows: list[_Row]) -> list[_Row]:
    """The order in which a pass links: by moment, then table, then primary key."""
    return sorted(rows, key=lambda row: (row.moment, row.kind.number, row.pk))


def _lock() -> None:
    """One sealer at a time; on SQLite the transaction itself is the lock."""
    if connection.vendor == "postgresql" and not _value(
        f"SELECT pg_try_advisory_xact_lock({_LOCK})"
    ):
        raise _Lost


def _insert_links(rows: list[_Row]) -> None:
    chains, heads = Chains(), {}
    links: list[dict[str, Any]] = []
    for row in rows:
        chain = chains.of(row.tenant_pk, row.moment)
        if chain.pk not in heads:
            heads[chain.pk] = head_of(chain)
        position, before = heads[chain.pk]
        position += 1
        after = link_hash(before, position, row.kind.table, row.pk, row.digest)
        heads[chain.pk] = position, after
        links.append(
            {
                "chain_id": chain.pk,
                "position": position,
                "kind": row.kind.number,
                "row": row.pk,
                "digest": row.digest,
                "hash": after,
            }
        )
    for start in range(0, len(links), _AT_ONCE):
        insert_each(EvidenceLink, links[start : start + _AT_ONCE])


def head_of(chain: EvidenceChain) -> tuple[int, bytes]:
    """Position and hash of the last link; 0 and the genesis of an empty chain. Of an expired one
    it stays what it was."""
    last = EvidenceLink.objects.filter(chain=chain).order_by("-position")
    found = last.values_list("position", "hash").first()
    hashes = Hashes(chain)
    if found and found[0] >= hashes.count:
        return found[0], bytes(found[1])
    return hashes.count, hashes[hashes.count]


def unsealed(kind: Kind, before: dt.datetime, *, tenant_pk: int | None = None) -> list[int]:
    """Rows of a kind that were ready before that moment and are in no chain: the first thousand.
    Such as say that they will be tomorrow or later, too: nobody who is honest writes them."""
    ready = f"AND {kind.ready}" if kind.ready else ""
    statement = (
        f"SELECT r.id FROM {kind.source} "  # nosec B608
        f"LEFT JOIN invoices_evidencelink l ON l.kind = {kind.number} AND l.row = r.id "
        f"WHERE l.id IS NULL AND ({kind.moment} < %s OR {kind.moment} > %s) {ready} "
    )
    parameters: list[Any] = [
        connection.ops.adapt_datetimefield_value(moment)
        for moment in (before, timezone.now() + dt.timedelta(days=1))
    ]
    if tenant_pk is not None:
        statement += f"AND {kind.tenant} = %s "
        parameters.append(tenant_pk)
    with connection.cursor() as cursor:
        cursor.execute(statement + "ORDER BY r.id LIMIT 1000", parameters)
        return [row[0] for row in cursor.fetchall()]


def an_hour_ago() -> dt.datetime:
    return timezone.now() - dt.timedelta(hours=1)


def _value(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]
