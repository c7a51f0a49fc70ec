"""Somebody with all rights of the database changes evidence, one thing at a time, and puts it
back: whether each change is found, by the functions that verify every night.

Where one change touches one place, the links around it are verified; what needs the whole is
verified whole. A finding has to name what was changed, and nothing else.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, models

from invoices import triggers
from invoices.evidence import sealing, verifying
from invoices.evidence.kinds import KINDS, Kind
from invoices.evidence_models import EvidenceChain, EvidenceLink

Found = set[tuple[str, str, int]]
#: So many links before and after the one that was touched are verified with it.
_AROUND = 2
#: A number that no row has.
_FREE = -100
#: One bit of a number's fourth byte: no other row of a dense table has that one.
_FAR = 1 << 24
#: Of a row that is put in, what has to differ from the row it is a copy of.
_APART = {
    "invoices.SubmissionAttempt": {"number": "r.number + 1000"},
    "invoices.Correction": {"number": "r.number + 1000"},
    "invoices.Invoice": {"number": "'X' || r.number"},
    "invoices.InvoiceExport": {
        "invoice_id": f"r.invoice_id + {_FAR}",
        "remote_id": f"r.remote_id + {_FAR}",
    },
    "invoices.ReceivedItem": {"position": f"r.position + {_FAR}"},
    "invoices.ReceivedPiece": {"number": f"r.number + {_FAR}"},
    "invoices.InvoiceAttachment": {"name": "'x' || r.name"},
    "invoices.StepAttempt": {"number": "r.number + 1000"},
    "invoices.WordingVersion": {"number": "r.number + 1000"},
    "invoices.DeletionCertificate": {"expiry_id": f"r.expiry_id + {_FAR}"},
}


def sql(statement: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else None


@contextlib.contextmanager
def attacker() -> Iterator[None]:
    """Triggers and foreign keys are off, as whoever owns the database can have them; on SQLite
    keys only outside a transaction."""
    if connection.vendor == "postgresql":
        sql("SET session_replication_role = replica")
        try:
            yield
        finally:
            sql("SET session_replication_role = origin")
        return
    triggers.drop_triggers(connection)
    sql("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        sql("PRAGMA foreign_keys = ON")
        triggers.create_triggers(connection)


class Place(NamedTuple):
    """A sealed row and its link."""

    row: int
    chain: int
    position: int


@dataclass
class Campaign:
    """`samples`: how many rows of each table beside its first and last one."""

    samples: int
    seed: int = 1
    #: How many changes there were, by what was changed, and those that were not found as such.
    tried: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    #: Rows, and the seconds it took, of verifying all that there was.
    rows: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._chains = EvidenceChain.objects.in_bulk()
        self._ends = {pk: sealing.head_of(chain) for pk, chain in self._chains.items()}

    def run(self) -> None:
        """Everything, one change at a time, and at the end all is as it was before."""
        self._judge("nothing", self.whole(), set())
        with attacker():
            for kind in KINDS:
                places = self._places(kind)
                self._values(kind, places)
                self._removed(kind, places)
                self._swapped(kind, places)
            self._put_in()
            self._links()
            self._chains_themselves()
            self._many_at_once()
        self._judge("nothing", self.whole(), set())

    def whole(self, heads: dict[int, verifying.Heads] | None = None) -> Found:
        """What verifying everything finds."""
        found: Found = set()
        for chain in EvidenceChain.objects.order_by("pk"):
            result = verifying.verify_chain(chain, (heads or {}).get(chain.pk))
            self.rows, self.seconds = self.rows + result.rows, self.seconds + result.seconds
            found |= _told(result)
        return found | _told(verifying.verify_unsealed())

    def _around(self, *places: Place) -> Found:
        """What verifying the links around some finds."""
        found: Found = set()
        for place in places:
            first = max(place.position - _AROUND, 1)
            last = min(place.position + _AROUND, self._ends[place.chain][0])
            chain = self._chains[place.chain]
            before = EvidenceLink.objects.filter(chain=chain, position=first - 1)
            head = before.values_list("hash", flat=True).first()
            walk = verifying.Walk(first - 1, bytes(chain.genesis if head is None else head))
            verifying.walk_on(chain, walk, to=last)
            found |= _told(walk.result)
        return found

    def _judge(self, what: str, found: Found, wanted: Found) -> None:
        self.tried[what] += 1
        if found != wanted:
            self.missed.append(f"{what}: {sorted(wanted)} was told as {sorted(found)}")

    def _judge_any(self, what: str, found: Found) -> None:
        """Of a link it can be the link, its row or both."""
        self.tried[what] += 1
        if not found:
            self.missed.append(f"{what} was not found")

    def _places(self, kind: Kind) -> list[Place]:
        links = EvidenceLink.objects.filter(kind=kind.number).order_by("row")
        found = [Place(*link) for link in links.values_list("row", "chain_id", "position")]
        assert found, f"no row of {kind.table} is sealed: nothing would be shown of it"
        return found

    def _sample(self, places: list[Place]) -> list[Place]:
        chosen = [places[0], places[-1]]
        return [*dict.fromkeys(chosen + self._dice.choices(places, k=self.samples))]

    def _values(self, kind: Kind, places: list[Place]) -> None:
        """One byte of one column."""
        for column in kind.fields:
            for place in self._sample(places):
                what = "row removed" if column.primary_key else "row changed"
                with self._forged(kind.table, column, place.row):
                    found = self._around(place)
                self._judge(f"{kind.table}.{column.column}", found, {(what, kind.table, place.row)})

    def _forged(self, table: str, column: Any, pk: int) -> Any:
        return _other(table, column, pk, forged(column, raw(column, table, pk), self._dice))

    def _removed(self, kind: Kind, places: list[Place]) -> None:
        for place in self._sample(places):
            with _without(kind.table, f"id = {place.row}"):
                found = self._around(place)
            wanted = {("row removed", kind.table, place.row)}
            self._judge(f"a row of {kind.table} removed", found, wanted)

    def _swapped(self, kind: Kind, places: list[Place]) -> None:
        """Two rows have each other's content, that is, each other's number."""
        for one in self._sample(places):
            other = self._dice.choice(places)
            if one != other:
                _exchange(kind.table, "id", one.row, other.row)
                found = self._around(one, other)
                _exchange(kind.table, "id", one.row, other.row)
                wanted = {("row changed", kind.table, place.row) for place in (one, other)}
                self._judge(f"two rows of {kind.table} swapped", found, wanted)

    def _put_in(self) -> None:
        """A row of each table below what the sealer looks at, which it therefore never seals."""
        for kind in KINDS:
            names = [column.column for column in kind.model_class._meta.concrete_fields]
            apart = {"id": str(_FREE)} | _APART.get(kind.model, {})
            values = ", ".join(apart.get(name, f'r."{name}"') for name in names)
            quoted = ", ".join(f'"{name}"' for name in names)
            places = self._places(kind)
            source = places[len(places) // 2].row
            sql(
                f"INSERT INTO {kind.table} ({quoted}) "
                f"SELECT {values} FROM {kind.table} r WHERE r.id = {source}"
            )
        sealing.seal(float("inf"))
        found = _told(verifying.verify_unsealed())
        for kind in KINDS:
            sql(f"DELETE FROM {kind.table} WHERE id = {_FREE}")
            named = {each for each in found if each[1] == kind.table}
            wanted = {("row not sealed", kind.table, _FREE)}
            self._judge(f"a row of {kind.table} put in", named, wanted)

    def _links(self) -> None:
        """Links changed and reordered, at either end of each chain and in it."""
        for pk, (end, _head) in self._ends.items():
            inside = [self._dice.randint(1, end) for _ in range(self.samples)]
            for position in dict.fromkeys([1, end, *inside]):
                place = Place(0, pk, position)
                link = EvidenceLink.objects.get(chain=pk, position=position)
                for column in EvidenceLink._meta.concrete_fields[1:]:
                    with self._forged(_LINKS, column, link.pk):
                        self._judge_any(f"link's {column.column}", self._around(place))
                other = Place(0, pk, self._dice.randint(1, end))
                if other != place:
                    _exchange(_LINKS, "position", position, other.position, f"chain_id = {pk}")
                    self._judge_any("two links swapped", self._around(place, other))
                    _exchange(_LINKS, "position", position, other.position, f"chain_id = {pk}")

    def _chains_themselves(self) -> None:
        for pk, (end, head) in self._ends.items():
            for column in EvidenceChain._meta.concrete_fields[1:]:
                with self._forged(_CHAINS, column, pk):
                    result = verifying.begin(EvidenceChain.objects.get(pk=pk)).result
                wanted = {("chain changed", _CHAINS, pk)}
                self._judge(f"chain's {column.column}", _told(result), wanted)
            with _without(_CHAINS, f"id = {pk}"):
                found = _told(verifying.verify_unsealed())
            self._judge("a chain removed", found, {("chain removed", _CHAINS, pk)})
            # With its rows, whose links would be missed: only published heads can tell.
            with _without(_LINKS, f"chain_id = {pk} AND position >= {max(end - 1, 1)}"):
                result = verifying.verify_chain(self._chains[pk], {end: head})
            wanted = {("published head missing", _LINKS, end)}
            self._judge("a chain's end cut off", _told(result), wanted)

    def _many_at_once(self) -> None:
        """Changes all over the place, each told once and nothing else."""
        wanted: Found = set()
        with contextlib.ExitStack() as stack:
            for kind in KINDS:
                for place in self._sample(self._places(kind)):
                    column = self._dice.choice(kind.fields[1:])
                    stack.enter_context(self._forged(kind.table, column, place.row))
                    wanted.add(("row changed", kind.table, place.row))
            self._judge("many at once", self.whole(), wanted)


_LINKS, _CHAINS = "invoices_evidencelink", "invoices_evidencechain"


def _told(result: verifying.Result) -> Found:
    return {(each.what, each.table, each.row) for each in result.findings}


def _exchange(table: str, column: str, one: int, other: int, where: str = "1 = 1") -> None:
    for old, new in ((one, 1 << 30), (other, one), (1 << 30, other)):
        sql(f"UPDATE {table} SET {column} = {new} WHERE {column} = {old} AND {where}")


@contextlib.contextmanager
def _other(table: str, column: Any, pk: int, value: Any) -> Iterator[None]:
    """Another value in one row."""
    before, now = raw(column, table, pk), value if column.primary_key else pk
    statement = f'UPDATE {table} SET "{column.column}" = %s WHERE id = %s'
    sql(statement, value, pk)
    assert raw(column, table, now) != before, f"{table}.{column.column}"
    yield
    sql(statement, before, now)


@contextlib.contextmanager
def _without(table: str, where: str) -> Iterator[None]:
    """As if these rows were not there."""
    sql(f"CREATE TEMPORARY TABLE kept AS SELECT * FROM {table} WHERE {where}")
    sql(f"DELETE FROM {table} WHERE {where}")
    yield
    sql(f"INSERT INTO {table} SELECT * FROM kept")
    sql("DROP TABLE kept")


def raw(column: Any, table: str, pk: int) -> Any:
    """The value as stored, dates, decimals and JSON as text."""
    return sql(f"SELECT {_as_stored(column)} FROM {table} WHERE id = %s", pk)[0][0]


def _as_stored(column: Any) -> str:
    name = f'"{column.column}"'
    if isinstance(column, (models.DateField, models.DecimalField, models.JSONField)):
        return f"CAST({name} AS text)"
    # Of a bare column SQLite's driver would know the declared type, and convert.
    return f"coalesce({name}, NULL)"


def forged(column: Any, value: Any, dice: random.Random) -> Any:
    """A value that differs from the stored one in one byte, or as little as its type can."""
    if isinstance(column, models.JSONField):
        return json.dumps(_forged_json(json.loads(value), dice))
    if value is None:
        return _instead_of_null(column)
    if isinstance(column, models.DateTimeField):
        moment = dt.datetime.fromisoformat(str(value))
        last = moment.microsecond % 10
        moment = moment.replace(microsecond=moment.microsecond - last + (last ^ 1))
        return moment.isoformat(" ").removesuffix("+00:00")
    if isinstance(column, models.DateField):
        day = dt.date.fromisoformat(str(value))
        return day.replace(year=day.year + (1 if day.year % 10 < 9 else -1), day=min(day.day, 28))
    if isinstance(column, models.DecimalField):
        cents = int(Decimal(str(value)).scaleb(2))
        return str(Decimal(cents - cents % 10 + (cents % 10 ^ 1)).scaleb(-2))
    if isinstance(column, models.BooleanField):
        return not value
    if isinstance(column, models.BinaryField):
        return _one_bit(bytes(value), dice)
    if isinstance(column, (models.SmallIntegerField, models.PositiveSmallIntegerField)):
        return value ^ 64
    if isinstance(value, int):
        return value ^ _FAR
    if isinstance(column, models.UUIDField):
        return str(value)[:-1] + ("1" if str(value)[-1] == "0" else "0")
    return _forged_text(value, dice)


def _instead_of_null(column: Any) -> Any:
    if column.is_relation:
        return _FAR
    return {
        models.DateTimeField: "2026-09-01 12:00:00.000001",
        models.DateField: "2026-09-01",
        models.CharField: "x",
    }.get(type(column), 1)


def _forged_text(text: str, dice: random.Random) -> str:
    if not text:
        return "x"
    at = dice.randrange(len(text))
    return text[:at] + chr(ord(text[at]) ^ 16) + text[at + 1 :]


def _forged_json(value: Any, dice: random.Random) -> Any:
    """One leaf of it, or something in it where it is empty."""
    if isinstance(value, dict) and value:
        key = dice.choice([*value])
        return value | {key: _forged_json(value[key], dice)}
    if isinstance(value, list) and value:
        at = dice.randrange(len(value))
        return [*value[:at], _forged_json(value[at], dice), *value[at + 1 :]]
    if isinstance(value, dict):
        return {"x": 1}
    if isinstance(value, list):
        return [1]
    if value is None or isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return _forged_text(value, dice)
    return value ^ 1 if isinstance(value, int) else value + 0.5


def _one_bit(value: bytes, dice: random.Random) -> bytes:
    changed = bytearray(value)
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)
