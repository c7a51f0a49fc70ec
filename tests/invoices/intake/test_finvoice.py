import datetime as dt
from decimal import Decimal

import pytest

from invoices.document import Address, VatCategory
from invoices.intake import read
from tests.invoices.intake.builders import (
    DATA,
    document,
    error_codes,
    finvoice,
    read_file,
    read_one,
    warning_codes,
)

EUR = 'AmountCurrencyIdentifier="EUR"'


def own(name: str):
    (item,) = read_file(f"finvoice/{name}").items
    assert item.problems == ()
    return item.document


def test_header_of_a_full_invoice_is_read():
    read = own("f30_two_rates_charges.xml")
    assert (read.number, read.kind, read.currency, read.language) == (
        "2026-501", "invoice", "EUR", "SV",
    )  # fmt: skip
    assert (read.date, read.due_date) == (dt.date(2026, 9, 16), dt.date(2026, 9, 30))
    assert (read.delivery_start, read.delivery_end) == (dt.date(2026, 8, 1), dt.date(2026, 8, 31))
    assert (read.order_reference, read.agreement_number) == ("PO-9", "SOP-3")
    assert (read.buyer_reference, read.reference_number) == ("KP-100", "RF18539007547034")
    assert (read.seller_business_id, read.seller_account) == ("2345678-0", "FI2112345600000785")
    assert read.prepaid_amount == Decimal("15.21")
    assert read.additional_information == "Kiitos."


def test_buyer_and_recipient_of_a_full_invoice_are_read():
    read = own("f30_two_rates_charges.xml")
    assert read.buyer.address == Address(
        name="Järvenpään Kukka Oy", specifier="Ostoreskontra", street="Puistotie 7",
        zip="04400", city="Järvenpää", country="FI",
    )  # fmt: skip
    assert (read.buyer.business_id, read.buyer.vat_number) == ("4567890-7", "FI45678907")
    assert (read.buyer.customer_number, read.buyer.contact_person) == ("A-77", "Liisa Lehto")
    assert read.buyer.einvoice_address == "003745678907"
    assert read.buyer.einvoice_operator == "003721291126"
    assert read.buyer.edi_id == "003745678907"
    assert read.billing_address is not None and read.billing_address.street == "PL 12"
    assert read.delivery_address is None


def test_header_charge_and_discount_become_rows():
    read = own("f30_two_rates_charges.xml")
    assert [(row.name, row.quantity, row.unit_price, row.vat_percent) for row in read.rows] == [
        ("Hitsaus", Decimal("2.5"), Decimal("88.88889"), Decimal("25.5")),
        ("Kukkaopas", 2, 20, Decimal("13.5")),
        ("Rahti", 1, 20, Decimal("25.5")),
        ("Kanta-asiakas", -1, 5, Decimal("25.5")),
    ]
    assert sum(row.net_amount for row in read.rows) == read.net_total == 255
    assert read.rows[0].comment == "Elokuun työt"


def test_soap_framed_invoices_get_their_own_receivers_and_letters():
    first, second = (item.document for item in read_file("finvoice/f30_soap_two.xml").items)
    assert first.buyer.address.name == "Älvsjö Blommor €ab"
    assert (first.buyer.einvoice_address, first.buyer.einvoice_operator) == (
        "003745678907", "NDEAFIHH",
    )  # fmt: skip
    assert (second.buyer.einvoice_address, second.buyer.einvoice_operator) == (
        "003701120389", "OKOYFIHH",
    )  # fmt: skip


def test_envelope_of_a_broken_invoice_is_not_used_for_the_next():
    text = (DATA / "finvoice/f30_soap_two.xml").read_bytes()
    envelope, first = text.split(b"<?xml", 1)
    broken, second = (b"<?xml" + first).split(b"<SOAP-ENV:Envelope", 1)
    second = second.split(b"</SOAP-ENV:Envelope>", 1)[1]
    result = read(envelope + broken.replace(b"</InvoiceRow>", b"", 1) + second)
    assert [item.document is None for item in result.items] == [True, False]
    assert result.items[1].document.buyer.einvoice_address == ""


def test_credit_note_is_negative_and_names_its_invoice():
    read = own("f201_credit_note.xml")
    assert (read.kind, read.corrects_number) == ("credit_note", "2026-501")
    assert (read.rows[0].quantity, read.rows[0].unit_price) == (-2, 25)
    assert (read.gross_total, read.reference_number) == (Decimal("-62.75"), "1009")


def test_old_invoice_with_a_doctype_and_text_rows_is_read():
    read = own("f13_doctype_text_rows.xml")
    assert (read.number, read.order_reference, read.reference_number) == ("00077", "", "1232")
    assert read.rows[0].comment == "Asennus ei sisälly\nhintaan"
    assert read.penalty_percent == Decimal("10.5")
    assert [(each.days, each.percent) for each in read.cash_discounts] == [(5, 2)]


def test_rounding_becomes_a_row_outside_vat_and_part_of_the_totals():
    read = own("f30_rounding.xml")
    row = read.rows[-1]
    assert (row.name, row.quantity, row.unit_price) == ("Pyöristys", -1, Decimal("0.37"))
    assert row.vat_category is VatCategory.OUTSIDE_SCOPE
    assert (read.net_total, read.vat_total) == (Decimal("99.53"), Decimal("25.47"))
    assert read.gross_total == 125


def test_reason_for_no_vat_is_kept():
    read = own("f30_exempt_reason.xml")
    assert read.rows[0].vat_category is VatCategory.EXEMPT
    assert read.additional_information == "Koulutuspalvelu, AVL 39 §"


def test_broken_invoice_does_not_take_the_others():
    items = read_file("finvoice/broken_middle_of_three.xml").items
    assert [(item.position, item.number, item.document is None) for item in items] == [
        (1, "911", False),
        (2, "", True),
        (3, "913", False),
    ]
    (found,) = items[1].problems
    assert (found.code, found.place) == ("xml_broken", "line 112")


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("broken_entities.xml", {"xml_forbidden"}),
        ("broken_laughs.xml", {"xml_forbidden"}),
        ("broken_encoding.xml", {"encoding_wrong"}),
        ("broken_totals.xml", {"totals_differ"}),
        ("broken_truncated.xml", {"xml_broken"}),
        ("broken_many_errors.xml", {"not_a_date", "missing", "not_allowed", "not_a_number"}),
    ],
)
def test_broken_file_is_refused_with_its_reason(name, codes):
    (item,) = read_file(f"finvoice/{name}").items
    assert item.document is None
    assert error_codes(item) == codes


def test_all_errors_are_told_at_once_with_place_and_value():
    (item,) = read_file("finvoice/broken_many_errors.xml").items
    assert {(found.place, found.value) for found in item.problems} == {
        ("InvoiceDetails/InvoiceDate", "20260931"),
        ("InvoiceDetails/InvoiceNumber", ""),
        ("BuyerPartyDetails/BuyerOrganisationName", ""),
        ("InvoiceRow[1]/RowVatRatePercent", "255"),
        ("InvoiceRow[1]/InvoicedQuantity", "neljä"),
    }


@pytest.mark.parametrize("kind", ["INV03", "INV05", "INV06", "INV08", "INV09", "REQ01", "XYZ"])
def test_what_is_no_sales_invoice_is_refused(kind):
    assert error_codes(read_one(kind=kind)) == {"type_refused"}


@pytest.mark.parametrize(("kind", "read_as"), [("380", "invoice"), ("M", "invoice")])
def test_other_names_of_an_invoice_are_known(kind, read_as):
    assert document(kind=kind).kind == read_as


def test_cancelled_invoice_is_refused_and_a_copy_warned_about():
    assert error_codes(read_one(details="<OriginCode>Cancel</OriginCode>")) == {"invoice_cancelled"}
    assert warning_codes(read_one(details="<OriginCode>Copy</OriginCode>")) == {"invoice_copy"}


def test_self_billed_invoice_is_refused():
    item = read_one(details="<InvoiceTypeCodeUN>389</InvoiceTypeCodeUN>")
    assert error_codes(item) == {"type_refused"}


def test_credit_note_with_a_positive_total_is_refused():
    assert error_codes(read_one(kind="INV02")) == {"credit_note_positive"}


def test_total_that_differs_is_told_with_both_numbers():
    item = read_one(totals=("130,00", "25,50", "155,50"))
    assert ("InvoiceDetails/InvoiceTotalVatExcludedAmount", "130.00", "100.00") in {
        (found.place, found.value, found.expected) for found in item.problems
    }


def test_total_within_a_cent_a_row_is_accepted():
    assert document(totals=("100,00", "25,52", "125,52")).vat_total == Decimal("25.52")
    assert error_codes(read_one(totals=("100,00", "25,53", "125,53"))) == {"totals_differ"}


def test_invoice_without_totals_is_read_with_a_warning():
    assert warning_codes(read_one(totals=None)) == {"totals_missing"}


def test_header_discount_already_in_the_rows_is_not_taken_twice():
    discount = f"<DiscountDetails><Amount {EUR}>10,00</Amount></DiscountDetails>"
    item = read_one(details=discount)
    assert len(item.document.rows) == 1
    assert warning_codes(item) == {"header_charge_informational"}


def test_two_currencies_are_an_error():
    paid = '<InvoicePaidAmount AmountCurrencyIdentifier="SEK">1,00</InvoicePaidAmount>'
    (found,) = read_one(details=paid).problems
    assert (found.code, found.value) == ("currency_mixed", "EUR, SEK")


def test_personal_identity_code_is_dropped_and_not_repeated():
    text = finvoice().replace(
        "<BuyerOrganisationName>",
        "<BuyerPartyIdentifier>131052-308T</BuyerPartyIdentifier><BuyerOrganisationName>",
    )
    (item,) = read(text.encode()).items
    assert item.document.buyer.business_id == ""
    assert "131052" not in repr(item)


def test_damaged_reference_is_an_error():
    epi = """<EpiDetails><EpiPaymentInstructionDetails><EpiRemittanceInfoIdentifier>1,01074E+17
    </EpiRemittanceInfoIdentifier></EpiPaymentInstructionDetails></EpiDetails>"""
    assert error_codes(read_one(after=epi)) == {"reference_damaged"}


def test_several_due_dates_are_an_error():
    terms = "".join(
        f"<PaymentTermsDetails><InvoiceDueDate>{day}</InvoiceDueDate></PaymentTermsDetails>"
        for day in ("20260930", "20261030")
    )
    assert error_codes(read_one(details=terms)) == {"several_due_dates"}
