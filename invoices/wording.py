"""The office's words for problem codes: versions kept, the newest shown everywhere; and the list
of Procountor's codes that nobody has words for yet.

What is shown comes from a snapshot in memory, read at most once a request and otherwise every
few seconds, so that lists cost no query for a row.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from asgiref.local import Local
from django.contrib.auth.models import User
from django.core.signals import request_started
from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.utils import timezone

from integrations.enums import StaffLanguage
from integrations.signals import acted
from invoices import problems
from invoices.wording_models import UnknownCode, WordingVersion

PARTS = ("cause", "remedy", "customer")
#: Languages that staff read; only sentences for customers exist in the others.
STAFF_LANGUAGES = (StaffLanguage.FINNISH, StaffLanguage.ENGLISH)
_SNAPSHOT_SECONDS = 5
_ROW = re.compile(r"\[\d+\]")
_kept = Local()

Texts = dict[tuple[str, str], dict[str, str]]


class ChangedMeanwhile(Exception):
    """Another person saved a version after the page was opened."""


def listen() -> None:
    """Offer the office's texts to the catalogue."""
    problems.use_edited(current)
    request_started.connect(lambda **_kwargs: forget(), weak=False, dispatch_uid="wording.forget")


def forget() -> None:
    """Read the texts anew when they are needed the next time, in this thread."""
    _kept.until = 0.0


def current() -> Texts:
    """{(code, language): {part: text}} of the office's texts; without those that went back to
    the shipped ones."""
    if getattr(_kept, "until", 0.0) < time.monotonic():
        _kept.texts = _read()
        _kept.until = time.monotonic() + _SNAPSHOT_SECONDS
    texts: Texts = _kept.texts
    return texts


def _read() -> Texts:
    newest: dict[tuple[str, str], WordingVersion] = {}
    for version in WordingVersion.objects.order_by("number"):
        newest[version.code, version.language] = version
    return {
        place: {part: getattr(version, part) for part in PARTS if getattr(version, part)}
        for place, version in newest.items()
        if not version.is_shipped
    }


def parts_of(code: str, language: str) -> tuple[str, ...]:
    """Which texts a code has in a language: cause and remedy where staff read, the customer's
    sentence where the code has one."""
    staff = ("cause", "remedy") if language in STAFF_LANGUAGES else ()
    return (*staff, "customer") if code in problems.CUSTOMER else staff


def versions(code: str) -> list[WordingVersion]:
    """Every version of a code's words, the newest first."""
    found = WordingVersion.objects.filter(code=code).select_related("by")
    return list(found.order_by("-at", "-pk"))


def latest_number(code: str, language: str) -> int:
    """The newest version's number, 0 for the shipped text."""
    found = WordingVersion.objects.filter(code=code, language=language)
    return found.aggregate(number=Max("number"))["number"] or 0


def save(
    code: str, language: str, texts: Mapping[str, str], *, after: int, by: User
) -> WordingVersion:
    """Keep `texts` ({part: text}) as the version after `after`. Raises ChangedMeanwhile when
    that is not the newest any more. Closes the code on the to-do list once both languages of
    staff have words."""
    version = _add(code, language, after=after, by=by, **texts)
    _close_unknown(code, by)
    return version


def back_to_shipped(code: str, language: str, *, after: int, by: User) -> WordingVersion:
    """Let the shipped text hold again, as a version of its own. Raises ChangedMeanwhile."""
    return _add(code, language, after=after, by=by, is_shipped=True)


def collect(export_pk: int, errors: Iterable[Mapping[str, Any]]) -> None:
    """Note what Procountor wrote that has no words; costs nothing when all is known. In the
    caller's transaction."""
    now = timezone.now()
    found = {
        (str(entry.get("message") or "")[:200], _ROW.sub("[]", str(entry.get("field") or ""))[:200])
        for entry in errors
    }
    # In one order everywhere, so that two workers never wait for each other.
    for code, field in sorted(found):
        if not code or problems.is_known(code):
            continue
        rows = UnknownCode.objects.filter(code=code, field=field)
        seen = {"last_seen_at": now, "example_id": export_pk, "closed_at": None, "closed_by": None}
        if not rows.update(count=F("count") + 1, **seen):
            _row, is_new = UnknownCode.objects.get_or_create(
                code=code, field=field, defaults={"first_seen_at": now} | seen
            )
            if not is_new:
                rows.update(count=F("count") + 1, **seen)


def _add(code: str, language: str, *, after: int, by: User, **fields: Any) -> WordingVersion:
    try:
        with transaction.atomic():
            if latest_number(code, language) != after:
                raise ChangedMeanwhile
            version = WordingVersion.objects.create(
                code=code, language=language, number=after + 1, by=by, at=timezone.now(), **fields
            )
            acted.send(
                WordingVersion,
                action="wording.reset" if version.is_shipped else "wording.saved",
                tenant=None,
                by=by,
                data={"code": code, "language": language, "version": version.number},
            )
    except IntegrityError:
        raise ChangedMeanwhile from None
    forget()
    return version


def _close_unknown(code: str, by: User) -> None:
    written = current()
    if all(written.get((code, language)) for language in STAFF_LANGUAGES):
        UnknownCode.objects.filter(code=code, closed_at=None).update(
            closed_at=timezone.now(), closed_by=by
        )
