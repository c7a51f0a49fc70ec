"""Records who became what: users, their groups and rights, and what the groups may do.

Listens to the models themselves, so that commands and the shell are recorded too; then `by` is
nobody. Of a password only that it changed, and of names and addresses too: evidence is never
changed, and people may be erased (`erasure`). What the program itself ships (`unrecorded`) is code,
not an act of a person.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save
from django.http import HttpRequest, HttpResponse

from invoices import audit

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_recorded: ContextVar[bool] = ContextVar("recorded", default=True)

_NAMES = ("username", "first_name", "last_name", "email")
_FLAGS = ("is_active", "is_staff", "is_superuser")
#: What logging in writes: the moment, and a password's hash in a newer form.
_BY_LOGGING_IN = ({"last_login"}, {"password"})


def remember_request(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: whoever makes a request is who changes users and groups in it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = _request.set(request)
        try:
            return get_response(request)
        finally:
            _request.reset(token)

    return middleware


def current() -> Any:
    """Who makes the request that is being answered; None outside of one."""
    return getattr(_request.get(), "user", None)


def names() -> dict[str, str]:
    """{"person:7": user name} of everybody, read once a request."""
    request = _request.get()
    found: dict[str, str] | None = getattr(request, "_names_of_staff", None)
    if found is None:
        found = {audit.person(user): user.username for user in User.objects.only("username")}
        if request is not None:
            vars(request)["_names_of_staff"] = found
    return found


@contextlib.contextmanager
def unrecorded() -> Iterator[None]:
    """For what the program ships: its groups with their rights."""
    token = _recorded.set(False)
    try:
        yield
    finally:
        _recorded.reset(token)


def listen() -> None:
    pre_save.connect(_before_user, sender=User, dispatch_uid="staff.user.before")
    post_save.connect(_on_user, sender=User, dispatch_uid="staff.user")
    post_delete.connect(_on_user_removed, sender=User, dispatch_uid="staff.user.removed")
    pre_save.connect(_before_group, sender=Group, dispatch_uid="staff.group.before")
    post_save.connect(_on_group, sender=Group, dispatch_uid="staff.group")
    post_delete.connect(_on_group_removed, sender=Group, dispatch_uid="staff.group.removed")
    for through in (User.groups.through, User.user_permissions.through, Group.permissions.through):
        m2m_changed.connect(_on_members, sender=through, dispatch_uid=f"staff.{through.__name__}")


def _record(action: str, data: dict[str, Any]) -> None:
    if not _recorded.get():
        return
    user = current()
    audit.record(action, by=user if user and user.is_authenticated else None, data=data)


def _facts(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in (*_NAMES, *_FLAGS)}


def _before_user(
    sender: Any, instance: User, raw: bool = False, update_fields: Any = None, **kwargs: Any
) -> None:
    quiet = raw or (update_fields is not None and set(update_fields) in _BY_LOGGING_IN)
    before = None if quiet or not instance.pk else User.objects.filter(pk=instance.pk).first()
    vars(instance)["_before"] = before


def _on_user(sender: Any, instance: User, created: bool, raw: bool = False, **kw: Any) -> None:
    before: User | None = vars(instance).pop("_before", None)
    if created and not raw:
        given = {name: True for name in _FLAGS if getattr(instance, name)}
        _record("user.added", {"user": audit.person(instance)} | given)
    elif before is not None:
        old, new = _facts(before), _facts(instance)
        data: dict[str, Any] = {
            name: "changed" if name in _NAMES else f"{old[name]} → {new[name]}"
            for name in old
            if old[name] != new[name]
        }
        if before.password != instance.password:
            data["password"] = "changed"  # nosec B105
        if data:
            _record("user.changed", {"user": audit.person(instance)} | data)


def _on_user_removed(sender: Any, instance: User, **kwargs: Any) -> None:
    _record("user.removed", {"user": audit.person(instance)})


def _before_group(sender: Any, instance: Group, raw: bool = False, **kwargs: Any) -> None:
    known = Group.objects.filter(pk=instance.pk) if instance.pk and not raw else None
    vars(instance)["_before"] = known.first() if known is not None else None


def _on_group(sender: Any, instance: Group, created: bool, raw: bool = False, **kw: Any) -> None:
    before: Group | None = vars(instance).pop("_before", None)
    if created and not raw:
        _record("group.added", {"group": instance.name})
    elif before is not None and before.name != instance.name:
        _record("group.changed", {"group": before.name, "name": instance.name})


def _on_group_removed(sender: Any, instance: Group, **kwargs: Any) -> None:
    _record("group.removed", {"group": instance.name})


def _on_members(
    sender: Any,
    instance: Any,
    action: str,
    reverse: bool,
    model: Any,
    pk_set: set[int] | None,
    **kwargs: Any,
) -> None:
    """Somebody's groups or rights, or a group's: named from the side of whoever has them."""
    verb = {"post_add": "added", "pre_remove": "removed", "pre_clear": "removed"}.get(action)
    if verb is None:
        return
    if pk_set is None:
        pk_set = set(_others(sender, instance).values_list("pk", flat=True))
    if not pk_set:
        return
    others = list(model.objects.filter(pk__in=pk_set).order_by("pk"))
    pairs = [(other, [instance]) for other in others] if reverse else [(instance, others)]
    what = "permissions" if sender is not User.groups.through else "groups"
    for holder, held in pairs:
        whom = "user" if isinstance(holder, User) else "group"
        names = [_name(each) for each in held]
        name = audit.person(holder) if isinstance(holder, User) else holder.name
        _record(f"{whom}.{what}_changed", {whom: name, verb: names})


def _others(through: Any, instance: Any) -> Any:
    """What is on the other side of a relation, before all of it is cleared."""
    if through is User.groups.through:
        return instance.groups if isinstance(instance, User) else instance.user_set
    if through is User.user_permissions.through:
        return instance.user_permissions if isinstance(instance, User) else instance.user_set
    return instance.permissions if isinstance(instance, Group) else instance.group_set


def _name(held: Group | Permission) -> str:
    if isinstance(held, Permission):
        return f"{held.content_type.app_label}.{held.codename}"
    return held.name
