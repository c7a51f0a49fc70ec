"""Publishes the heads of the chains outside, where whoever rules our database does not reach.

Whoever keeps a published text can have it checked at any later time: a chain that still contains
that head has not been rewritten since. The lines that start with "chain" are read back; the rest
is for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from integrations.models import Tenant
from invoices.evidence.sealing import head_of
from invoices.evidence_models import EvidenceChain
from invoices.watch.notices import send

#: {primary key of the chain: {position: hash}}
Published = dict[int, dict[int, bytes]]

_LINE = re.compile(r"^\s*chain (\d+) position (\d+) sha256 ([0-9a-f]{64})\b", re.ASCII)


class NotPublished(Exception):
    """The heads could not be mailed or written; the message says which and why."""


def text_of_heads() -> str:
    """Every chain's head with words that explain themselves, in ALERT_LANGUAGE."""
    with translation.override(settings.ALERT_LANGUAGE):
        now = timezone.now()
        lines = [
            _("Heads of Flashnode's chains of evidence, %(when)s")
            % {"when": now.strftime("%Y-%m-%d %H:%M:%S UTC")},
            "",
            _(
                "Every record of Flashnode's audit trail is linked to the one before it by a hash "
                "(SHA-256). Below is the newest hash of each chain. It stands for everything in "
                "the chain up to that position: if any record were changed, removed or put in "
                "between later, no chain could contain this hash any more."
            ),
            _(
                "Keep this text where Flashnode's administrators cannot change it. To check: save "
                "it as a file and have Flashnode run “manage.py verify_audit --heads FILE”."
            ),
            "",
            *_lines(),
        ]
    return "\n".join(lines) + "\n"


def _lines() -> Iterator[str]:
    for chain in EvidenceChain.objects.select_related("tenant").order_by("pk"):
        position, head = head_of(chain)
        if position:
            yield (
                f"chain {chain.pk} position {position} sha256 {head.hex()} "
                f"({owner(chain.tenant)}, {chain.starts_on}–{chain.ends_on})"
            )


def owner(tenant: Tenant | None) -> str:
    """Whose chain it is, on one line."""
    if tenant is None:
        return _("the office's own")
    return f"{' '.join(tenant.name.split())} {tenant.business_id}"


def read_published(text: str) -> Published:
    """The heads in a published text or a file of several. Raises ValueError when there is none,
    or two that contradict each other."""
    found: Published = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            chain, position, head = int(match[1]), int(match[2]), bytes.fromhex(match[3])
            if found.setdefault(chain, {}).setdefault(position, head) != head:
                raise ValueError(f"chain {chain} has two heads at position {position}")
    if not found:
        raise ValueError("no line begins with “chain NUMBER position NUMBER sha256 …”")
    return found


def publish() -> int:
    """Append the heads to EVIDENCE_HEADS_FILE and mail them to EVIDENCE_HEADS_EMAILS; returns to
    how many places. Does both even when one fails, then raises NotPublished."""
    if not (settings.EVIDENCE_HEADS_FILE or settings.EVIDENCE_HEADS_EMAILS):
        return 0
    text, places, failed = text_of_heads(), 0, []
    if settings.EVIDENCE_HEADS_FILE:
        try:
            with Path(settings.EVIDENCE_HEADS_FILE).open("a", encoding="utf-8") as file:
                file.write(text + "\n")
            places += 1
        except OSError as error:
            failed.append(f"EVIDENCE_HEADS_FILE: {error.strerror or type(error).__name__}")
    if settings.EVIDENCE_HEADS_EMAILS:
        subject = text.partition("\n")[0]
        if refusal := send(subject, text, settings.EVIDENCE_HEADS_EMAILS):
            failed.append(f"EVIDENCE_HEADS_EMAILS: {refusal}")
        else:
            places += 1
    if failed:
        raise NotPublished("; ".join(failed))
    return places
