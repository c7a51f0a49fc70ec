"""A buyer's personal data, hidden from those who need none of it to do their work.

A buyer without a business ID and VAT number is taken for a person: then name, addresses, e-mail
and e-invoice address are hidden. Of a company only its contact person and e-mail are.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.utils.translation import gettext as _

from invoices import staff
from invoices.correction_models import Correction
from invoices.document import Problem
from invoices.models import Invoice

PERMISSION = "invoices.view_personal_data"
HIDDEN = "•••"
#: Shorter texts are in too many other words.
_SHORTEST = 3
_OF_ADDRESS = ("name", "specifier", "street", "zip", "city")
_OF_ANYBODY = ("contact_person", "email")
_OF_A_PERSON = ("einvoice_address", "edi_id")
#: Places of problems that are the buyer's, except for what a company is known by.
_OF_A_BUYER = re.compile(
    r"(?i)(?:buyer|counter_?party|recipient|(?:billing|delivery)_?(?:address|party))"
    r"(?!.*(?:business_?id|vat_?number|identifier|taxcode|country))"
)
#: Tags, with their attributes, and what is between them.
_TAGS = re.compile(r"(<script\b.*?</script>|<style\b.*?</style>|<[^>]*>)", re.DOTALL)
_SHOWN_ATTRIBUTE = re.compile(r'(\b(?:value|title|alt|aria-label|data-[\w-]+)=")([^"]*)(")')


def may_see() -> bool:
    """Whether whoever makes this request may; outside of one there is nobody to hide from."""
    user = staff.current()
    return user is None or user.has_perm(PERMISSION)


def needs_to_see() -> None:
    """For what shows personal data and cannot hide it: refuse whoever may not see them."""
    if not may_see():
        raise PermissionDenied


def is_person(content: dict[str, Any]) -> bool:
    """Whether an invoice's buyer is taken for a person; so is one that cannot be read."""
    buyer = content.get("buyer")
    if not isinstance(buyer, dict):
        return True
    return not (buyer.get("business_id") or buyer.get("vat_number"))


def name_of(invoice: Invoice, name: str) -> str:
    """The buyer's name for a list."""
    if may_see() or not is_person(invoice.content):
        return name
    return _("Private person")


def problem(found: Problem) -> Problem:
    """A problem without its value, where that is the buyer's."""
    if not found.value or not _OF_A_BUYER.search(found.place) or may_see():
        return found
    return replace(found, value=HIDDEN)


def hide(response: HttpResponse, invoices: Iterable[Invoice]) -> HttpResponse:
    """A page about some invoices, without the personal data of their buyers for whoever may not
    see it: wherever on the page it is, in a request, an answer or a remark."""
    if may_see():
        return response
    if not getattr(response, "is_rendered", True):
        response.render()
    values = {value for invoice in invoices for value in _values(invoice)}
    if values and response.get("Content-Type", "").startswith("text/html"):
        page = response.content.decode()
        response.content = "".join(_without(page, values)).encode()
    return response


def _values(invoice: Invoice) -> Iterator[str]:
    """What is hidden of an invoice, as received and as corrected since."""
    versions = Correction.objects.filter(export__invoice=invoice).order_by("number")
    contents = [invoice.content, *versions.values_list("content", flat=True)]
    person = any(is_person(content) for content in contents)
    if person:
        yield invoice.buyer_name
    for content in contents:
        yield from _of_content(content, person)


def _of_content(content: dict[str, Any], person: bool) -> Iterator[str]:
    buyer = content.get("buyer")
    parts: list[tuple[Any, tuple[str, ...]]] = [(buyer, _OF_ANYBODY)]
    if person and isinstance(buyer, dict):
        parts += [(buyer, _OF_A_PERSON), (buyer.get("address"), _OF_ADDRESS)]
        parts += [(content.get(f"{kind}_address"), _OF_ADDRESS) for kind in ("billing", "delivery")]
    for part, names in parts:
        if isinstance(part, dict):
            for name in names:
                if value := part.get(name):
                    yield str(value)


def _without(page: str, values: set[str]) -> Iterator[str]:
    found = {html.escape(value) for value in values if len(value) >= _SHORTEST}
    if not found:
        yield page
        return
    alternatives = "|".join(re.escape(each) for each in sorted(found, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)
    for place, part in enumerate(_TAGS.split(page)):
        if place % 2 == 0:
            yield pattern.sub(HIDDEN, part)
        elif part.startswith(("<script", "<style")):
            yield part
        else:
            yield _SHOWN_ATTRIBUTE.sub(lambda m: m[1] + pattern.sub(HIDDEN, m[2]) + m[3], part)
