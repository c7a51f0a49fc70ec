"""Texts of the office's own in place of the shipped ones; whoever stores them offers them here.

The catalogue knows no database: `invoices.wording` gives it a function when the apps are ready.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

#: (code, language) to {part: text}; part is cause, remedy or customer.
Edited = Mapping[tuple[str, str], Mapping[str, str]]

_NOTHING: Edited = {}
_source: Callable[[], Edited] = lambda: _NOTHING  # noqa: E731 - replaced when the apps are ready


def use_edited(source: Callable[[], Edited]) -> None:
    """From now on ask `source` for the office's texts; it is called for every text shown."""
    global _source
    _source = source


def edited_text(code: str, part: str, language: str) -> str:
    """The office's text, or "" when the shipped one holds."""
    return _source().get((code, language), {}).get(part, "")


def has_words(code: str) -> bool:
    """Whether the office wrote words for the code, in any language."""
    return any(written == code for written, _language in _source())
