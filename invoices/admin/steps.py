"""The part of an export's page about what follows submitting: steps, attempts, PDFs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget

from integrations.admin.desk import Question, RecordAdmin, ask, needs
from invoices import audit, engine, pdf, problems
from invoices.admin import privacy
from invoices.admin.explain import panels_of
from invoices.admin.words import OUTCOME_COLOURS, STATUS_COLOURS, money
from invoices.enums import StepStatus
from invoices.exports import steps
from invoices.models import InvoiceExport
from invoices.step_models import ExportStep, InvoiceAttachment, StepAttempt

ADD_PDF = "invoices.add_invoiceattachment"
CONFIRM = "invoices.confirm_exportstep"
SKIP = "invoices.skip_exportstep"
_COLOURS = STATUS_COLOURS | {"running": "info", "done": "success", "waiting": "info"}


class PdfForm(forms.Form):
    file = forms.FileField(
        label=_("PDF"),
        help_text=_("At most 10,000,000 bytes. It travels with the invoice to the buyer."),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": "application/pdf,.pdf"}),
    )


class StepPages(RecordAdmin):
    """Mixed into the exports' admin: its pages of steps and PDFs."""

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<int:pk>/pdf/add/", wrap(self.add_pdf), name="invoices_export_add_pdf"),
            path("<int:pk>/pdf/<int:file>/", wrap(self.pdf), name="invoices_export_pdf"),
            path("<int:pk>/step/<int:step>/again/", wrap(self.again), name="invoices_step_again"),
            path("<int:pk>/step/<int:step>/skip/", wrap(self.leave), name="invoices_step_skip"),
        ]
        return own + list(super().get_urls())

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        export = InvoiceExport.objects.filter(pk=object_id).first()
        extra = steps_context(request, export) if export else {}
        return super().context_of(request, object_id) | extra

    def add_pdf(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for a PDF; on the POST keep it, or tell at the field what is wrong with it."""
        needs(request, ADD_PDF)
        export = get_object_or_404(InvoiceExport.objects.select_related("invoice"), pk=pk)
        form = PdfForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and _kept(request, export, form):
            return HttpResponseRedirect(_page_of(pk))
        context = self.admin_site.each_context(request) | {
            "title": _t("Add a PDF to invoice %(number)s") % {"number": export.invoice.number},
            "form": form,
            "back": _page_of(pk),
            "button": _t("Add PDF"),
            "opts": self.opts,
        }
        return render(request, "desk/form.html", context)

    def pdf(self, request: HttpRequest, pk: int, file: int) -> HttpResponse:
        """The PDF as a download: never shown by the browser inside our own pages."""
        needs(request, "invoices.view_invoiceattachment")
        privacy.needs_to_see()
        export = get_object_or_404(InvoiceExport, pk=pk)
        kept = get_object_or_404(InvoiceAttachment, pk=file, invoice=export.invoice_id)
        facts = {"name": kept.name, "sha256": kept.sha256}
        audit.record("attachment.downloaded", export=export, by=request.user, data=facts)
        disposition = content_disposition_header(True, kept.name) or "attachment"
        return HttpResponse(
            bytes(kept.content),
            content_type="application/octet-stream",
            headers={"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"},
        )

    def again(self, request: HttpRequest, pk: int, step: int) -> HttpResponse:
        needs(request, CONFIRM)
        return ask(self, request, again_question(request, _step(pk, step)), _page_of(pk))

    def leave(self, request: HttpRequest, pk: int, step: int) -> HttpResponse:
        needs(request, SKIP)
        return ask(self, request, skip_question(request, _step(pk, step)), _page_of(pk))


def _step(export_pk: int, pk: int) -> ExportStep:
    found = ExportStep.objects.select_related("export__invoice", "attachment")
    return get_object_or_404(found.defer("attachment__content"), pk=pk, export=export_pk)


def _page_of(pk: int) -> str:
    return reverse("admin:invoices_invoiceexport_change", args=[pk])


def _kept(request: HttpRequest, export: InvoiceExport, form: PdfForm) -> bool:
    upload = form.cleaned_data["file"]
    # One byte more than allowed is enough to refuse it.
    found, wrong = pdf.checked(upload.name, upload.read(pdf.LARGEST_BYTES + 1))
    if found is not None:
        wrong = steps.attach(export.invoice, found, by=request.user)
    for problem in wrong:
        form.add_error("file", problems.sentence(problem))
    if wrong or found is None:
        return False
    engine.wake(export.tenant_id)
    messages.success(request, _t("%(name)s added.") % {"name": found.name})
    return True


def _about(step: ExportStep) -> list[str]:
    invoice = step.export.invoice
    return [
        f"{invoice.number} · {invoice.buyer_name} · {money(invoice.gross_total, invoice.currency)}",
        _named(step),
        *problems.sentences(step.problems),
    ]


def _named(step: ExportStep) -> str:
    file = f": {step.attachment.name}" if step.attachment else ""
    return f"{step.get_kind_display()}{file}"


def again_question(request: HttpRequest, step: ExportStep) -> Question:
    sending = step.kind == "send"

    def act(reason: str) -> tuple[int, str]:
        if not steps.try_step_again(step, by=request.user, reason=reason):
            return messages.WARNING, _t("Left alone: the step has moved on.")
        engine.wake(step.tenant_id)
        return messages.SUCCESS, _t("The step is tried again.")

    promise = (
        _t(
            "You confirm that the buyer has not got this invoice. Procountor is read once more "
            "first: an invoice that it shows as sent is not sent again."
        )
        if sending
        else _t("Procountor is read first: what is done there already is not done again.")
    )
    return Question(
        title=_t("Confirm that the invoice may be sent again?") if sending else _t("Try again?"),
        button=_t("Confirm sending again") if sending else _t("Try again"),
        act=act,
        facts=[*_about(step), promise],
        reason="required",
        possible=step.status == StepStatus.NEEDS_ATTENTION,
        danger=sending,
    )


def skip_question(request: HttpRequest, step: ExportStep) -> Question:
    def act(reason: str) -> tuple[int, str]:
        if not steps.skip_step(step, by=request.user, reason=reason):
            return messages.WARNING, _t("Left alone: the step has moved on, or is under way.")
        engine.wake(step.tenant_id)
        return messages.SUCCESS, _t("Step skipped.")

    return Question(
        title=_t("Skip this step?"),
        button=_t("Skip the step"),
        act=act,
        facts=[*_about(step), _t("A skipped step is final; the steps after it go on.")],
        reason="required",
        possible=step.status in steps.SKIPPABLE_STEPS,
        danger=True,
    )


def steps_context(request: HttpRequest, export: InvoiceExport) -> dict[str, Any]:
    """What the page shows of steps and PDFs."""
    listed = export.steps.select_related("attachment").defer("attachment__content")
    attempts: dict[int, list[dict[str, Any]]] = {}
    for attempt in StepAttempt.objects.filter(step__export=export).select_related("triggered_by"):
        attempts.setdefault(attempt.step_id, []).append(_attempt(attempt))
    files = InvoiceAttachment.objects.filter(invoice=export.invoice_id).defer("content")
    may_add = request.user.has_perm(ADD_PDF) and steps.attachable(export)
    return {
        "steps_after": [
            _shown(request, export, step, attempts.get(step.pk, [])) for step in listed
        ],
        "pdfs": [
            {"file": file, "url": reverse("admin:invoices_export_pdf", args=[export.pk, file.pk])}
            for file in files.select_related("added_by")
        ],
        "add_pdf_url": reverse("admin:invoices_export_add_pdf", args=[export.pk])
        if may_add
        else "",
    }


def _shown(
    request: HttpRequest, export: InvoiceExport, step: ExportStep, attempts: list[Any]
) -> dict[str, Any]:
    args = [step.export_id, step.pk]
    again = step.status == StepStatus.NEEDS_ATTENTION and request.user.has_perm(CONFIRM)
    skip = step.status in steps.SKIPPABLE_STEPS and request.user.has_perm(SKIP)
    return {
        "name": _named(step),
        "sending": step.kind == "send",
        "colour": _COLOURS.get(step.status, ""),
        "status": step.get_status_display(),
        "panels": panels_of(request, export, step.problems),
        "not_before": step.not_before,
        "attempts": attempts,
        "again_url": reverse("admin:invoices_step_again", args=args) if again else "",
        "skip_url": reverse("admin:invoices_step_skip", args=args) if skip else "",
    }


def _attempt(attempt: StepAttempt) -> dict[str, Any]:
    return {
        "object": attempt,
        "outcome": attempt.get_outcome_display() if attempt.outcome else _("On its way"),
        "colour": OUTCOME_COLOURS.get(attempt.outcome, "info"),
        "seen": attempt.found.get("status", ""),
        "codes": [f"{e['field'] or ''} {e['message']}".strip() for e in attempt.errors],
    }
