"""Our own JSON form: `InvoiceDocument` as it stands, one object or {"invoices": [...]}.

Field by field in this folder's README. Read strictly: unknown and repeated keys are refused,
figures never pass through a float, and every error of an invoice is told at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, Literal

import simplejson

from invoices.document import Problem
from invoices.intake.attached import read_attachments
from invoices.intake.result import MAX_ITEMS, ReadItem, ReadResult
from invoices.intake.values import MAX_PROBLEMS, Log, json_place, problem, validated

MAX_DEPTH = 20
#: A text of more commas is refused: what it becomes would not fit in memory.
MAX_COMMAS = 1_500_000
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATES = frozenset({"date", "due_date", "delivery_start", "delivery_end", "start_date", "end_date"})
_OURS = frozenset({"number", "buyer", "rows"})
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class _Object(dict[str, Any]):
    """A JSON object that remembers the keys it had more than once."""

    repeated: tuple[str, ...] = ()


class _NotANumber:
    """NaN, Infinity, or a figure too long to be one: refused wherever it stands."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text[:40]


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) < len(pairs):
        times = Counter(key for key, __ in pairs)
        found.repeated = tuple(sorted(key for key, count in times.items() if count > 1))
    return found


def _number(text: str) -> Decimal | _NotANumber:
    """Exponents are bounded here: 1e999999999 as an integer would fill the memory."""
    if len(text) > 40:
        return _NotANumber(text)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _NotANumber(text)
    return number if number.adjusted() < 40 else _NotANumber(text)


def read_json(
    text: str, *, form: Literal["any", "one", "list"] = "any", most: int = MAX_ITEMS
) -> ReadResult:
    """Every invoice of a JSON text. `form` says whether it has to be one invoice, a list of at
    most `most`, or may be either."""
    if text.count(",") > MAX_COMMAS:
        too_complex = problem("file_too_complex", "", text.count(","), MAX_COMMAS)
        return ReadResult("json", (), (too_complex,))
    try:
        data = simplejson.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_NotANumber,
            allow_nan=True,
        )
    except simplejson.JSONDecodeError as error:
        place = f"{error.lineno}:{error.colno}"
        return ReadResult("json", (), (problem("json_broken", place, error.msg),))
    except RecursionError:
        return ReadResult("json", (), (problem("too_deep", "", "", MAX_DEPTH),))
    if form == "one":
        return ReadResult("json", (_read_item(1, data),))
    if form == "list":
        if isinstance(data, _Object):
            data.setdefault("invoices", [])
            return _read_list(data, most)
        return ReadResult("json", (), (problem("not_an_object", "", data),))
    if not isinstance(data, _Object) or not (_OURS | {"invoices"}) & data.keys():
        return ReadResult("unknown", (), (problem("format_unknown", "", "JSON"),))
    if "invoices" not in data:
        return ReadResult("json", (_read_item(1, data),))
    return _read_list(data, most)


def _read_list(data: _Object, most: int) -> ReadResult:
    problems = [problem("unknown_field", key) for key in sorted(data.keys() - {"invoices"})]
    problems += [problem("repeated_field", key) for key in data.repeated]
    listed = data["invoices"]
    if not isinstance(listed, list):
        problems.append(problem("not_a_list", "invoices"))
    elif not listed:
        problems.append(problem("missing", "invoices"))
    elif len(listed) > most:
        problems.append(problem("too_many", "invoices", len(listed), most))
    if problems:
        return ReadResult("json", (), tuple(problems[:MAX_PROBLEMS]))
    items = (_read_item(number, found) for number, found in enumerate(listed, start=1))
    return ReadResult("json", tuple(items))


def _read_item(position: int, data: Any) -> ReadItem:
    if not isinstance(data, _Object):
        return ReadItem(position, None, (problem("not_an_object", "", data),))
    log = Log()
    # The bytes are kept beside the invoice, never in its content.
    attachments = read_attachments(data.pop("attachments", []), log)
    log.errors += islice(_structure_errors(data), MAX_PROBLEMS)
    document = validated(data, log) if not log.errors else None
    if document is None and log.errors and not _too_deep(log.errors):
        _add_missed(data, log)
    number = data.get("number")
    return ReadItem(
        position,
        None if log.errors else document,
        tuple(log.errors[:MAX_PROBLEMS]),
        tuple(log.warnings),
        number.strip()[:40] if isinstance(number, str) else "",
        () if log.errors else attachments,
    )


def _too_deep(errors: list[Problem]) -> bool:
    return any(found.code == "too_deep" for found in errors)


def _add_missed(data: _Object, log: Log) -> None:
    """The model's errors too, at places where nothing was found yet: all errors at once."""
    told = {found.place for found in log.errors}
    more = Log()
    validated(data, more)
    log.errors += [found for found in more.errors if found.place not in told]


def _structure_errors(data: _Object) -> Iterator[Problem]:
    """What the model cannot see: repeated keys, dates that are not ISO, texts no database takes."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), data)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > MAX_DEPTH:
            yield problem("too_deep", json_place(path[:3]), "", MAX_DEPTH)
            return
        if isinstance(value, _Object):
            for key in value.repeated:
                yield problem("repeated_field", json_place((*path, key)))
            waiting += [((*path, key), inner) for key, inner in reversed(list(value.items()))]
        elif isinstance(value, list):
            waiting += [((*path, index), inner) for index, inner in enumerate(value)]
        elif isinstance(value, _NotANumber):
            yield problem("not_a_number", json_place(path), value)
        elif isinstance(value, str) and _UNSTORABLE.search(value):
            yield problem("invalid", json_place(path), value)
        elif path and path[-1] in _DATES and value is not None and not _is_iso_date(value):
            yield problem("not_a_date", json_place(path), value, "2026-01-31")


def _is_iso_date(value: object) -> bool:
    return isinstance(value, str) and _ISO_DATE.fullmatch(value) is not None
