"""What the page of one upload shows: how far it is, what was found, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from integrations.enums import TenantState
from invoices import problems
from invoices.admin import privacy
from invoices.admin.uploads_words import (
    A_PRICE,
    FAILURES,
    FIELDS,
    OUTCOME_COLOURS,
    OUTCOMES_MANY,
    OUTCOMES_ONE,
    STATE_COLOURS,
)
from invoices.admin.words import money
from invoices.document import Problem
from invoices.enums import ItemOutcome
from invoices.filing import Verdict
from invoices.filing_models import FilingRun
from invoices.intake.columns import PRICES
from invoices.models import ReceivedItem
from invoices.upload_models import (
    StagedFile,
    StagedInvoice,
    StagedProblem,
    StagedState,
    Upload,
    UploadState,
)
from invoices.uploads import previewing, tables

_A_PAGE = 50
_MOST_CAUSES = 50
#: Of a table they are told beside its columns.
_TOLD_ELSEWHERE = ("columns_read", "columns_not_read", "column_missing")


def state_context(upload: Upload) -> dict[str, Any]:
    """How far an upload that is worked on is."""
    files = list(upload.files.defer("sample"))
    size = sum(file.size for file in files)
    taking_in = upload.state == UploadState.TAKING_IN
    received = [file.received_id for file in files if file.received_id]
    runs = FilingRun.objects.in_bulk(received) if taking_in else {}
    done = sum(_done(file, taking_in, runs.get(file.received_id)) for file in files)
    found = sum(sum(file.counts.values()) for file in files)
    taken = sum(run.items for run in runs.values())
    return {
        "upload": upload,
        "taking_in": taking_in,
        "percent": min(100, 100 * done // size) if size else 0,
        "found": number_format(found, force_grouping=True),
        "taken": number_format(taken, force_grouping=True),
        "files_done": sum(file.state == StagedState.TAKEN_IN for file in files),
        "files_all": len(files),
    }


def _done(file: StagedFile, taking_in: bool, run: FilingRun | None) -> int:
    if not taking_in:
        return file.done_bytes
    if file.state == StagedState.TAKEN_IN:
        return file.size
    return run.bytes_done if run else 0


def page_context(request: HttpRequest, upload: Upload) -> dict[str, Any]:
    files = list(upload.files.defer("sample").select_related("layout__saved_by", "received"))
    state = UploadState(upload.state)
    decided = state in (UploadState.TAKING_IN, UploadState.DONE, UploadState.CANCELLED)
    closed = upload.tenant.state == TenantState.CLOSED
    open_one = state in (UploadState.PREVIEWING, UploadState.PREVIEWED, UploadState.FAILED)
    new = previewing.counts_of(files)[Verdict.NEW]
    context = {
        "title": _t("Upload for %(tenant)s") % {"tenant": upload.tenant},
        "badge": {"text": upload.get_state_display(), "type": STATE_COLOURS.get(state, "")},
        "running": state in (UploadState.PREVIEWING, UploadState.TAKING_IN),
        "state_url": reverse("admin:invoices_upload_state", args=[upload.pk]),
        "failure": FAILURES.get(upload.failure, ""),
        "closed": closed,
        "may_confirm": state == UploadState.PREVIEWED and not closed,
        "may_discard": open_one,
        "may_cancel": state == UploadState.TAKING_IN,
        "may_look_again": state == UploadState.FAILED and not closed,
        "button": _button(new),
        "files": [_file(file, upload, decided) for file in files],
        "outcomes": _outcomes(files),
        "incomplete": any(not file.complete for file in files),
        "back": reverse("admin:invoices_upload_changelist"),
        **state_context(upload),
    }
    if state in (UploadState.PREVIEWING, UploadState.PREVIEWED):
        context |= _causes(files) | _problems(request, files) | {"invoices": _invoices(files)}
    return context


def _button(new: int) -> str:
    if not new:
        return _t("Keep the files, although nothing is new")
    text = ngettext("Take in %(count)s new invoice", "Take in %(count)s new invoices", new)
    return text % {"count": number_format(new, force_grouping=True)}


def _outcomes(files: Sequence[StagedFile]) -> list[dict[str, Any]]:
    """Count and sums of each outcome, over all files."""
    counts, sums = previewing.counts_of(list(files)), previewing.sums_of(list(files))
    return [
        {
            "label": OUTCOMES_MANY[outcome],
            "colour": OUTCOME_COLOURS[outcome],
            "count": number_format(counts[outcome], force_grouping=True),
            "sums": _sums(sums.get(outcome, {})),
        }
        for outcome in map(str, Verdict)
    ]


def _sums(sums: dict[str, Decimal]) -> str:
    return " · ".join(money(sums[currency], currency) for currency in sorted(sums))


def _file(file: StagedFile, upload: Upload, decided: bool) -> dict[str, Any]:
    is_table = file.format in tables.FORMATS
    told = [each for each in file.problems if each.get("code") not in _TOLD_ELSEWHERE]
    needed = {each.get("code") for each in [*file.problems, *file.causes]}
    undecided = upload.state in (UploadState.PREVIEWING, UploadState.PREVIEWED)
    shown: dict[str, Any] = {
        "object": file,
        "size": size_words(file.size),
        "problems": [explained_of(each, file) for each in told],
        "counts": [
            {"count": file.counts.get(outcome, 0), "sums": _sums(_decimal(file, outcome))}
            for outcome in map(str, Verdict)
        ],
        "state": file.get_state_display() if decided else "",
        "columns_url": reverse("admin:invoices_upload_columns", args=[upload.pk, file.pk])
        if is_table and file.columns and undecided
        else "",
        "needs_columns": is_table and bool(needed & previewing.OF_COLUMNS),
        "missing": [
            A_PRICE if each["value"] in PRICES else FIELDS.get(each["value"], each["value"])
            for each in file.problems
            if each.get("code") == "column_missing" and each.get("value")
        ],
        "layout": file.layout,
    }
    if decided and file.received_id:
        shown |= {
            "received": reverse("admin:invoices_receivedfile_change", args=[file.received_id]),
            "rejected": reverse("admin:invoices_receivedfile_rejected", args=[file.received_id]),
            "became": (became := _became(file)),
            "is_empty": file.state == StagedState.TAKEN_IN
            and not any(each["count"] for each in became),
            "partly": _partly(file),
        }
    return shown


def _decimal(file: StagedFile, outcome: str) -> dict[str, Decimal]:
    return {code: Decimal(total) for code, total in file.sums.get(outcome, {}).items()}


def _became(file: StagedFile) -> list[dict[str, Any]]:
    """How many invoices ended in each outcome, once taken in."""
    items = ReceivedItem.objects.filter(file=file.received_id).order_by()
    counted = dict(items.values_list("outcome").annotate(count=Count("pk")))
    return [
        {"value": value, "label": label, "count": counted.get(value, 0)}
        for value, label in ItemOutcome.choices
    ]


def _partly(file: StagedFile) -> str:
    """How much of a cancelled file was taken in."""
    run = FilingRun.objects.filter(pk=file.received_id).first()
    if file.state != StagedState.PARTLY or run is None:
        return ""
    facts = {"done": run.items, "all": sum(file.counts.values())}
    return _t("Cancelled after %(done)d of %(all)d invoices; the rest is not taken in.") % facts


def size_words(size: int) -> str:
    """In MB, or kB below one."""
    if size >= 1_000_000:
        return f"{number_format(Decimal(size) / 1_000_000, decimal_pos=1, force_grouping=True)} MB"
    return f"{number_format(max(1, size // 1000) if size else 0)} kB"


def explained_of(stored: dict[str, Any], file: StagedFile) -> dict[str, Any]:
    """A problem in words; of a table every value may be the buyer's."""
    problem = privacy.problem(Problem.from_json(stored))
    if problem.value and file.format in tables.FORMATS and not privacy.may_see():
        problem = replace(problem, value=privacy.HIDDEN)
    words = problems.words_for(problem)
    return {
        "code": problem.code,
        "place": problem.place,
        "value": problem.value,
        "cause": words.cause,
        "remedy": words.remedy,
    }


def _causes(files: Sequence[StagedFile]) -> dict[str, Any]:
    """What is wrong, each cause once with its count, of all files."""
    causes = []
    for file in files:
        for cause in file.causes:
            query = urlencode({"file": file.pk, "code": cause["code"], "field": cause["field"]})
            shown = explained_of({**cause, "place": cause["field"]}, file)
            shown["place"] = FIELDS.get(cause["field"], cause["field"])
            url = "" if cause["waits"] else f"?{query}#problems"
            shown |= {"count": cause["count"], "file": file, "url": url, "waits": cause["waits"]}
            causes.append(shown)
    causes.sort(key=lambda each: -each["count"])
    return {"causes": causes[:_MOST_CAUSES], "more_causes": len(causes) - _MOST_CAUSES}


def _problems(request: HttpRequest, files: Sequence[StagedFile]) -> dict[str, Any]:
    by_pk = {file.pk: file for file in files}
    rows = StagedProblem.objects.filter(file__in=list(by_pk)).order_by("file", "pk")
    chosen, code = request.GET.get("file", ""), request.GET.get("code", "")
    if chosen.isascii() and chosen.isdecimal() and code:
        rows = rows.filter(
            file=int(chosen[:18]), code=code[:60], field=request.GET.get("field", "")[:200]
        )
    page = Paginator(rows, _A_PAGE).get_page(request.GET.get("page"))
    shown = [
        explained_of(row.problem, by_pk[row.file_id])
        | {"number": row.number, "position": row.position, "file": by_pk[row.file_id]}
        for row in page
    ]
    return {
        "page": page,
        "problems": shown,
        "is_filtered": bool(chosen and code),
        "all_listed": all(_count(file) <= previewing.KEPT_PROBLEMS for file in files),
        "kept_problems": number_format(previewing.KEPT_PROBLEMS, force_grouping=True),
    }


def _count(file: StagedFile) -> int:
    """Problems that reject an invoice of the file."""
    return sum(int(cause["count"]) for cause in file.causes if not cause["waits"])


def _invoices(files: Sequence[StagedFile]) -> list[dict[str, Any]]:
    rows = StagedInvoice.objects.filter(file__in=[file.pk for file in files])
    return [
        {
            "object": row,
            "buyer": buyer_words(row.buyer_name, row.is_person),
            "total": money(row.total, row.currency),
            "outcome": OUTCOMES_ONE.get(row.outcome, row.outcome),
            "colour": OUTCOME_COLOURS.get(row.outcome, ""),
        }
        for row in rows[: previewing.SHOWN_INVOICES]
    ]


def buyer_words(name: str, is_person: bool) -> str:
    """The buyer, for whoever may see people."""
    return _t("Private person") if is_person and not privacy.may_see() else name
