"""Erases a member of staff: what is left in the trail is a number that leads to nobody.

Evidence names people by the primary key of their user (`audit.person`), so the chains stay as
they are when that user loses its names. The user stays, because evidence points at it.
"""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from invoices import audit, staff, team
from invoices.ledger import differences
from invoices.ledger_models import LedgerDifference
from invoices.models import InvoiceExport
from invoices.report_models import SavedView


class NotErasable(Exception):
    """`why` is "own" or "erased": nobody erases themselves, or anybody twice."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def pseudonym(user: User) -> str:
    """What the user is called afterwards; always the same."""
    return f"erased-{user.pk}"


def is_erased(user: User) -> bool:
    return user.username == pseudonym(user) and not user.is_active


def erase(user: User, *, by: User, reason: str) -> None:
    """Take a user's names, e-mail, password, rights and open work, and end the log-in. Raises
    NotErasable; nothing has changed then."""
    if user.pk == by.pk:
        raise NotErasable("own")
    with transaction.atomic(), staff.unrecorded():
        locked = User.objects.select_for_update().get(pk=user.pk)
        if is_erased(locked):
            raise NotErasable("erased")
        team.assign(InvoiceExport.objects.filter(case__assignee=locked), None, by=by)
        differences.assign(LedgerDifference.objects.filter(assignee=locked), None, by=by)
        locked.groups.clear()
        locked.user_permissions.clear()
        locked.username = pseudonym(locked)
        locked.first_name = locked.last_name = locked.email = ""
        locked.is_active = locked.is_staff = locked.is_superuser = False
        # Whoever is logged in with the old one is logged out by it.
        locked.set_unusable_password()
        locked.save()
        SavedView.objects.filter(owner=locked).delete()
        # The framework's own log of what was edited keeps names as texts.
        kind = ContentType.objects.get_for_model(User)
        LogEntry.objects.filter(content_type=kind, object_id=str(locked.pk)).update(
            object_repr=locked.username, change_message=""
        )
        audit.record("user.erased", by=by, data={"user": audit.person(locked), "reason": reason})
