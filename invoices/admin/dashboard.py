"""Management's figures of a period beside those of the one before, each a link to its rows."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _t

from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.advice import LANGUAGES
from integrations.models import Tenant
from invoices import audit, causes
from invoices.admin.causes import cause_words
from invoices.admin.charts import Bar, bars
from invoices.admin.words import money
from invoices.report_models import Rollup
from invoices.reports import choosing, figures, rolling, scorecard
from invoices.reports.choosing import Chosen
from invoices.reports.figures import Sums
from invoices.reports.periods import PRESETS, Period, before
from invoices.reports.scorecard import Scorecard
from invoices.reports.shown import count, duration, percent, points

VIEW = "invoices.view_rollup"
_MOST_TENANTS = 20
_MOST_CAUSES = 10
#: More days than this are shown by the month.
_MOST_DAYS = 62


@admin.register(Rollup)
class DashboardAdmin(ReadOnlyAdmin):
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        needs(request, VIEW)
        context = self.admin_site.each_context(request) | {
            "title": _t("Figures"),
            "figures": dashboard_context(request),
            "opts": self.opts,
        }
        return render(request, "desk/figures.html", context)

    def get_urls(self) -> list[Any]:
        page = path(
            "scorecard/<int:pk>/",
            self.admin_site.admin_view(self.scorecard_page),
            name="invoices_scorecard",
        )
        return [page, *super().get_urls()]

    def scorecard_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What a tenant's customer may be sent, as a page and, with `pdf`, as a file."""
        needs(request, VIEW)
        tenant = get_object_or_404(Tenant, pk=pk)
        chosen, wrong = choosing.read(request.GET, default="last_month")
        period = chosen.days or choosing.preset_days("last_month")
        language = request.GET.get("language", "")
        language = language if language in LANGUAGES else "fi"
        card = scorecard.scorecard(tenant, period, language)
        if "pdf" in request.GET:
            return _pdf(request, tenant, period, card)
        address = urlencode({"from": period.first.isoformat(), "to": period.last.isoformat()})
        context = self.admin_site.each_context(request) | {
            "title": _t("Scorecard: %(tenant)s") % {"tenant": tenant},
            "wrong": wrong,
            "card": card,
            "period": period,
            "languages": [
                {"label": name, "url": f"?{address}&language={code}", "chosen": code == language}
                for code, name in LANGUAGES.items()
            ],
            "pdf": f"?{address}&language={language}&pdf=1",
            "figures": f"{reverse('admin:invoices_rollup_changelist')}?{address}&tenant={pk}",
            "opts": self.opts,
        }
        return render(request, "desk/scorecard.html", context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        return self.changelist_view(request)


def _pdf(request: HttpRequest, tenant: Tenant, period: Period, card: Scorecard) -> HttpResponse:
    content = scorecard.as_pdf(card)
    days = {"from": period.first.isoformat(), "to": period.last.isoformat()}
    facts = days | {"language": card.language, "sha256": hashlib.sha256(content).hexdigest()}
    audit.record("scorecard.made", tenant=tenant, by=request.user, data=facts)
    answer = HttpResponse(content, content_type="application/pdf")
    name = f"scorecard-{tenant.slug}-{days['from']}-{days['to']}-{card.language}.pdf"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def dashboard_context(request: HttpRequest) -> dict[str, Any]:
    """Everything the figures' page shows: a constant number of queries."""
    chosen, wrong = choosing.read(request.GET)
    if chosen.days is None:  # all days there are is more than a page of figures can compare
        chosen = choosing.read({"period": "year"})[0]
    period = Period(chosen.first or choosing.today(), chosen.last or choosing.today())
    chosen = Chosen(chosen.period, period.first, period.last, tenant=chosen.tenant)
    earlier = before(period, chosen.period)
    (now, days), (then, _before) = figures.of_periods(chosen.tenant, period, earlier)
    tenants = list(Tenant.objects.order_by("name").values_list("pk", "name"))
    by_month = period.days > _MOST_DAYS
    spans = _spans(period, days, by_month)
    return {
        "wrong": wrong,
        "chosen": chosen,
        "period": _in_words(period),
        "before": _in_words(earlier),
        "presets": [
            {
                "label": label,
                "url": "?" + replace(chosen, period=name).query(),
                "chosen": name == chosen.period,
            }
            for name, label in PRESETS.items()
        ],
        "tenants": tenants,
        "cards": _cards(chosen, now, then),
        "intake": _intake(chosen, now, then),
        "chart": _chart(chosen, spans, by_month),
        "spans": [_span_row(chosen, span, sums, by_month) for span, sums in spans],
        "by_month": by_month,
        "failures": _failures(chosen.tenant),
        "causes": _causes(chosen.tenant),
        "by_tenant": [] if chosen.tenant else _by_tenant(chosen, period),
        "counted_at": rolling.cursor().counted_at,
        "history": history_url(chosen),
        "scorecard": _scorecard_url(chosen, period),
    }


def _scorecard_url(chosen: Chosen, period: Period) -> str:
    if chosen.tenant is None:
        return ""
    days = urlencode({"from": period.first.isoformat(), "to": period.last.isoformat()})
    return f"{reverse('admin:invoices_scorecard', args=[chosen.tenant])}?{days}"


def history_url(chosen: Chosen, **changed: Any) -> str:
    """The list of what is chosen, by days that stay."""
    fixed = replace(chosen.fixed(), **changed)
    return f"{reverse('admin:invoices_exportfact_changelist')}?{fixed.query()}"


def _cards(chosen: Chosen, now: Sums, then: Sums) -> list[dict[str, Any]]:
    exported = history_url(chosen)
    cards = [
        {
            "title": _t("Invoices exported"),
            "figure": count(now.counts["exported"]),
            "url": exported,
            "change": _change(now.counts["exported"], then.counts["exported"], count),
            "colour": "success",
        }
    ]
    sums, earlier = now.totals.get("exported", {}), then.totals.get("exported", {})
    for currency in sorted({*sums, *earlier, "EUR"}):
        amount, old = sums.get(currency, Decimal(0)), earlier.get(currency, Decimal(0))
        cards.append(
            {
                "title": _t("Exported, %(currency)s with VAT") % {"currency": currency},
                "figure": money(amount),
                "url": history_url(chosen, currency=currency),
                "change": _change(amount, old, money),
                "colour": "success",
            }
        )
    cards.append(
        {
            "title": _t("First-pass rate"),
            "figure": percent(now.first_pass_percent),
            "url": history_url(chosen, first_try="yes"),
            "detail": _t("%(count)s of %(all)s accepted at the first attempt")
            % {"count": count(now.counts["first_pass"]), "all": count(now.counts["exported"])},
            "change": _change(now.first_pass_percent, then.first_pass_percent, points, percent),
            "colour": "info",
        }
    )
    for share, title in ((50, _t("Half were in Procountor in")), (95, _t("95 % were in it in"))):
        seconds = now.seconds(share)
        cards.append(
            {
                "title": title,
                "figure": duration(seconds),
                "url": exported,
                "detail": _t("From intake to Procountor's acceptance"),
                "change": _change(seconds, then.seconds(share), duration),
                "colour": "info",
            }
        )
    return cards


def _intake(chosen: Chosen, now: Sums, then: Sums) -> list[dict[str, Any]]:
    """What was taken in during the period, and where it is now."""
    counts, old = now.counts, then.counts
    rest = ("waiting", "failed", "skipped")
    there = counts["taken"] - sum(counts[name] for name in rest)
    titles = {
        "waiting": _t("Under way"),
        "failed": _t("Failed, open"),
        "skipped": _t("Skipped"),
    }
    return [
        {
            "title": _t("Taken in"),
            "figure": count(counts["taken"]),
            "url": history_url(chosen, day="taken"),
            "change": _change(counts["taken"], old["taken"], count),
            "colour": "",
        },
        {
            "title": _t("In Procountor by now"),
            "figure": count(there),
            "url": history_url(chosen, day="taken", state="exported"),
            "colour": "success",
        },
        *(
            {
                "title": titles[name],
                "figure": count(counts[name]),
                "url": history_url(chosen, day="taken", state=name),
                "colour": "danger" if name == "failed" and counts[name] else "",
            }
            for name in rest
        ),
    ]


def _change(new: Any, old: Any, shown: Any, whole: Any = None) -> dict[str, str]:
    """The period before: its figure, and the difference with its sign."""
    if new is None or old is None:
        return {"before": (whole or shown)(old), "difference": ""}
    difference = new - old
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return {"before": (whole or shown)(old), "difference": f"{sign}{shown(abs(difference))}"}


Spans = list[tuple[Period, Sums]]


def _spans(period: Period, days: dict[dt.date, Sums], by_month: bool) -> Spans:
    """The period's days, or its months when there are many."""
    found: dict[dt.date, tuple[Period, Sums]] = {}
    day = period.first
    while day <= period.last:
        first = max(day.replace(day=1), period.first) if by_month else day
        known, sums = found.get(first, (Period(first, day), Sums()))
        found[first] = (Period(first, day), _plus(sums, days.get(day)))
        day += dt.timedelta(days=1)
    return list(found.values())


def _plus(sums: Sums, other: Sums | None) -> Sums:
    if other is not None:
        sums.counts += other.counts
        sums.times += other.times
        for name, totals in other.totals.items():
            mine = sums.totals.setdefault(name, {})
            for currency, total in totals.items():
                mine[currency] = mine.get(currency, Decimal(0)) + total
    return sums


def _chart(chosen: Chosen, spans: Spans, by_month: bool) -> dict[str, Any]:
    drawn = []
    for span, sums in spans:
        exported, first = sums.counts["exported"], sums.counts["first_pass"]
        label = _short(span, by_month)
        tip = _t("%(day)s: %(exported)s exported, %(first)s of them at the first attempt") % {
            "day": label,
            "exported": count(exported),
            "first": count(first),
        }
        url = history_url(chosen, first=span.first, last=span.last)
        parts = (("first", first), ("later", exported - first))
        drawn.append(Bar(label, tip, url, parts))
    title = _t("Invoices exported by month") if by_month else _t("Invoices exported by day")
    best = max(spans, key=lambda each: each[1].counts["exported"])
    description = _t("%(count)s in all; the most, %(most)s, on %(day)s. The table has all figures.")
    return bars(
        "exported",
        title,
        description
        % {
            "count": count(sum(sums.counts["exported"] for _span, sums in spans)),
            "most": count(best[1].counts["exported"]),
            "day": _short(best[0], by_month),
        },
        drawn,
    )


def _span_row(chosen: Chosen, span: Period, sums: Sums, by_month: bool) -> dict[str, Any]:
    days = {"first": span.first, "last": span.last}
    return {
        "label": _short(span, by_month),
        "taken": count(sums.counts["taken"]),
        "taken_url": history_url(chosen, day="taken", **days),
        "exported": count(sums.counts["exported"]),
        "exported_url": history_url(chosen, **days),
        "first": count(sums.counts["first_pass"]),
        "first_url": history_url(chosen, first_try="yes", **days),
        "failed": count(sums.counts["failed"]),
        "failed_url": history_url(chosen, day="taken", state="failed", **days),
        "totals": _totals(sums.totals.get("exported", {})),
        "median": duration(sums.seconds(50)),
        "p95": duration(sums.seconds(95)),
    }


def _failures(tenant: int | None) -> dict[str, Any]:
    ages = figures.open_failures(tenant, choosing.today())
    labels = (
        _t("Since today or yesterday"),
        _t("2 to 7 days"),
        _t("8 to 30 days"),
        _t("More than 30 days"),
    )
    base = Chosen(day="taken", state="failed", tenant=tenant)
    return {
        "rows": [
            {
                "label": label,
                "count": count(sums.counts["failed"]),
                "url": history_url(base, first=age.first, last=age.last),
                "totals": _totals(sums.totals.get("failed", {})),
            }
            for label, (age, sums) in zip(labels, ages, strict=True)
        ],
        "all": count(sum(sums.counts["failed"] for _age, sums in ages)),
        "url": history_url(replace(base, period="all"), period="all"),
    }


def _causes(tenant: int | None) -> list[dict[str, Any]]:
    open_ones = causes.open_causes()
    if tenant is not None:
        open_ones = open_ones.filter(tenant=tenant)
    exports = reverse("admin:invoices_invoiceexport_changelist")
    return [
        {
            "count": count(row["count"]),
            "url": f"{exports}?cause={row['key']}",
            "page": reverse("admin:invoices_exportcause_group", args=[row["key"]]),
            "tenant": row["tenant__name"],
            **cause_words(row["code"], row["field"], row["value"], row["expected"]),
        }
        for row in causes.folded(open_ones)[:_MOST_CAUSES]
    ]


def _by_tenant(chosen: Chosen, period: Period) -> list[dict[str, Any]]:
    rows = []
    for row in figures.of_tenants(period, _MOST_TENANTS):
        of_it = replace(chosen, tenant=row["tenant"])
        rate = 100 * row["first_pass"] / row["exported"] if row["exported"] else None
        rows.append(
            {
                "name": row["name"],
                "page": "?" + of_it.query(),
                "exported": count(row["exported"]),
                "exported_url": history_url(of_it),
                "totals": _totals(row["totals"]),
                "percent": percent(rate),
                "first_url": history_url(of_it, first_try="yes"),
                "failed": count(row["failed"]),
                "failed_url": history_url(of_it, day="taken", state="failed"),
            }
        )
    return rows


def _totals(totals: dict[str, Decimal]) -> list[str]:
    return [money(totals[currency], currency) for currency in sorted(totals)]


def _in_words(period: Period) -> str:
    first, last = (date_format(day, "SHORT_DATE_FORMAT") for day in (period.first, period.last))
    return first if period.days == 1 else f"{first}–{last}"


def _short(span: Period, by_month: bool) -> str:
    if by_month:
        return date_format(span.first, "YEAR_MONTH_FORMAT")
    return date_format(span.first, "SHORT_DATE_FORMAT")
