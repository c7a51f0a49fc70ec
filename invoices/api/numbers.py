"""The address of an invoice number, which may hold slashes, spaces and any letter.

Proxies and clients decode, join and shorten paths as they like, so a number that is more than
letters, digits, `_`, `-` and `.` is written as `~` and its UTF-8 in base64url without padding. A
percent-encoded number is found too where it arrives as it was sent.
"""

from __future__ import annotations

import base64
import binascii
import re

from invoices.models import Invoice

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
#: Is an address of its own.
_TAKEN = frozenset({"batch"})
_CODED = "~"
_MOST_LETTERS = Invoice._meta.get_field("number").max_length or 40


def address_of(number: str) -> str:
    """The last part of the number's address."""
    if _PLAIN.fullmatch(number) and number not in _TAKEN:
        return number
    return _CODED + base64.urlsafe_b64encode(number.encode()).rstrip(b"=").decode()


def number_at(address: str) -> str | None:
    """The number that this part of an address names; None when it cannot be one."""
    number = _decoded(address[1:]) if address.startswith(_CODED) else address
    if not number or len(number) > _MOST_LETTERS or not number.isprintable():
        return None
    return number


def _decoded(coded: str) -> str | None:
    try:
        # The library passes over letters that are not of its alphabet unless told.
        content = base64.b64decode(coded + "=" * (-len(coded) % 4), b"-_", validate=True)
        return content.decode()
    except (binascii.Error, ValueError):
        return None
