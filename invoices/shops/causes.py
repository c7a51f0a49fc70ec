"""Why a shop cannot be asked, in words: what is wrong, and what to do next. A closed list."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

CAUSES: dict[str, Words] = {
    "unauthorized": Words(
        _("The shop refuses the key."),
        _("Make a new key with the right to read orders in the shop, and file it here."),
    ),
    "not_found": Words(
        _("There is no such address in the shop."),
        _("Check the shop's address; WooCommerce needs permalinks other than “Plain”."),
    ),
    "refused": Words(
        _("The shop refuses the request."),
        _("Check that the shop's software is up to date, then test the connection."),
    ),
    "limited": Words(
        _("The shop asked us to wait."),
        _("Nothing to do: it goes on by itself."),
    ),
    "server": Words(
        _("The shop answers with an error of its own."),
        _("It is asked again by itself. If this goes on for hours, tell the shop's keeper."),
    ),
    "timeout": Words(
        _("The shop does not answer in time."),
        _("It is asked again by itself. If this goes on for hours, tell the shop's keeper."),
    ),
    "connection": Words(
        _("The shop cannot be reached, or its answer broke off."),
        _("It is asked again by itself. If this goes on for hours, check the shop's address."),
    ),
    "tls": Words(
        _("The shop's certificate is not valid."),
        _("Tell the shop's keeper to renew the certificate; until then nothing is asked there."),
    ),
    "redirect": Words(
        _("The shop sends us on to another address, which we do not follow."),
        _("File the address where the shop really is, with the key, under “New key”."),
    ),
    "address": Words(
        _("The shop's address leads to no public address on the internet."),
        _("File the right address, with the key, under “New key”."),
    ),
    "too_large": Words(
        _("The shop's answer is larger than we read."),
        _("Tell the developers: an answer of this size has not been seen."),
    ),
    "unreadable": Words(
        _("The shop's answer is not what its software documents."),
        _("Check the address, and that no maintenance page or firewall answers instead."),
    ),
    "crashed": Words(
        _("Something of ours broke at an order of this shop."),
        _("Tell the developers; the log of the background tasks says more. It is tried again."),
    ),
    "no_secret": Words(
        _("There is no key for the shop, or it cannot be opened."),
        _("File the shop's key again."),
    ),
}


def words_of(code: str, detail: str = "") -> str:
    """One line for people; "" for no cause."""
    if not code:
        return ""
    known = CAUSES.get(code)
    if known is None:
        return _t("Unknown code: %(code)s") % {"code": code}
    told = f" ({detail})" if detail else ""
    return f"{known.cause}{told} {known.remedy}"
