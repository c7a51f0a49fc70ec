"""UBL and CII: what is read, and that the standard's rules of the totals hold."""

import base64
from decimal import Decimal

import pytest

from invoices.document import VatCategory
from invoices.intake import read
from tests.invoices.intake import written
from tests.invoices.intake.builders import error_codes, warning_codes
from tests.invoices.intake.seeds import sound

WRITERS = {"ubl": written.ubl, "cii": written.cii}
UBL, CII = written.ubl(sound()).decode(), written.cii(sound()).decode()
PDF = base64.b64encode(b"%PDF-1.4 small").decode()


def ubl(*changes: tuple[str, str], text: str = UBL):
    return one(replaced(text, *changes))


def cii(*changes: tuple[str, str]):
    return one(replaced(CII, *changes))


def replaced(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def one(text: str):
    (item,) = read(text.encode()).items
    return item


def euros(name: str, old: str, new: str) -> tuple[str, str]:
    """The change of an amount from `old` to `new`."""
    return f'<cbc:{name} currencyID="EUR">{old}', f'<cbc:{name} currencyID="EUR">{new}'


def into_header(text: str) -> tuple[str, str]:
    return ("<cac:AccountingCustomerParty>", f"{text}<cac:AccountingCustomerParty>")


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_credit_note_is_positive_in_the_file_and_negative_here(writer):
    content = writer(sound("2026-2", "credit_note"))
    assert b'"C62">-' not in content
    document = one(content.decode()).document
    assert (document.kind, document.corrects_number) == ("credit_note", "2026-0")
    assert [row.quantity for row in document.rows] == [Decimal("-2.5"), -4, -1]
    assert document.gross_total == Decimal("-463.95")


def test_invoice_below_zero_is_read_as_credit_note_with_a_warning():
    lines = replaced(
        written.ubl(sound("2026-2", "credit_note")).decode().replace("CreditNote", "Invoice"),
        ("381", "380"),
    ).replace("CreditedQuantity", "InvoicedQuantity")
    negative = lines
    for name in ("TaxableAmount", "TaxAmount", "LineExtensionAmount", "TaxExclusiveAmount",
                 "TaxInclusiveAmount", "PayableAmount"):  # fmt: skip
        negative = negative.replace(f'<cbc:{name} currencyID="EUR">', f"<cbc:{name}>-")
    negative = negative.replace(">-0.00<", ">0.00<").replace('unitCode="C62">', 'unitCode="C62">-')
    for amount in ("20.00", "10.00"):
        negative = negative.replace(f'"EUR">{amount}</cbc:Amount', f'"EUR">-{amount}</cbc:Amount')
    item = one(negative)
    assert warning_codes(item) == {"negative_invoice"}
    assert (item.document.kind, item.document.gross_total) == ("credit_note", Decimal("-463.95"))


def test_credit_note_below_zero_is_refused():
    text = written.ubl(sound("2026-2", "credit_note")).decode()
    assert 'currencyID="EUR">463.95' in text
    item = one(text.replace('currencyID="EUR">463.95', 'currencyID="EUR">-463.95'))
    assert "credit_note_positive" in error_codes(item)


TOTALS = {
    "BR-CO-10": ("LineExtensionAmount", "390.00", "391.00"),
    "BR-CO-13": ("TaxExclusiveAmount", "390.00", "389.00"),
    "BR-CO-14": ("TaxAmount", "73.95", "74.95"),
    "BR-CO-15": ("TaxInclusiveAmount", "463.95", "463.94"),
    "BR-CO-16": ("PayableAmount", "463.95", "463.90"),
    "BR-S-8": ("TaxableAmount", "290.00", "291.00"),
}


@pytest.mark.parametrize("rule", TOTALS)
def test_total_that_breaks_its_rule_is_refused_with_both_numbers(rule):
    name, right, wrong = TOTALS[rule]
    tag = f'<cbc:{name} currencyID="EUR">'
    last = UBL.index(tag + right, UBL.find("LegalMonetaryTotal") if "Ext" in name else 0)
    item = one(UBL[:last] + UBL[last:].replace(tag + right, tag + wrong, 1))
    found = next(each for each in item.problems if rule in each.place)
    assert found.code == "totals_differ"
    assert Decimal(found.value) == Decimal(wrong) != Decimal(found.expected)


def test_vat_of_a_rate_that_is_not_base_times_rate_is_refused():
    item = ubl(
        euros("TaxAmount", "73.95", "83.95"),
        euros("TaxAmount", "73.95", "83.95"),
        euros("TaxInclusiveAmount", "463.95", "473.95"),
        euros("PayableAmount", "463.95", "473.95"),
    )
    (found,) = item.problems
    assert "BR-CO-17" in found.place
    assert (found.code, found.value, found.expected) == ("totals_differ", "83.95", "73.95")


def test_cii_total_that_breaks_its_rule_is_refused():
    item = cii(("<ram:GrandTotalAmount>463.95", "<ram:GrandTotalAmount>464.95"))
    assert {each.code for each in item.problems} == {"totals_differ"}
    assert any("BR-CO-15" in each.place for each in item.problems)


def test_rate_without_its_part_of_the_breakdown_is_refused():
    item = cii(
        (
            "<ram:CategoryCode>E</ram:CategoryCode><ram:Rate",
            "<ram:CategoryCode>Z</ram:CategoryCode><ram:Rate",
        )
    )
    assert ("vat_group_missing", "E 0 %") in {(each.code, each.value) for each in item.problems}


@pytest.mark.parametrize(
    ("old", "code"),
    [
        ("<cbc:ID>2026-1</cbc:ID>", "missing"),
        ("<cbc:IssueDate>2026-09-16</cbc:IssueDate>", "missing"),
        ("<cbc:RegistrationName>Järvenpään Kukka Oy</cbc:RegistrationName>", "missing"),
        ("<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", "missing"),
        ('<cbc:PriceAmount currencyID="EUR">80.00</cbc:PriceAmount>', "missing"),
        ("<cbc:Name>Hitsaus</cbc:Name>", "missing"),
        ("<cbc:ID>S</cbc:ID>", "missing"),
    ],
)
def test_what_every_invoice_needs_is_missed_at_its_place(old, code):
    item = ubl((old, ""))
    assert item.document is None
    assert code in error_codes(item)


@pytest.mark.parametrize("code", ["389", "325", "751", "381x", "ABC"])
def test_what_is_not_a_sale_of_ours_is_refused(code):
    item = ubl(("<cbc:InvoiceTypeCode>380", f"<cbc:InvoiceTypeCode>{code}"))
    assert error_codes(item) == {"type_refused"}


def test_corrected_invoice_and_copy_are_read_with_a_warning():
    item = ubl(
        ("<cbc:InvoiceTypeCode>380", "<cbc:InvoiceTypeCode>384"),
        into_header("<cbc:CopyIndicator>true</cbc:CopyIndicator>"),
    )
    assert item.document.kind == "invoice"
    assert warning_codes(item) == {"corrected_invoice", "invoice_copy"}


def test_figure_with_a_point_is_never_ambiguous():
    item = ubl(
        ('unitCode="C62">2.5', 'unitCode="C62">1.250'),
        ('"EUR">80.00</cbc:PriceAmount>', '"EUR">160.000</cbc:PriceAmount>'),
    )
    assert (item.document.rows[0].quantity, item.document.rows[0].unit_price) == (
        Decimal("1.250"),
        160,
    )


@pytest.mark.parametrize("figure", ["1,5", "1 000", "1e3", "NaN", "INF", "9" * 40])
def test_figure_that_no_schema_allows_is_refused(figure):
    item = ubl(('unitCode="C62">2.5', f'unitCode="C62">{figure}'))
    assert error_codes(item) == {"not_a_number"}


def test_price_of_a_base_quantity_becomes_the_price_of_one():
    base = '<cbc:BaseQuantity unitCode="C62">100</cbc:BaseQuantity>'
    item = ubl(
        ('"EUR">80.00</cbc:PriceAmount>', f'"EUR">8000.00</cbc:PriceAmount>{base}'),
    )
    assert item.document.rows[0].unit_price == 80
    assert warning_codes(item) == set()


def test_base_quantity_of_zero_is_refused():
    base = '<cbc:BaseQuantity unitCode="C62">0</cbc:BaseQuantity>'
    item = ubl(('"EUR">80.00</cbc:PriceAmount>', f'"EUR">80.00</cbc:PriceAmount>{base}'))
    assert error_codes(item) == {"not_allowed"}


def test_charges_of_a_line_keep_the_net_and_tell_the_figures():
    charge = (
        "<cac:AllowanceCharge><cbc:ChargeIndicator>true</cbc:ChargeIndicator>"
        "<cbc:Amount>25.00</cbc:Amount></cac:AllowanceCharge><cac:Item>"
    )
    item = ubl(
        ('unitCode="C62">2.5', 'unitCode="C62">2'),
        ('"EUR">80.00</cbc:PriceAmount>', '"EUR">87.50</cbc:PriceAmount>'),
        ("<cac:Item>", charge),
    )
    row = item.document.rows[0]
    assert (row.quantity, row.unit_price, row.net_amount) == (2, 100, 200)
    assert row.comment == "2 C62 × 87.50 +25.00"
    assert warning_codes(item) == {"row_recomputed"}


@pytest.mark.parametrize("indicator", ["maybe", ""])
def test_charge_that_is_neither_charge_nor_allowance_is_refused(indicator):
    item = ubl(("<cbc:ChargeIndicator>false", f"<cbc:ChargeIndicator>{indicator}"))
    assert item.document is None


def header_charge(amount: str, *, charged: bool) -> str:
    return (
        f"<cac:AllowanceCharge><cbc:ChargeIndicator>{str(charged).lower()}</cbc:ChargeIndicator>"
        f"<cbc:AllowanceChargeReason>Rahti</cbc:AllowanceChargeReason><cbc:Amount>{amount}"
        "</cbc:Amount><cac:TaxCategory><cbc:ID>E</cbc:ID><cbc:Percent>0</cbc:Percent>"
        "</cac:TaxCategory></cac:AllowanceCharge>"
    )


@pytest.mark.parametrize(("charged", "sign"), [(True, 1), (False, -1)])
def test_charge_and_allowance_of_the_invoice_become_rows(charged, sign):
    kind = "ChargeTotalAmount" if charged else "AllowanceTotalAmount"
    net, gross = f"{390 + sign * 10}.00", f"{Decimal('463.95') + sign * 10}"
    item = ubl(
        into_header(header_charge("10.00", charged=charged)),
        euros("TaxExclusiveAmount", "390.00", net),
        ("<cbc:TaxInclusiveAmount", f"<cbc:{kind}>10.00</cbc:{kind}><cbc:TaxInclusiveAmount"),
        euros("TaxInclusiveAmount", "463.95", gross),
        euros("PayableAmount", "463.95", gross),
        euros("TaxableAmount", "100.00", f"{100 + sign * 10}"),
    )
    assert item.problems == ()
    row = item.document.rows[-1]
    assert (row.name, row.quantity, row.unit_price) == ("Rahti", sign, 10)
    assert row.vat_category == VatCategory.EXEMPT
    assert item.document.gross_total == Decimal(gross)


def test_cii_charge_of_the_invoice_and_rounding_become_rows():
    charge = (
        "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>true"
        "</udt:Indicator></ram:ChargeIndicator><ram:ActualAmount>10.00</ram:ActualAmount>"
        "<ram:Reason>Rahti</ram:Reason><ram:CategoryTradeTax><ram:CategoryCode>E"
        "</ram:CategoryCode></ram:CategoryTradeTax></ram:SpecifiedTradeAllowanceCharge>"
        "<ram:SpecifiedTradePaymentTerms>"
    )
    item = cii(
        ("<ram:SpecifiedTradePaymentTerms>", charge),
        ("<ram:BasisAmount>100.00", "<ram:BasisAmount>110.00"),
        (
            "<ram:TaxBasisTotalAmount>390.00",
            "<ram:ChargeTotalAmount>10.00</ram:ChargeTotalAmount>"
            "<ram:RoundingAmount>0.05</ram:RoundingAmount><ram:TaxBasisTotalAmount>400.00",
        ),
        ("<ram:GrandTotalAmount>463.95", "<ram:GrandTotalAmount>473.95"),
        ("<ram:DuePayableAmount>463.95", "<ram:DuePayableAmount>474.00"),
    )
    assert item.problems == ()
    freight, rounding = item.document.rows[-2:]
    assert (freight.name, freight.net_amount, freight.vat_category) == ("Rahti", 10, "E")
    assert (rounding.net_amount, rounding.vat_category) == (Decimal("0.05"), "O")
    assert item.document.gross_total == Decimal("474.00")


def test_cii_place_of_delivery_is_read():
    place = (
        "<ram:ShipToTradeParty><ram:Name>Varasto</ram:Name><ram:PostalTradeAddress>"
        "<ram:PostcodeCode>00100</ram:PostcodeCode><ram:LineOne>Katu 1</ram:LineOne>"
        "<ram:CityName>Helsinki</ram:CityName><ram:CountryID>FI</ram:CountryID>"
        "</ram:PostalTradeAddress></ram:ShipToTradeParty><ram:ActualDeliverySupplyChainEvent>"
    )
    address = cii(("<ram:ActualDeliverySupplyChainEvent>", place)).document.delivery_address
    assert (address.name, address.street, address.city) == ("Varasto", "Katu 1", "Helsinki")


def test_rounding_is_a_row_and_in_the_totals_and_prepaid_is_not_subtracted():
    item = ubl(
        (
            "<cbc:PayableAmount",
            "<cbc:PrepaidAmount>100.00</cbc:PrepaidAmount><cbc:PayableRoundingAmount>0.05"
            "</cbc:PayableRoundingAmount><cbc:PayableAmount",
        ),
        euros("PayableAmount", "463.95", "364.00"),
    )
    document = item.document
    assert (document.net_total, document.gross_total) == (Decimal("390.05"), Decimal("464.00"))
    assert (document.rows[-1].net_amount, document.prepaid_amount) == (Decimal("0.05"), 100)
    assert document.rows[-1].vat_category == VatCategory.OUTSIDE_SCOPE


def attachment(content: str, name: str, mime: str = "application/pdf") -> str:
    return (
        f"<cac:AdditionalDocumentReference><cbc:ID>1</cbc:ID><cac:Attachment>"
        f'<cbc:EmbeddedDocumentBinaryObject mimeCode="{mime}" filename="{name}">{content}'
        "</cbc:EmbeddedDocumentBinaryObject></cac:Attachment></cac:AdditionalDocumentReference>"
    )


def test_embedded_pdfs_come_along():
    item = ubl(into_header(attachment(PDF, "a.pdf") + attachment(PDF, "b.pdf")))
    assert [(pdf.name, pdf.content[:5]) for pdf in item.attachments] == [
        ("a.pdf", b"%PDF-"),
        ("b.pdf", b"%PDF-"),
    ]


def test_cii_embedded_pdf_comes_along():
    inside = (
        "<ram:AdditionalReferencedDocument><ram:AttachmentBinaryObject "
        f'mimeCode="application/pdf" filename="a.pdf">{PDF}</ram:AttachmentBinaryObject>'
        "</ram:AdditionalReferencedDocument><ram:BuyerTradeParty>"
    )
    (pdf,) = cii(("<ram:BuyerTradeParty>", inside)).attachments
    assert pdf.name == "a.pdf"


def test_other_attachments_are_left_out_with_a_warning_and_damaged_ones_refused():
    other = attachment(base64.b64encode(b"a;b").decode(), "hours.csv", "text/csv")
    item = ubl(into_header(other))
    assert (item.document is None, warning_codes(item)) == (False, {"attachment_left_out"})
    assert error_codes(ubl(into_header(attachment("%%%", "a.pdf")))) == {"attachment_base64"}
    twice = attachment(PDF, "a.pdf") * 2
    assert error_codes(ubl(into_header(twice))) == {"attachment_twice"}


def endpoint(scheme: str, address: str) -> tuple[str, str]:
    new = f'<cbc:EndpointID schemeID="{scheme}">{address}</cbc:EndpointID><cac:PartyIdentification>'
    return ("<cac:PartyIdentification>", new)


@pytest.mark.parametrize(
    ("scheme", "address", "field", "expected"),
    [
        ("0216", "003745678907", "einvoice_address", "003745678907"),
        ("0216", "003745678907", "edi_id", "003745678907"),
        ("0088", "7300010000001", "einvoice_address", "0088:7300010000001"),
        ("EM", "laskut@kukka.example", "einvoice_address", ""),
    ],
)
def test_endpoint_keeps_its_scheme_unless_it_is_finnish(scheme, address, field, expected):
    buyer = ubl(endpoint(scheme, address)).document.buyer
    assert getattr(buyer, field) == expected


def test_endpoint_that_is_an_email_serves_when_the_contact_has_none():
    item = ubl(
        endpoint("EM", "laskut@kukka.example"),
        ("<cbc:ElectronicMail>osto@kukka.example</cbc:ElectronicMail>", ""),
    )
    assert item.document.buyer.email == "laskut@kukka.example"


def test_personal_identity_code_of_the_buyer_is_dropped():
    item = ubl(("<cbc:CompanyID>4567890-7", "<cbc:CompanyID>131052-308T"))
    assert item.document.buyer.business_id == ""
    assert warning_codes(item) == {"personal_id_dropped"}
    assert "131052-308T" not in repr(item)


@pytest.mark.parametrize(
    ("reference", "number", "warned"),
    [
        ("RF18 1009", "RF181009", False),
        ("0000012344", "12344", False),
        ("Faktura 12", "", True),
    ],
)
def test_payment_reference_is_a_number_or_a_text(reference, number, warned):
    item = ubl(("<cbc:PaymentID>1232", f"<cbc:PaymentID>{reference}"))
    assert item.document.reference_number == number
    assert (warning_codes(item) == {"payment_reference_is_text"}) == warned
    assert (reference in item.document.additional_information) == warned


def test_damaged_payment_reference_is_refused():
    item = ubl(("<cbc:PaymentID>1232", "<cbc:PaymentID>1,01E+17"))
    assert error_codes(item) == {"reference_damaged"}


@pytest.mark.parametrize(
    ("code", "method"), [("30", ""), ("58", ""), ("10", "CASH"), ("48", "48"), ("59", "59")]
)
def test_payment_means_are_a_transfer_cash_or_the_code_itself(code, method):
    means = f"<cbc:PaymentMeansCode>{code}<"
    assert ubl(("<cbc:PaymentMeansCode>30<", means)).document.payment_method == method


def test_second_currency_is_the_tax_currencys_alone():
    foreign = '<cac:TaxTotal><cbc:TaxAmount currencyID="SEK">800.00</cbc:TaxAmount></cac:TaxTotal>'
    accounting = into_header(f"<cbc:TaxCurrencyCode>SEK</cbc:TaxCurrencyCode>{foreign}")
    assert ubl(accounting).document.vat_total == Decimal("73.95")
    mixed = ubl(('currencyID="EUR">390.00</cbc:TaxExcl', 'currencyID="SEK">390.00</cbc:TaxExcl'))
    assert error_codes(mixed) == {"currency_mixed"}


@pytest.mark.parametrize("code", ["L", "M", "B"])
def test_vat_categories_of_other_countries_are_refused(code):
    item = ubl(
        ("<cac:ClassifiedTaxCategory><cbc:ID>S", f"<cac:ClassifiedTaxCategory><cbc:ID>{code}")
    )
    assert error_codes(item) == {"vat_code_refused"}


def test_reasons_for_no_vat_reach_the_buyer():
    reason = "<cbc:TaxExemptionReason>AVL 44 §</cbc:TaxExemptionReason>"
    subtotal = "<cac:TaxCategory><cbc:ID>E</cbc:ID><cbc:Percent>0</cbc:Percent>"
    item = ubl((subtotal, subtotal + reason))
    assert item.document.additional_information == "AVL 39 §\nAVL 44 §"


def test_envelope_of_the_network_is_looked_through():
    body = UBL.removeprefix('<?xml version="1.0" encoding="UTF-8"?>')
    space = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
    header = "<sh:StandardBusinessDocumentHeader><sh:HeaderVersion>1.0</sh:HeaderVersion>"
    wrapped = (
        f'<sh:StandardBusinessDocument xmlns:sh="{space}">{header}'
        f"</sh:StandardBusinessDocumentHeader>{body}</sh:StandardBusinessDocument>"
    )
    assert one(wrapped).document == sound()


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_damage_to_one_invoice_of_several_refuses_that_one(writer):
    first, second, third = (writer(sound(number)) for number in ("1", "2", "3"))
    broken = second.replace(b"</", b"</x", 1)
    result = read(first + broken + third)
    assert [item.number if item.document else "!" for item in result.items] == ["1", "!", "3"]


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_entity_is_never_opened(writer, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("kissa123")
    entity = f'<!DOCTYPE a [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()
    declaration, __, body = writer(sound()).partition(b"\n")
    result = read(declaration + entity + body.replace(b"Hitsaus", b"&e;"))
    assert {each.code for item in result.items for each in item.problems} == {"xml_forbidden"}
    assert "kissa123" not in repr(result)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_declared_encodings_are_honoured(encoding):
    text = UBL.replace("UTF-8", encoding.upper(), 1)
    (item,) = read(text.encode(encoding)).items
    assert item.document == sound()


def test_invoice_of_another_namespace_is_no_ubl():
    text = UBL.replace("urn:oasis:names:specification:ubl:schema:xsd:Invoice-2", "urn:other")
    assert read(text.encode()).problems[0].code == "format_unknown"
