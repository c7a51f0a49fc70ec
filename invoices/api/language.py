"""The language of an answer: the one of ours that the request likes best."""

from __future__ import annotations

from django.utils.translation.trans_real import parse_accept_lang_header

#: As customers are written to; the first for who says nothing.
LANGUAGES = ("en", "fi", "sv")


def chosen(accept_language: str) -> str:
    """One of LANGUAGES for an Accept-Language header."""
    for wanted, quality in parse_accept_lang_header(accept_language[:500]):
        base = wanted.partition("-")[0]
        if quality > 0 and base in LANGUAGES:
            return base
    return LANGUAGES[0]
