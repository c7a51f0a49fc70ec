"""Account numbers in both forms."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as stdnum_iban

from integrations import accounts
from integrations.models import BankAccount


@pytest.mark.parametrize(
    ("text", "iban", "bic"),
    [
        ("999000-20000892", "FI1099900020000892", ""),
        ("FI10 9990 0020 0008 92", "FI1099900020000892", ""),
        ("FI2112345600000785", "FI2112345600000785", "NDEAFIHH"),
        ("123456-785", "FI2112345600000785", "NDEAFIHH"),
        ("500015-281", "FI1350001520000081", "OKOYFIHH"),
        ("fi21\u00a01234 5600\u202f0007 85 ", "FI2112345600000785", "NDEAFIHH"),
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "COBADEFFXXX"),
    ],
)
def test_account_number_in_either_form_becomes_the_same_iban(text, iban, bic):
    account = accounts.parse(text)

    assert (account.iban, account.bic) == (iban, bic)


@pytest.mark.parametrize(
    "text", ["", "FI2112345600000786", "FI21", "hello", "123", "FI1099900020000891", "<b>"]
)
def test_wrong_account_number_is_refused_with_a_sentence(text):
    with pytest.raises(accounts.AccountInvalid, match="not a valid account number"):
        accounts.parse(text)


def test_model_names_the_field_of_a_wrong_number():
    with pytest.raises(ValidationError) as caught:
        BankAccount().set_number("FI00")

    assert list(caught.value.message_dict) == ["iban"]


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text):
    try:
        account = accounts.parse(text)
    except accounts.AccountInvalid:
        return
    assert stdnum_iban.is_valid(account.iban)


@given(bank=st.from_regex(r"[1-9][0-9]{5}", fullmatch=True), number=st.integers(1, 99_999_999))
def test_domestic_form_always_gives_a_valid_finnish_iban(bank, number):
    account = accounts.parse(f"{bank}-{number:02d}")

    assert stdnum_iban.is_valid(account.iban)
    assert len(account.iban) == 18
