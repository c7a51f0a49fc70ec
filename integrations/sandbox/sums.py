"""An invoice's totals. Procountor's rounding is not documented; this one is our assumption.

Row: quantity × price × (1 - row discount) × (1 - invoice discount), not rounded. Per VAT rate
the rows are added up, then net and VAT are rounded to cents, halves away from zero. When prices
include VAT, the gross sum per rate is rounded and the VAT is taken out of it.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal, localcontext

from .wire import Json

_CENT = Decimal("0.01")
_PRECISION = 60


def sum_info(invoice: Json, company_currency: str) -> list[Json]:
    """`invoiceSumInfo`: one entry in the invoice's currency, a second in the company's when
    that is another one. `currencyRate` is one domestic unit in foreign currency."""
    payment = invoice["paymentInfo"]
    currency = payment["currency"]
    with localcontext() as context:
        context.prec = _PRECISION
        net, vat = _totals(invoice)
        entries = [_entry(currency, currency == company_currency, net, vat)]
        if currency != company_currency:
            rate = Decimal(payment["currencyRate"])
            entries.append(_entry(company_currency, True, _cents(net / rate), _cents(vat / rate)))
    return entries


def _totals(invoice: Json) -> tuple[Decimal, Decimal]:
    kept = 1 - Decimal(invoice["discountPercent"]) / 100
    per_rate: dict[Decimal, Decimal] = defaultdict(Decimal)
    for row in invoice["invoiceRows"]:
        amount = Decimal(row["quantity"]) * Decimal(row["unitPrice"])
        discount = Decimal(row["discountPercent"]) / 100
        per_rate[Decimal(row["vatPercent"])] += amount * (1 - discount) * kept
    gross_prices = invoice["extraInfo"]["unitPricesIncludeVat"]
    net = vat = Decimal("0.00")
    for percent, amount in per_rate.items():
        if gross_prices:
            gross = _cents(amount)
            tax = _cents(gross * percent / (100 + percent))
            net, vat = net + gross - tax, vat + tax
        else:
            net, vat = net + _cents(amount), vat + _cents(amount * percent / 100)
    return net, vat


def _entry(currency: str, in_accounting_currency: bool, net: Decimal, vat: Decimal) -> Json:
    return {
        "currency": currency,
        "inAccountingCurrency": in_accounting_currency,
        "excludingVatTotal": net,
        "vatSumTotal": vat,
        "invoiceSumTotal": net + vat,
    }


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)
