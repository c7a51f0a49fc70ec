"""Words for what web shops send: orders and refunds that cannot become invoices as they are."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

SHOPS: dict[str, Words] = {
    "shop_several_taxes": Words(
        _("The line has {value} taxes at once; an invoice row has one VAT rate."),
        _("Correct the shop's tax settings, or enter the order's invoice by hand."),
    ),
    "shop_rate_missing": Words(
        _("The line has VAT, but the shop does not say at which rate (tax {value})."),
        _("Update the shop's software, or enter the order's invoice by hand."),
    ),
    "shop_tax_differs": Words(
        _("The shop counted VAT {value}, but amount and rate give {expected}."),
        _("Check the shop's tax settings; we never change either to make them fit."),
    ),
    "shop_foreign_vat": Words(
        _("VAT of {value} was charged for {expected}: it is not Finnish VAT."),
        _(
            "Foreign VAT, such as that of the EU's one stop shop (OSS), is not exported: ask the "
            "accountant how the order is entered."
        ),
    ),
    "shop_duties": Words(
        _("The shop collected import duties of {value}, which are neither sale nor VAT."),
        _("Ask the accountant how the order is entered."),
    ),
    "shop_other_currency": Words(
        _("The buyer paid in {value}; the invoice is in the shop's own currency, {expected}."),
        _("Nothing to do, unless the buyer asks for an invoice in the other currency."),
    ),
    "shop_refund_without_lines": Words(
        _("{value} was refunded without saying for which lines, so its VAT is not known."),
        _(
            "Make the refund in the shop by its lines, let the shop's setting take such refunds as "
            "one row, or enter the credit note by hand."
        ),
    ),
    "shop_refund_unknown_order": Words(
        _("The refunded order's invoice {value} was not taken in here."),
        _(
            "Take the order in with a back-fill of its day, or credit it where it was invoiced; "
            "then take the refund in again."
        ),
    ),
    "shop_order_cancelled": Words(
        _("The order was cancelled in the shop after its invoice {value} had been taken in."),
        _("Refund it in the shop so that a credit note comes, or credit the invoice by hand."),
    ),
    "shop_number_taken": Words(
        _("Another order of the shop has become the invoice {value} already."),
        _("See that the shop numbers its orders once each, then change the order's number there."),
    ),
    "shop_unreadable": Words(
        _("What the shop sent is no order that we can read: {value}."),
        _("Tell the developers; the shop's software may be of another version."),
    ),
}
