"""The questions before exports are queued again or skipped: what will happen, then what did."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from integrations.admin.desk import Question
from invoices import engine, exports
from invoices.admin.words import money, status_words
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport

#: Each move is a transaction on disk: more of them would outlast the web server's patience.
AT_ONCE = 500


def _split(
    queryset: QuerySet[InvoiceExport], statuses: tuple[ExportStatus, ...]
) -> tuple[list[InvoiceExport], list[str]]:
    """Those the action may touch, and for the others how many are in which status."""
    fit = queryset.filter(status__in=statuses).select_related("invoice", "tenant")
    # Counted by the database: everything that a filter matches may be a million.
    reasons = ("status", "attention_reason", "parked_reason")
    rest = queryset.exclude(status__in=statuses).order_by().values(*reasons)
    others = {
        status_words(InvoiceExport(**{name: row[name] for name in reasons})): row["count"]
        for row in rest.annotate(count=Count("pk")).order_by(*reasons)
    }
    return list(fit[:AT_ONCE]), [f"{count} × {words}" for words, count in others.items()]


def _sums(chosen: list[InvoiceExport]) -> str:
    totals: Counter[str] = Counter()
    for export in chosen:
        totals[export.invoice.currency] += export.invoice.gross_total  # type: ignore[assignment]
    return ", ".join(money(Decimal(total), currency) for currency, total in totals.items())


def _listed(chosen: list[InvoiceExport]) -> list[str]:
    lines = [
        f"{export.invoice.number} · {export.invoice.buyer_name} · "
        f"{money(export.invoice.gross_total, export.invoice.currency)}"
        for export in chosen[:10]
    ]
    more = len(chosen) - len(lines)
    if more:
        lines.append(_t("… and %(count)d more") % {"count": more})
    if len(chosen) == AT_ONCE:
        lines.append(
            _t("At most %(count)d are taken at a time: repeat for the others.") % {"count": AT_ONCE}
        )
    return lines


def _done(done: int, all_chosen: int, sentence: str) -> tuple[int, str]:
    left = all_chosen - done
    if left:
        sentence += " " + ngettext(
            "%(count)d left alone: it has moved on.",
            "%(count)d left alone: they have moved on.",
            left,
        ) % {"count": left}
    return (messages.SUCCESS if done else messages.WARNING), sentence


def queue_question(request: HttpRequest, queryset: QuerySet[InvoiceExport]) -> Question:
    chosen, left_out = _split(queryset, exports.QUEUEABLE)

    def act(reason: str) -> tuple[int, str]:
        done = [e for e in chosen if exports.queue(e, by=request.user, reason=reason)]
        for tenant_pk in {export.tenant_id for export in done}:
            engine.wake(tenant_pk)
        sentence = ngettext("%(count)d queued again.", "%(count)d queued again.", len(done))
        return _done(len(done), len(chosen) + sum_of(left_out), sentence % {"count": len(done)})

    return Question(
        title=_t("Queue again?"),
        button=ngettext("Queue %(count)d again", "Queue %(count)d again", len(chosen))
        % {"count": len(chosen)},
        act=act,
        facts=[
            *_listed(chosen),
            _t("Total: %(sum)s") % {"sum": _sums(chosen) or "–"},
            _t(
                "An invoice that was tried before is first looked for in Procountor: it is "
                "never submitted twice."
            ),
        ],
        left_out=left_out,
        reason="optional",
        possible=bool(chosen),
    )


def skip_question(request: HttpRequest, queryset: QuerySet[InvoiceExport]) -> Question:
    chosen, left_out = _split(queryset, exports.SKIPPABLE)

    def act(reason: str) -> tuple[int, str]:
        done = [e for e in chosen if exports.skip(e, by=request.user, reason=reason)]
        sentence = ngettext("%(count)d skipped.", "%(count)d skipped.", len(done))
        return _done(len(done), len(chosen) + sum_of(left_out), sentence % {"count": len(done)})

    return Question(
        title=_t("Skip, so that it is not exported?"),
        button=ngettext("Skip %(count)d", "Skip %(count)d", len(chosen)) % {"count": len(chosen)},
        act=act,
        facts=[
            *_listed(chosen),
            _t("Total: %(sum)s") % {"sum": _sums(chosen) or "–"},
            _t("A skipped export is final: it is not submitted and cannot be queued again."),
        ],
        left_out=left_out,
        reason="required",
        possible=bool(chosen),
        danger=True,
    )


def sum_of(left_out: list[str]) -> int:
    """How many exports the lines of `_split` stand for."""
    return sum(int(line.partition(" ")[0]) for line in left_out)
