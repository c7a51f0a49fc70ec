"""The upload desk: files are dropped on a page, looked at, and taken in or discarded."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import TooManyFilesSent
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.enums import TenantState
from integrations.models import Tenant
from invoices import filing
from invoices.admin.uploads_columns import ColumnPages
from invoices.admin.uploads_page import page_context, state_context
from invoices.admin.uploads_words import STATE_COLOURS
from invoices.upload_models import Upload, UploadState
from invoices.uploads import staging, taking_in

UPLOAD = "invoices.upload_file"
_RUNNING = (UploadState.PREVIEWING, UploadState.TAKING_IN)


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files, which have been staged by now."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = (data if isinstance(data, list | tuple) else [data]) or [None]
        return [super(_FilesField, self).clean(file, initial) for file in files]


class UploadForm(forms.Form):
    tenant = forms.ModelChoiceField(
        label=_("Tenant"),
        queryset=Tenant.objects.exclude(state=TenantState.CLOSED).order_by("name"),
        error_messages={"invalid_choice": _("The tenant is closed: nothing is taken in for it.")},
        widget=UnfoldAdminSelectWidget,
    )
    uploads = _FilesField(
        label=_("Files"),
        allow_empty_file=True,
        widget=_FilesInput(attrs={"multiple": True, "class": "desk-files"}),
    )


@admin.register(Upload)
class UploadAdmin(ColumnPages, ReadOnlyAdmin):
    list_display = ["made_at", "tenant", "names", "state_badge", "made_by"]
    list_filter = ["state"]
    list_select_related = ["tenant", "made_by"]
    actions_list = ["new_link"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(UPLOAD)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(UPLOAD)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).exclude(tenant=None)
        return rows.prefetch_related("files")

    @display(description=_("state"), label=STATE_COLOURS)
    def state_badge(self, upload: Upload) -> tuple[str, Any]:
        return upload.state, upload.get_state_display()

    @display(description=_("files"))
    def names(self, upload: Upload) -> str:
        return ", ".join(file.name for file in upload.files.all())[:200]

    @action(description=_("Upload files"), url_path="upload-files", icon="upload")
    def new_link(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:invoices_upload_new"))

    def get_urls(self) -> list[Any]:
        def new(request: HttpRequest) -> HttpResponse:
            return self.new(request)

        # The body is read by our own handler first; `new` asks for the token afterwards.
        new.csrf_exempt = True
        wrap = self.admin_site.admin_view
        pages = [
            path("new/", wrap(new), name="invoices_upload_new"),
            path("<int:pk>/state/", wrap(self.state), name="invoices_upload_state"),
        ]
        return [*pages, *super().get_urls()]

    def new(self, request: HttpRequest) -> HttpResponse:
        """The upload page. Files are staged while the request is read, and forgotten if it turns
        out not to be good."""
        needs(request, UPLOAD)
        if request.method != "POST":
            return self._form(request, UploadForm())
        handler = staging.StagingHandler(request, request.user)
        request.upload_handlers = [handler]
        try:
            try:
                request.POST  # noqa: B018 - this is what reads the body
            except TooManyFilesSent:
                handler.refused.append(("", "too_many"))
            return csrf_protect(self._receive)(request, handler)
        finally:
            if handler.upload is not None and handler.upload.tenant_id is None:
                staging.drop(handler.upload)

    def _receive(self, request: HttpRequest, handler: staging.StagingHandler) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES)
        refused = _refused(handler)
        if refused and "uploads" not in request.FILES:
            form.errors.pop("uploads", None)
            form.errors["uploads"] = form.error_class(refused)
        if not form.is_valid() or handler.upload is None:
            return self._form(request, form)
        try:
            staging.accept(handler.upload, form.cleaned_data["tenant"], by=request.user)
        except filing.TenantClosed as error:
            form.add_error("tenant", str(error))
            return self._form(request, form)
        taking_in.look_soon(handler.upload)
        for sentence in refused:
            messages.warning(request, sentence)
        page = page_of(handler.upload)
        if request.headers.get("X-Requested-With") == "XMLHttpRequest":
            # A script that follows a redirect would use up the messages of the page.
            return HttpResponse(headers={"X-Go-To": page})
        return HttpResponseRedirect(page)

    def _form(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": _t("Upload invoice files"),
            "form": form,
            "back": reverse("admin:invoices_receivedfile_changelist"),
            "max_files": staging.MAX_FILES,
            "max_bytes": staging.MAX_BYTES,
            "max_megabytes": staging.MAX_BYTES // 1_000_000,
            "opts": self.opts,
        }
        return render(request, "desk/upload_new.html", context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        upload = upload_of(request, object_id)
        if request.method == "POST":
            _act(request, upload)
            return HttpResponseRedirect(page_of(upload))
        context = self.admin_site.each_context(request) | page_context(request, upload)
        return render(request, "desk/upload.html", context | {"opts": self.opts})

    def state(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is: a piece of the page, with a header once there is more to see."""
        upload = upload_of(request, str(pk))
        answer = render(request, "desk/upload_state.html", state_context(upload))
        if upload.state not in _RUNNING:
            answer["X-Over"] = "yes"
        answer["Cache-Control"] = "no-store"
        return answer


def upload_of(request: HttpRequest, pk: str) -> Upload:
    """The upload, for whoever may upload; an upload still being received is nobody's yet."""
    needs(request, UPLOAD)
    known = pk.isascii() and pk.isdecimal() and len(pk) < 19
    rows = Upload.objects.select_related("tenant", "made_by", "confirmed_by")
    upload = rows.filter(pk=pk).exclude(tenant=None).first() if known else None
    if upload is None:
        raise Http404
    return upload


def page_of(upload: Upload) -> str:
    return reverse("admin:invoices_upload_change", args=[upload.pk])


def _refused(handler: staging.StagingHandler) -> list[str]:
    """Why files were not kept, a sentence each."""
    sentences = []
    for name, why in handler.refused:
        if why == "too_large":
            text = _t(
                "%(name)s was not taken: all files of an upload may have %(limit)d MB together. "
                "Upload it alone, or export it in smaller parts."
            )
            sentences.append(text % {"name": name, "limit": staging.MAX_BYTES // 1_000_000})
    if any(why == "too_many" for _name, why in handler.refused):
        text = _t("Choose at most %(count)d files at a time.")
        sentences.append(text % {"count": staging.MAX_FILES})
    return sentences


def _act(request: HttpRequest, upload: Upload) -> None:
    """What a button of the page asks for."""
    by = request.user
    try:
        if "confirm" in request.POST:
            taking_in.confirm(upload, queue=request.POST.get("queue") != "drafts", by=by)
        elif "discard" in request.POST:
            taking_in.discard(upload, by=by)
            messages.success(request, _t("Discarded: nothing of it is kept."))
        elif "cancel" in request.POST:
            taking_in.cancel(upload, by=by)
            messages.success(request, _t("Cancelled: what had been taken in stays."))
        elif "again" in request.POST:
            taking_in.look_again(upload, files=list(upload.files.defer("sample")))
    except filing.TenantClosed as error:
        messages.error(request, str(error))
    except taking_in.NotPossible:
        messages.warning(request, _t("It had moved on meanwhile: look at its state now."))
