"""What both shops' readers end with: the document, checked, or every problem."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from invoices.intake.values import MAX_PROBLEMS, Log, validated
from invoices.shops.reading.lines import Line, Sum, rows_of
from invoices.shops.reading.settings import LONGEST_NUMBER, LeftOut, Read, ShopSettings
from invoices.shops.reading.words import reason

_HELSINKI = ZoneInfo("Europe/Helsinki")


def day_of(moment: dt.datetime | None) -> dt.date | None:
    """The day in Helsinki, by which Finnish periods and rates go."""
    return moment.astimezone(_HELSINKI).date() if moment else None


def read_of(
    fields: dict[str, Any],
    lines: list[Line],
    stated: Sum,
    *,
    inclusive: bool,
    settings: ShopSettings,
    log: Log,
    place: str,
) -> Read:
    """`fields` are the document's without rows and totals; `place` is where the shop states the
    total."""
    number = fields["number"]
    if len(number) > LONGEST_NUMBER:
        log.error("too_long", "number", number, LONGEST_NUMBER)
    if fields["date"] is None and not log.errors:
        log.error("missing", "date")
    credit = fields.get("kind") == "credit_note"
    if credit and stated.gross > 0:
        log.error("credit_note_positive", place, stated.gross)
    if not credit and stated.gross < 0:
        log.error("not_allowed", place, stated.gross, "≥ 0")
    if not lines and not log.errors:
        log.error("missing", "rows")
    rows = rows_of(lines, stated, inclusive, settings, log, place)
    reasons = sorted({reason(line.category or "", settings.language) for line in lines} - {""})
    data = fields | {
        "rows": rows,
        "prices_include_vat": inclusive,
        "additional_information": "\n".join(reasons),
        "net_total": stated.gross - stated.tax,
        "vat_total": stated.tax,
        "gross_total": stated.gross,
    }
    document = validated(data, log) if not log.errors else None
    return Read(
        number[:LONGEST_NUMBER],
        None if log.errors else document,
        tuple(log.errors[:MAX_PROBLEMS]),
        tuple(log.warnings[:MAX_PROBLEMS]),
    )


def nothing(number: str, why: LeftOut) -> Read:
    return Read(number[:LONGEST_NUMBER], None, left_out=why)


def new_log() -> Log:
    return Log()
