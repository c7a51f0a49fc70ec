"""What all our admin pages share: read-only records, and actions that ask before they act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from integrations.admin.bounded import BoundedChangeList, BoundedPaginator


class RecordAdmin(ModelAdmin):
    """A record's page that shows more than its form."""

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        """Further context of the page of one record; a mixin adds its own to super's."""
        return {}

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if object_id is None:
            return super().changeform_view(request, None, form_url, extra_context)
        if not (object_id.isascii() and object_id.isdecimal()):
            # The theme looks for actions before the admin looks for the record.
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        extra = self.context_of(request, object_id)
        return super().changeform_view(request, object_id, form_url, (extra_context or {}) | extra)


class ReadOnlyAdmin(RecordAdmin):
    """Records that other code writes: nobody adds, changes or deletes them here. Their lists may
    be of any length (`bounded`)."""

    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True
    paginator = BoundedPaginator

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return BoundedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        changes = (getattr(response, "context_data", None) or {}).get("cl")
        if getattr(changes, "is_too_long_to_sort", False):
            sentence = _("Too many to sort (%(count)s). Filter or search first.")
            messages.info(request, sentence % {"count": changes.counted})
        return response

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def needs(request: HttpRequest, permission: str) -> None:
    """Refuse whoever has not the permission."""
    if not request.user.has_perm(permission):
        raise PermissionDenied


class ReasonLine(forms.Form):
    """A reason of one line, so that Enter sends it."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


class _ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@dataclass(frozen=True)
class Question:
    """An action that asks first.

    `facts` says what will happen, line by line. `act` gets the reason and returns the level and
    the sentence that says what it did. `reason` is "", "optional" or "required".
    """

    title: str
    button: str
    act: Callable[[str], tuple[int, str]]
    facts: Sequence[str] = ()
    left_out: Sequence[str] = ()
    reason: str = ""
    possible: bool = True
    danger: bool = False
    context: dict[str, Any] = field(default_factory=dict)


def ask(admin: ModelAdmin, request: HttpRequest, question: Question, back: str) -> HttpResponse:
    """Show the question; on the confirming POST act once, say what was done and go `back`."""
    confirmed = request.method == "POST" and "confirmed" in request.POST
    form = _ReasonForm(request.POST if confirmed else None)
    form.fields["reason"].required = question.reason == "required"
    if confirmed and (not question.reason or form.is_valid()):
        reason = form.cleaned_data.get("reason", "") if question.reason else ""
        level, sentence = question.act(reason)
        messages.add_message(request, level, sentence)
        return HttpResponseRedirect(back)
    context = admin.admin_site.each_context(request) | {
        "title": question.title,
        "question": question,
        "form": form,
        "back": back,
        "opts": admin.opts,
        # A list action comes as a POST of the list's own form and is sent again as such.
        "carried": [
            (name, value)
            for name in (ACTION_CHECKBOX_NAME, "action", "select_across", "index")
            for value in request.POST.getlist(name)
        ],
    }
    return render(request, "desk/ask.html", context)
