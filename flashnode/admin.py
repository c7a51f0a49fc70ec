"""Users, groups and the task runner's own records, on the theme's forms: other admins' inputs
would be invisible in it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from integrations.admin.desk import Question, ReadOnlyAdmin, ask
from invoices import erasure

_NOT_ERASABLE = {
    "own": _("Nobody erases themselves: another administrator has to do it."),
    "erased": _("Nothing changed: this person is erased already."),
}

# With Redis as the broker, django-q2 does not register its database queue.
for _model in (User, Group, Failure, OrmQ, Schedule, Success):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """Staff. Only a superuser makes superusers or hands out single rights."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "email", "is_active", "last_login"]

    actions_detail = ["erase_person"]

    def has_erase_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("invoices.erase_person"):
            return False
        user = User.objects.filter(pk=object_id).first() if object_id is not None else None
        return request.user.is_superuser or not (user and user.is_superuser)

    @action(
        description=_("Erase the person"),
        url_path="erase",
        permissions=["erase"],
        icon="person_remove",
    )
    def erase_person(self, request: HttpRequest, object_id: int) -> HttpResponse:
        user = get_object_or_404(User, pk=object_id)

        def act(reason: str) -> tuple[int, str]:
            try:
                erasure.erase(user, by=request.user, reason=reason)
            except erasure.NotErasable as refused:
                return messages.ERROR, str(_NOT_ERASABLE[refused.why])
            words = {"name": erasure.pseudonym(user)}
            return messages.SUCCESS, _t("Erased: the trail now says “%(name)s”.") % words

        question = Question(
            title=_t("Erase %(user)s?") % {"user": user},
            button=_t("Erase the person"),
            act=act,
            facts=[
                _t("User name, names and e-mail go, and the log-in ends. It cannot be undone."),
                _t("What the person did stays in the audit trail, under “%(name)s”.")
                % {"name": erasure.pseudonym(user)},
                _t("What people wrote in reasons and comments is evidence and stays as it is."),
            ],
            reason="required",
            possible=not erasure.is_erased(user) and user.pk != request.user.pk,
            danger=True,
        )
        return ask(self, request, question, reverse("admin:auth_user_change", args=[user.pk]))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if request.user.is_superuser:
            return self.readonly_fields
        return (*self.readonly_fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (request.user.is_superuser or not (obj and obj.is_superuser))


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """What the roles may do."""


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "next_run"]


@admin.register(Failure)
class FailureAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "started", "stopped"]
    fields = ["name", "func", "started", "stopped"]
