"""A PDF that is to go with an invoice: its limits, and a name every receiver can show.
Pure: reads no database, opens no connection."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from invoices.document import Problem

#: Procountor's own limit of a file (REFERENCE section 16).
LARGEST_BYTES = 10_000_000
CONTENT_TYPE = "application/pdf"
MAX_NAME_CHARACTERS = 120
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')


@dataclass(frozen=True)
class Pdf:
    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def checked(name: str, content: bytes, place: str = "") -> tuple[Pdf | None, list[Problem]]:
    """The file with its cleaned name, or every problem with it; exactly one of the two."""
    clean = cleaned(name)
    shown = (clean or _CONTROL.sub("", name))[:80]
    problems = []
    if not clean:
        problems.append(Problem("attachment_name", place, shown))
    if not content:
        problems.append(Problem("attachment_empty", place, shown))
    elif not content.startswith(b"%PDF-"):
        problems.append(Problem("attachment_not_pdf", place, shown))
    if len(content) > LARGEST_BYTES:
        problems.append(
            Problem("attachment_too_large", place, str(len(content)), str(LARGEST_BYTES))
        )
    return (None, problems) if problems else (Pdf(clean, content), [])


def cleaned(name: str) -> str:
    """The name without path and control characters, in Windows-1252, ending in .pdf; "" when
    nothing is left of it."""
    base = _CONTROL.sub("", name).replace("\\", "/").rpartition("/")[2]
    base = base.encode("cp1252", "replace").decode("cp1252").replace("?", "_")
    base = _FORBIDDEN.sub("_", base).strip()
    stem = base[:-4] if base.casefold().endswith(".pdf") else base
    stem = stem.strip(" .")[: MAX_NAME_CHARACTERS - 4]
    return f"{stem}.pdf" if stem else ""
