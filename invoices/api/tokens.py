"""Tokens: made, found, revoked. A token is seen in clear once, by who makes it.

`fnk_`, 40 random letters and digits, and six that check them: scanners of leaked secrets know it
by its form (as GitHub's), and what is no token is refused without asking the database.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import string
import zlib
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.api_models import ApiToken

PREFIX = "fnk_"
_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LETTERS = 40
_CHECK_LETTERS = 6
_FORM = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{_RANDOM_LETTERS}}})([0-9A-Za-z]{{{_CHECK_LETTERS}}})")
#: How exactly the last use is kept.
_USE_SECONDS = 60


class NameTaken(Exception):
    """The tenant has a token of this name in use."""


def looks_right(text: str) -> bool:
    """Whether `text` has the form of a token and its check agrees."""
    found = _FORM.fullmatch(text)
    return found is not None and secrets.compare_digest(found[2], _check_of(found[1]))


def make(tenant: Tenant, *, by: User, **fields: Any) -> tuple[ApiToken, str]:
    """Make a token of `tenant`; returns its row and the token in clear, which is nowhere kept.

    `fields`: name, can_write, can_read, queue, expires_at. Raises NameTaken.
    """
    random = "".join(secrets.choice(_LETTERS) for _each in range(_RANDOM_LETTERS))
    clear = f"{PREFIX}{random}{_check_of(random)}"
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                tenant=tenant,
                token_hash=_digest(clear),
                last_four=clear[-4:],
                created_by=by,
                **fields,
            )
            audit.record("api_token.made", tenant=tenant, by=by, data=_facts(token))
    except IntegrityError:
        raise NameTaken(fields["name"]) from None
    return token, clear


def revoke(token: ApiToken, *, by: User) -> bool:
    """End a token for good. False when it has been revoked already."""
    with transaction.atomic():
        mine = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not mine.update(revoked_at=timezone.now(), revoked_by=by):
            return False
        audit.record("api_token.revoked", tenant=token.tenant, by=by, data=_facts(token))
    return True


def find(clear: str) -> ApiToken | None:
    """The usable token that this is, with its tenant; None for any other text."""
    if not looks_right(clear):
        return None
    tokens = ApiToken.objects.select_related("tenant")
    token = tokens.filter(token_hash=_digest(clear), revoked_at=None).first()
    return None if token is None or token.is_over else token


def note_use(token: ApiToken) -> None:
    """Keep that the token was used, if that was not kept within the last minute."""
    now = timezone.now()
    before = now - dt.timedelta(seconds=_USE_SECONDS)
    if token.last_used_at is not None and token.last_used_at > before:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lte=before)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)


def _check_of(random: str) -> str:
    value, letters = zlib.crc32(random.encode()), ""
    for _each in range(_CHECK_LETTERS):
        value, rest = divmod(value, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return letters


def _digest(clear: str) -> str:
    return hashlib.sha256(clear.encode()).hexdigest()


def _facts(token: ApiToken) -> dict[str, Any]:
    return {
        "token": token.pk,
        "name": token.name,
        "last_four": token.last_four,
        "scopes": token.scopes,
        "queue": token.queue,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }
