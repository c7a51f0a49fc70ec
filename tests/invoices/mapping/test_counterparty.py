from dataclasses import replace

import pytest

from tests.invoices.mapping.build import SETTINGS, document, mapped, payload, told

OWN = {
    "name": "Ostaja Oy",
    "street": "Testitie 2",
    "zip": "02100",
    "city": "Espoo",
    "country": "FINLAND",
}
EINVOICE = {
    "buyer__einvoice_address": "0216:003701120389",
    "buyer__einvoice_operator": "003723327487",
    "buyer__edi_id": "003701120389",
}


def channel(name):
    return replace(SETTINGS, invoice_channel=name)


def test_addresses_of_a_plain_invoice():
    body = payload(document())

    assert body["counterParty"] == {"identifier": "0112038-9", "counterPartyAddress": OWN}
    assert body["billingAddress"] == OWN
    assert body["deliveryAddress"] == {}


def test_addresses_of_their_own_are_mapped():
    other = {"name": "Laskutus", "street": "PL 1", "zip": "00101", "city": "Åbo", "country": "SE"}
    body = payload(document(billing_address=other, delivery_address=other))

    assert body["billingAddress"] == other | {"country": "SWEDEN"}
    assert body["deliveryAddress"] == other | {"country": "SWEDEN"}


def test_address_with_only_a_country_counts_as_none():
    body = payload(document(billing_address={"country": "SE"}, delivery_address={"country": "SE"}))

    assert body["billingAddress"] == OWN
    assert body["deliveryAddress"] == {}


def test_long_name_goes_on_in_the_specifier():
    name = "Osuuskunta " * 8 + "Pohjola"
    body = payload(document(buyer__address__name=name, buyer__address__specifier="Osasto 3"))

    address = body["counterParty"]["counterPartyAddress"]
    assert address["name"] == ("Osuuskunta " * 7).strip()
    assert address["specifier"] == "Osuuskunta Pohjola, Osasto 3"


def test_long_street_goes_on_in_the_specifier():
    body = payload(document(buyer__address__street="Pitkäkatu " * 8 + "5 A"))

    address = body["counterParty"]["counterPartyAddress"]
    assert (address["street"], address["specifier"]) == (("Pitkäkatu " * 8).strip(), "5 A")


def test_line_breaks_in_an_address_become_spaces():
    body = payload(document(buyer__address__street="Testitie 2\n  C 12"))

    assert body["counterParty"]["counterPartyAddress"]["street"] == "Testitie 2 C 12"


def test_contact_fields_are_carried():
    invoice = document(
        buyer__contact_person="Maija Ostaja",
        buyer__email="laskut@asiakas.example",
        buyer__customer_number="10025",
    )

    party = payload(invoice)["counterParty"]

    assert party["contactPersonName"] == "Maija Ostaja"
    assert party["email"] == "laskut@asiakas.example"
    assert party["customerNumber"] == "10025"


def test_email_channel_takes_an_invoice_with_an_address():
    body = payload(document(buyer__email="laskut@asiakas.example"), channel("EMAIL"))

    assert body["invoiceChannel"] == "EMAIL"


def test_mail_channel_is_content_with_a_complete_billing_address():
    invoice = document(
        buyer__address__street="",
        billing_address={"street": "PL 1", "zip": "00101", "city": "Helsinki", "country": "FI"},
    )

    assert payload(invoice, channel("MAIL"))["invoiceChannel"] == "MAIL"


def test_mail_channel_names_every_missing_field():
    invoice = document(buyer__address__street="", buyer__address__city="")

    assert told(mapped(invoice, channel("MAIL")).problems) == [
        ("channel_field_missing", "buyer.address.street"),
        ("channel_field_missing", "buyer.address.city"),
    ]


def test_e_invoice_has_its_addresses_without_the_scheme():
    body = payload(document(**EINVOICE), channel("ELECTRONIC_INVOICE"))

    assert body["counterParty"]["einvoiceAddress"] == {
        "address": "003701120389",
        "operator": "003723327487",
        "ediId": "003701120389",
    }
    assert mapped(document(**EINVOICE), channel("ELECTRONIC_INVOICE")).warnings == ()


def test_e_invoice_address_is_left_out_of_other_channels():
    assert "einvoiceAddress" not in payload(document(**EINVOICE))["counterParty"]


def test_e_invoice_abroad_needs_no_operator():
    invoice = document(
        buyer__address__country="SE",
        buyer__business_id="",
        buyer__einvoice_address="SE5566778899",
    )

    assert payload(invoice, channel("ELECTRONIC_INVOICE"))["counterParty"]["einvoiceAddress"] == {
        "address": "SE5566778899"
    }


def test_e_invoice_names_everything_missing_at_once():
    invoice = document(buyer__address__zip="", billing_address={"name": "Laskutus"})

    problems = told(mapped(invoice, channel("ELECTRONIC_INVOICE")).problems)

    assert problems == [
        ("channel_field_missing", place)
        for place in (
            "buyer.address.zip",
            "billing_address.street",
            "billing_address.zip",
            "billing_address.city",
            "buyer.einvoice_address",
            "buyer.einvoice_operator",
        )
    ]


@pytest.mark.parametrize("name", ["EDIFACT", "PAPER_INVOICE", "", "PIGEON"])
def test_other_channels_are_refused(name):
    assert told(mapped(document(), channel(name)).problems) == [("channel_not_allowed", "")]
