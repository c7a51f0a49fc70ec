"""A tenant's period in the customer's words: what was exported, what stopped invoices, and what
the customer could mend. The same lines make the page and the PDF."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _t
from fpdf.fonts import FontFace

from integrations.advice import LANGUAGES
from integrations.models import Tenant
from invoices.cause_models import ExportCause
from invoices.paper import heading, line, sheet
from invoices.problems import customer_sentence
from invoices.reports import figures
from invoices.reports.periods import Period
from invoices.reports.shown import count, duration, percent

_MOST_CAUSES = 12


@dataclass(frozen=True)
class Stopped:
    """What stopped invoices: how many in the period, and how many of them still wait."""

    sentence: str
    invoices: int
    still: int
    theirs: bool


@dataclass(frozen=True)
class Scorecard:
    """All texts in `language`."""

    language: str
    title: str
    tenant: str
    period: str
    #: (what, figure).
    facts: list[tuple[str, str]]
    stopped_title: str
    stopped_heads: tuple[str, str, str]
    stopped: list[Stopped]
    nothing_stopped: str
    mend_title: str
    mend: list[str]
    explained: str
    made: str


def scorecard(tenant: Tenant, period: Period, language: str) -> Scorecard:
    """Raises KeyError for a language we write to no customer in. Three queries."""
    LANGUAGES[language]
    [(sums, _days)] = figures.of_periods(tenant.pk, period)
    causes = _causes(tenant, period)
    with translation.override(language):
        stopped = _stopped(causes, language)
        return Scorecard(
            language,
            _t("Sales invoices into Procountor"),
            tenant.name,
            _in_words(period),
            _facts(sums),
            _t("What stopped invoices"),
            (_t("Reason"), _t("Invoices"), _t("Still waiting")),
            stopped,
            _t("Nothing: no invoice was stopped."),
            _t("What you can do"),
            [each.sentence for each in stopped if each.theirs and each.still],
            _t(
                # xgettext:no-python-format
                "Invoices received count on the day we received them, exported ones on the day "
                "Procountor accepted them. An invoice with two reasons is in both. Times are at "
                "most 5 % off."
            ),
            _t("Made on %(day)s.") % {"day": _day(timezone.localdate())},
        )


def _day(day: dt.date) -> str:
    # Django's own short Swedish form has the year first, as nobody here writes it.
    return date_format(day, "j.n.Y")


def _in_words(period: Period) -> str:
    first, last = _day(period.first), _day(period.last)
    return first if period.days == 1 else f"{first} – {last}"


def _facts(sums: figures.Sums) -> list[tuple[str, str]]:
    counts = sums.counts
    facts = [(_t("Invoices exported to Procountor"), count(counts["exported"]))]
    for currency, total in sorted(sums.totals.get("exported", {}).items()):
        label = _t("Total with VAT, %(currency)s") % {"currency": currency}
        facts.append((label, number_format(total, decimal_pos=2, force_grouping=True)))
    facts += [
        (_t("Accepted at the first attempt"), percent(sums.first_pass_percent)),
        (_t("Half of them were in Procountor in"), duration(sums.seconds(50))),
        (
            # xgettext:no-python-format
            _t("95 % of them were in Procountor in"),
            duration(sums.seconds(95)),
        ),
        (_t("Invoices received"), count(counts["taken"])),
        (_t("Of these under way now"), count(counts["waiting"])),
        (_t("Of these stopped now"), count(counts["failed"])),
    ]
    if counts["skipped"]:
        facts.append((_t("Of these not to be exported"), count(counts["skipped"])))
    return facts


def _causes(tenant: Tenant, period: Period) -> list[dict[str, Any]]:
    zone = timezone.get_default_timezone()
    first = dt.datetime.combine(period.first, dt.time.min, zone)
    after = dt.datetime.combine(period.last + dt.timedelta(days=1), dt.time.min, zone)
    found: Any = ExportCause.objects.filter(tenant=tenant, began_at__gte=first, began_at__lt=after)
    return list(
        found.order_by()
        .values("code", "field", "value", "expected")
        .annotate(
            invoices=Count("export", distinct=True),
            still=Count("export", distinct=True, filter=Q(ended_at=None)),
        )
        .order_by("-invoices", "code", "field", "value")
    )


def _stopped(causes: list[dict[str, Any]], language: str) -> list[Stopped]:
    """By the sentence; what is ours to put right is one line."""
    invoices: Counter[str] = Counter()
    still: Counter[str] = Counter()
    ours = _t("Settings on our side: nothing for you to do")
    for cause in causes:
        sentence = customer_sentence(cause, language) or ours
        invoices[sentence] += cause["invoices"]
        still[sentence] += cause["still"]
    return [
        Stopped(sentence, number, still[sentence], sentence != ours)
        for sentence, number in invoices.most_common(_MOST_CAUSES)
    ]


def as_pdf(card: Scorecard) -> bytes:
    """One page or more of A4."""
    pdf = sheet(f"{card.title} – {card.tenant}", card.language)
    line(pdf, card.title, 11, grey=True)
    line(pdf, card.tenant, 18, bold=True)
    line(pdf, card.period, 11)
    pdf.ln(4)
    pdf.set_font("Sans", "", 10)
    plain = FontFace(emphasis="")
    with pdf.table(
        col_widths=(70, 30),
        text_align=("LEFT", "RIGHT"),
        line_height=7,
        borders_layout="HORIZONTAL_LINES",
        first_row_as_headings=False,
    ) as table:
        for label, figure in card.facts:
            row = table.row()
            row.cell(label)
            row.cell(figure, style=FontFace(emphasis="B"))
    heading(pdf, card.stopped_title)
    if card.stopped:
        with pdf.table(
            col_widths=(70, 14, 16),
            text_align=("LEFT", "RIGHT", "RIGHT"),
            line_height=6,
            borders_layout="HORIZONTAL_LINES",
        ) as table:
            table.row(card.stopped_heads)
            for each in card.stopped:
                values = (each.sentence, str(each.invoices), str(each.still))
                table.row(values, style=plain)
    else:
        line(pdf, card.nothing_stopped, 10)
    if card.mend:
        heading(pdf, card.mend_title)
        for sentence in card.mend:
            line(pdf, f"– {sentence}", 10)
    pdf.ln(6)
    line(pdf, f"{card.explained} {card.made}", 8, grey=True)
    return bytes(pdf.output())
