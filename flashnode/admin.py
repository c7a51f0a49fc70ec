"""Users, groups and the task runner's own records, on the theme's forms: other admins' inputs
would be invisible in it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from integrations.admin.desk import ReadOnlyAdmin

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
