"""Text for Procountor: UTF-8 on the wire, but only the characters of Windows-1252.

Source: REFERENCE section 7, "Characters". Nothing is dropped: what cannot be carried is told.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_REPERTOIRE = frozenset(
    char
    for char in bytes(range(256)).decode("cp1252", errors="ignore")
    if char == "\n" or unicodedata.category(char) != "Cc"
)
#: Dashes that print as a hyphen or a minus; spaces of every kind are told by their category.
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2212", "-"))
_LINE_BREAKS = ("\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029")
#: As Unicode has it: Python counts four control characters in, which are damage, not space.
_WHITE_SPACE = re.compile(r"[^\S\x1c-\x1f]+")
#: What goes through as it is: most texts are nothing else.
_PLAIN = re.compile("[ -~\u00a1-\u00ac\u00ae-\u00ff]*")
#: Letters that no decomposition takes apart.
_LETTERS = dict(zip("ŁłĐđĦħıŦŧŊŋĸẞ", "LlDdHhiTtNnkß", strict=True))


class Carried(NamedTuple):
    """`text` in NFC with plain spaces, hyphens and line breaks; what of it Procountor would
    refuse, each character once; and the text as it could be written instead."""

    text: str
    unsupported: list[str]
    proposal: str


def to_windows_1252(text: str) -> Carried:
    """Fit `text` into Windows-1252 and say what does not fit.

    Spaces, dashes and line breaks that look the same are made plain ones; anything else stays
    in the text and is listed, so the caller can stop.
    """
    if _PLAIN.fullmatch(text):
        return Carried(text, [], text)
    composed = unicodedata.normalize("NFC", text)
    for line_break in _LINE_BREAKS:
        composed = composed.replace(line_break, "\n")
    plain = "".join(_plain_space(char) for char in composed.translate(_DASHES))
    unsupported = [char for char in dict.fromkeys(plain) if char not in _REPERTOIRE]
    proposal = "".join(char if char in _REPERTOIRE else _nearest(char) for char in plain)
    return Carried(plain, unsupported, proposal)


def one_line(text: str) -> str:
    """`text` with every run of white space made one space."""
    return _WHITE_SPACE.sub(" ", text).strip(" ")


def split_at(text: str, limit: int) -> tuple[str, str]:
    """`text` cut at a space so that the first part has at most `limit` characters."""
    if len(text) <= limit:
        return text, ""
    space = text.rfind(" ", 1, limit + 1)
    cut = space if space > 0 else limit
    return text[:cut].rstrip(" "), text[cut:].lstrip(" ")


def _plain_space(char: str) -> str:
    return " " if char == "\t" or unicodedata.category(char) == "Zs" else char


def _nearest(char: str) -> str:
    """The letter without its marks; "" for invisible characters, "?" where nothing is near."""
    near = _LETTERS.get(char) or "".join(
        part for part in unicodedata.normalize("NFKD", char) if part in _REPERTOIRE
    )
    if near:
        return near
    return "" if unicodedata.category(char)[0] in "CM" else "?"
