"""Bank account numbers as customers write them: IBAN or Procountor's *Tilinro* form.

`999000-20000892` and `FI10 9990 0020 0008 92` are the same account. Sources: finnish-invoicing
chapter 3; the bank and BIC come from schwifty's registry, made from Finance Finland's list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import schwifty
from django.utils.translation import gettext as _
from schwifty.exceptions import SchwiftyException
from stdnum import iban as stdnum_iban
from stdnum.exceptions import ValidationError as NumberInvalid

_SPACES = re.compile(r"[\s\u00a0\u202f\u200b]+")
_DOMESTIC = re.compile(r"([0-9]{6})-?([0-9]{2,8})")


class AccountInvalid(ValueError):
    """Not a bank account number; the message says why, for the person who typed it."""


@dataclass(frozen=True)
class Account:
    """`iban` without spaces; `bic` and `bank_name` "" when the bank is not in the registry."""

    iban: str
    bic: str
    bank_name: str


def parse(text: str) -> Account:
    """Read an account number in either form. Raises AccountInvalid."""
    compact = _SPACES.sub("", text).upper()
    domestic = _DOMESTIC.fullmatch(compact)
    iban = _iban_of(*domestic.groups()) if domestic else compact.replace("-", "")
    try:
        stdnum_iban.validate(iban)
    except NumberInvalid:
        raise AccountInvalid(
            _("“%(text)s” is not a valid account number: compare it with the customer's message.")
            % {"text": text.strip()[:40]}
        ) from None
    return Account(iban, *_bank_of(iban))


def formatted(iban: str) -> str:
    """The IBAN in groups of four."""
    return " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))


def _iban_of(bank: str, account: str) -> str:
    """Domestic form → IBAN: zeros go after the 7th digit for banks 4 and 5, else the 6th."""
    if bank[0] in "45":
        bank, account = bank + account[:1], account[1:]
    bban = bank + account.zfill(14 - len(bank))
    return f"FI{stdnum_iban.calc_check_digits(f'FI00{bban}')}{bban}"


def _bank_of(iban: str) -> tuple[str, str]:
    try:
        bank = schwifty.IBAN(iban, allow_invalid=True).bank
    except SchwiftyException:
        return "", ""
    return (bank.bic or "", bank.name or "") if bank else ("", "")
