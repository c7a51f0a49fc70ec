"""For every code: whose move it is, where the remedy is done, and which page of ours helps.

Menu paths of Procountor: REFERENCE sections 4.1, 5, 6 and 18. Its menus differ between versions,
so the paths name them loosely; where no path is known, none is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.enums import Mover


class Where(models.TextChoices):
    HERE = "here", _("Here, in the back office")
    SOURCE = "source", _("In the source system")
    PROCOUNTOR = "procountor", _("In Procountor")
    NOWHERE = "nowhere", _("Nowhere: it goes on by itself")


class Page(StrEnum):
    """Pages of ours that help; `invoices.admin.explain` knows their addresses."""

    NONE = ""
    TENANT = "tenant"
    CHECK = "check"
    SETTINGS = "settings"
    INVOICE = "invoice"
    CORRECT = "correct"


class Guide(NamedTuple):
    mover: Mover
    where: Where
    page: Page = Page.NONE
    menu: str | Promise = ""


_USERS = _("Management > Users and user rights")
_ACCOUNTS = _("Management > Company info > Bank accounts")
_VAT = _("VAT defaults")
_KEYS = _("Basics > API client keys")
_FIND = _("Search sales invoices, by the original invoice number")

AT_SOURCE = Guide(Mover.CUSTOMER, Where.SOURCE, Page.INVOICE)
IN_THE_INVOICE = Guide(Mover.US, Where.HERE, Page.CORRECT)
IN_SETTINGS = Guide(Mover.US, Where.HERE, Page.SETTINGS)
ON_TENANT = Guide(Mover.US, Where.HERE, Page.TENANT)
BY_A_CHECK = Guide(Mover.US, Where.HERE, Page.CHECK)
LOOK_HERE = Guide(Mover.US, Where.HERE, Page.INVOICE)
BY_ITSELF = Guide(Mover.PROCOUNTOR, Where.NOWHERE)
DEVELOPERS = Guide(Mover.US, Where.HERE)
FIND_IT = Guide(Mover.US, Where.PROCOUNTOR, Page.INVOICE, _FIND)
RIGHTS = Guide(Mover.CUSTOMER, Where.PROCOUNTOR, Page.CHECK, _USERS)
KEY = Guide(Mover.CUSTOMER, Where.PROCOUNTOR, Page.CHECK, _KEYS)
PERIOD = Guide(Mover.CUSTOMER, Where.PROCOUNTOR, Page.CHECK)
BOOKS = Guide(Mover.CUSTOMER, Where.PROCOUNTOR, Page.INVOICE)
VAT_IN_USE = Guide(Mover.CUSTOMER, Where.PROCOUNTOR, Page.CHECK, _VAT)
ACCOUNT = Guide(Mover.CUSTOMER, Where.PROCOUNTOR, Page.CHECK, _ACCOUNTS)


def _each(codes: str | Iterable[str], guide: Guide) -> dict[str, Guide]:
    return dict.fromkeys(codes.split() if isinstance(codes, str) else codes, guide)


#: Codes that are not here are the source's: what is wrong stands in the received invoice.
GUIDES: dict[str, Guide] = {
    # Intake: the uploaded file itself.
    **_each("type_refused invoice_cancelled invoice_copy corrected_invoice", LOOK_HERE),
    **_each("totals_missing net_computed row_recomputed header_charge_informational", LOOK_HERE),
    **_each(
        "payment_reference_is_text attachment_left_out sheet_left_out columns_not_read", LOOK_HERE
    ),
    **_each("sub_row_skipped version_unknown paid_amount_missing instalments", LOOK_HERE),
    **_each("changed_duplicate change_decided number_expired numbers_unreadable", LOOK_HERE),
    # Web shops.
    **_each("shop_foreign_vat shop_duties shop_other_currency", LOOK_HERE),
    **_each("shop_refund_unknown_order shop_order_cancelled", LOOK_HERE),
    "shop_unreadable": DEVELOPERS,
    # Mapping: our settings, or the company's.
    "vat_category_unmapped": IN_SETTINGS,
    "vat_status_not_in_use": Guide(Mover.US, Where.HERE, Page.SETTINGS, _VAT),
    "vat_status_not_domestic": IN_SETTINGS,
    "channel_not_allowed": IN_SETTINGS,
    "reference_dropped": IN_SETTINGS,
    "vat_percent_not_in_use": VAT_IN_USE,
    "bank_account_missing": ON_TENANT,
    "bank_account_not_active": ACCOUNT,
    "seller_account_differs": ON_TENANT,
    **_each("aland_held prepaid", Guide(Mover.US, Where.PROCOUNTOR, Page.INVOICE)),
    **_each("payment_term_long vat_rate_other_date", LOOK_HERE),
    # The engine.
    **_each("period_closed CLOSED_FISCAL_PERIOD", PERIOD),
    **_each("credential_refused credential_missing Unauthorized http_401", KEY),
    **_each("rights_refused lookup_blind http_403", RIGHTS),
    "lookup_refused": Guide(Mover.US, Where.PROCOUNTOR, Page.CHECK, _FIND),
    **_each("conflict several_found not_found_again total_differs", FIND_IT),
    **_each("retries_exhausted never_answered", BY_A_CHECK),
    "refused": LOOK_HERE,
    "engine_failed": DEVELOPERS,
    **_each("not_reached no_answer restored crashed", BY_ITSELF),
    "waits_for_invoice": LOOK_HERE,
    # Procountor's own codes.
    **_each(("DUE_DATE_BEFORE_BILL_DATE", "ERROR_BRN_CODE"), IN_THE_INVOICE),
    "ERROR_VATSTATUS_VATPERC": IN_SETTINGS,
    **_each(
        (
            "ERROR_LEDGERACCOUNT_VATPERCENTAGE_COMBINATION",
            "DIMENSION_OR_DIMENSION_ITEM_IDENTIFIERS_DOES_NOT_MATCH_THOSE_STORED_IN_DATABASE",
        ),
        BOOKS,
    ),
    # Statuses and transport.
    **_each("connect_error connect_timeout connection_error read_timeout reset", BY_ITSELF),
    **_each("cut_off broken_answer too_slow too_large not_json no_id no_results", BY_ITSELF),
    **_each("paging no_token rate_limited transport_error pool_error", BY_ITSELF),
    **_each("too_late outage drained lane_stopped", BY_ITSELF),
    **_each("http_400 http_404 http_408 http_500 http_503", BY_ITSELF),
    **_each("http_4xx http_5xx http_other", BY_ITSELF),
    **_each("redirect proxy_error tls_error fault", BY_ITSELF._replace(mover=Mover.US)),
    **_each("bad_header bad_url key_unreadable", DEVELOPERS),
    # After submitting.
    **_each("step_no_answer step_not_seen step_crashed step_restored", BY_ITSELF),
    **_each("step_refused_403 step_not_reached", BY_ITSELF),
    "step_credential_refused": KEY,
    **_each("step_retries_exhausted step_never_answered", BY_A_CHECK),
    **_each("step_invoice_gone step_refused step_total_changed", FIND_IT),
    "step_read_refused": RIGHTS,
    **_each("attach_wrong_status approve_wrong_status send_wrong_status", FIND_IT),
    **_each("attach_rights approve_rights send_rights", RIGHTS),
    **_each("send_not_shown delivery_failed", FIND_IT),
    **_each("attachment_too_late attachment_twice attachments_too_many", LOOK_HERE),
}


def guide_for(code: str) -> Guide:
    """The guide of a code of the catalogue."""
    return GUIDES.get(code, AT_SOURCE)
