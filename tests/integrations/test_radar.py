"""The radar's judgement, without database, clock or network."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import radar, radar_words
from integrations.advice import ADVICE
from integrations.radar import Change, Needs

TODAY = dt.date(2026, 12, 20)
IBAN, OTHER = "FI2112345600000785", "FI1099900020000892"
RIGHTS = dict.fromkeys(radar.WATCHED_RIGHTS, "ALL_RIGHTS") | dict.fromkeys(
    radar.WATCHED_FLAGS, False
)
WELL = {
    "rights": RIGHTS,
    "role": "API",
    "operation_type": "PRODUCTION",
    "product_version": "FINANCIALS_PREMIUM",
    "currency": "EUR",
    "accounts": {IBAN: "ACTIVE", OTHER: "ACTIVE"},
    "vat_percents": ["25.5", "13.5", "0"],
    "vat_statuses": {"1": "Domestic", "5": "EU"},
    "periods": [["2026-01-01", "2026-12-31", True], ["2027-01-01", "2027-12-31", True]],
}
NEEDS = Needs(
    vat_percents=frozenset({Decimal("25.5"), Decimal("0")}),
    vat_statuses=frozenset({5}),
    accounts=frozenset({OTHER}),
    is_production=True,
)


def warned(needs=NEEDS, today=TODAY, **parts):
    found = radar.warnings(needs, WELL | parts, today)
    return [(each["code"], each["value"]) for each in found]


def test_company_in_order_is_warned_of_nothing():
    assert warned() == []


@pytest.mark.parametrize(
    ("right", "level", "expected"),
    [
        ("sales.salesInvoiceSearch", "VIEWING_RIGHTS", [("search_right_narrow", "")]),
        (
            "sales.salesInvoiceSearch",
            "NO_ACCESS",
            [("right_missing", "sales.salesInvoiceSearch = NO_ACCESS")],
        ),
        (
            "sales.salesOrGroupInvoices",
            "VIEWING_RIGHTS",
            [("right_missing", "sales.salesOrGroupInvoices = VIEWING_RIGHTS")],
        ),
        ("sales.salesOrGroupInvoices", "", [("right_missing", "sales.salesOrGroupInvoices = –")]),
        ("accounting.preventCreatingEditingInvoices", True, [("creating_prevented", "")]),
        ("sales.personalSalesInvoicesOnly", True, [("sees_own_invoices_only", "")]),
        ("accounting.preventEditingAccountingPage", True, []),
        ("sales.customerRegister", "NO_ACCESS", []),
    ],
)
def test_right_that_the_flow_needs_is_warned_of_and_no_other(right, level, expected):
    assert warned(rights=RIGHTS | {right: level}) == expected


def test_trial_is_warned_of_in_production_only():
    in_test = Needs(is_production=False)

    assert warned(operation_type="TRIAL") == [("company_on_trial", "")]
    assert warned(in_test, operation_type="TRIAL") == []


def test_books_in_another_currency_are_warned_of():
    assert warned(currency="SEK") == [("company_currency", "SEK")]
    assert warned(currency="") == []


@pytest.mark.parametrize("accounts", [{IBAN: "ACTIVE"}, {IBAN: "ACTIVE", OTHER: "INACTIVE"}])
def test_used_account_that_vanished_or_is_inactive_is_named_in_groups(accounts):
    assert warned(accounts=accounts) == [("used_account_gone", "FI10 9990 0020 0008 92")]


def test_account_nobody_uses_may_go():
    assert warned(Needs(), accounts={}) == []


def test_vat_percent_no_longer_in_use_is_named_and_zero_is_not():
    assert warned(vat_percents=["13.5"]) == [("vat_percent_gone", "25.5 %")]
    assert warned(vat_percents=["25.50"]) == []


def test_vat_status_no_longer_in_use_is_named():
    assert warned(vat_statuses={"1": "Domestic"}) == [("used_vat_status_gone", "5")]


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (dt.date(2026, 12, 16), []),
        (dt.date(2026, 12, 17), [("open_period_ends", "31.12.2026")]),
        (dt.date(2026, 12, 31), [("open_period_ends", "31.12.2026")]),
        # Not open today is red already.
        (dt.date(2027, 1, 1), []),
    ],
)
def test_end_of_the_last_open_period_is_told_fourteen_days_before(today, expected):
    closed = [["2026-12-01", "2026-12-31", True], ["2027-01-01", "2027-12-31", False]]

    assert warned(today=today, periods=closed) == expected


def test_gap_between_open_periods_is_an_end_too():
    gap = [["2026-12-01", "2026-12-24", True], ["2026-12-28", "2027-12-31", True]]

    assert warned(periods=gap) == [("open_period_ends", "24.12.2026")]


def test_every_warning_has_words():
    everything = {
        "rights": RIGHTS
        | {
            "sales.salesInvoiceSearch": "VIEWING_RIGHTS",
            "sales.salesOrGroupInvoices": "NO_ACCESS",
            "accounting.preventCreatingEditingInvoices": True,
            "sales.personalSalesInvoicesOnly": True,
        },
        "operation_type": "TRIAL",
        "currency": "SEK",
        "accounts": {},
        "vat_percents": [],
        "vat_statuses": {},
        "periods": [["2026-12-01", "2026-12-31", True]],
    }

    codes = [code for code, _value in warned(**everything)]

    assert len(codes) == len(set(codes)) == 10
    assert set(codes) <= set(ADVICE)


# --- What was not seen -------------------------------------------------------------------------


@given(st.sets(st.sampled_from(sorted(WELL))))
def test_part_that_was_not_seen_is_neither_warned_of_nor_changed(missing):
    seen = {name: part for name, part in WELL.items() if name not in missing}

    assert radar.warnings(NEEDS, seen, TODAY) == []
    assert radar.changes(seen, WELL) == radar.changes(WELL, seen) == []
    parts = {"rights", "accounts", "vat_percents", "vat_statuses", "periods", "operation_type"}
    assert radar.is_complete(seen) == (not parts & missing)


@given(st.dates(dt.date(2020, 1, 1), dt.date(2030, 1, 1)), st.integers(0, 60))
def test_period_is_warned_of_exactly_when_its_end_is_near(today, days):
    end = today + dt.timedelta(days=days)
    periods = [["2019-01-01", end.isoformat(), True]]

    found = radar.warnings(Needs(), {"periods": periods}, today)

    assert bool(found) == (days <= radar.PERIOD_NOTICE_DAYS)


PERCENTS = st.sets(st.sampled_from(["25.5", "24", "14", "13.5", "10", "0"]))


@given(PERCENTS, PERCENTS)
def test_percents_warned_of_are_those_needed_and_not_in_use(needed, in_use):
    needs = Needs(vat_percents=frozenset(map(Decimal, needed)))

    found = radar.warnings(needs, {"vat_percents": sorted(in_use)}, TODAY)

    assert {each["value"] for each in found} == {f"{p} %" for p in needed - in_use - {"0"}}


# --- Changes -----------------------------------------------------------------------------------

LEVELS = st.sampled_from(["ALL_RIGHTS", "VIEWING_RIGHTS", "NO_ACCESS", "NOT_ENABLED"])
SNAPSHOTS = st.fixed_dictionaries(
    {},
    optional={
        "rights": st.dictionaries(st.sampled_from(radar.WATCHED_RIGHTS), LEVELS),
        "accounts": st.dictionaries(
            st.sampled_from([IBAN, OTHER]), st.sampled_from(["ACTIVE", "INACTIVE"])
        ),
        "vat_percents": PERCENTS.map(sorted),
        "operation_type": st.sampled_from(["PRODUCTION", "TRIAL"]),
        "periods": st.dictionaries(st.integers(1, 11), st.booleans()).map(
            lambda months: [
                [f"2026-{m:02}-01", f"2026-{m:02}-28", is_open] for m, is_open in months.items()
            ]
        ),
    },
)


@given(SNAPSHOTS)
def test_nothing_has_changed_between_a_snapshot_and_itself(snapshot):
    assert radar.changes(snapshot, snapshot) == []


@given(SNAPSHOTS, SNAPSHOTS)
def test_changes_backwards_are_the_same_turned_around(older, newer):
    forwards = radar.changes(older, newer)

    turned = [change._replace(old=change.new, new=change.old) for change in forwards]
    assert radar.changes(newer, older) == turned
    assert all(change.old != change.new for change in forwards)


@given(SNAPSHOTS, SNAPSHOTS)
def test_every_change_can_be_said(older, newer):
    for change in radar.changes(older, newer):
        said = radar_words.sentence(change)
        assert "→" in said
        assert "%(" not in said


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"rights": RIGHTS | {"sales.salesInvoiceSearch": "VIEWING_RIGHTS"}},
            ["Right “searching sales invoices”: all rights → viewing"],
        ),
        (
            {"rights": RIGHTS | {"sales.personalSalesInvoicesOnly": True}},
            ["Right “sees its own sales invoices only”: off → on"],
        ),
        (
            {"accounts": {IBAN: "INACTIVE"}},
            [
                "Bank account FI10 9990 0020 0008 92: active → none",
                "Bank account FI21 1234 5600 0007 85: active → inactive",
            ],
        ),
        ({"vat_percents": ["25.5", "0"]}, ["VAT 13.5 %: in use → none"]),
        ({"vat_statuses": {"1": "Domestic"}}, ["VAT status 5: EU → none"]),
        ({"operation_type": "CLOSED"}, ["Company's mode of operation: PRODUCTION → CLOSED"]),
    ],
)
def test_changes_are_said_with_what_was_and_what_is(parts, expected):
    assert [radar_words.sentence(c) for c in radar.changes(WELL, WELL | parts)] == expected


def test_neighbouring_periods_with_the_same_change_are_told_as_one():
    older = {"periods": [["2026-12-01", "2026-12-31", True]]}
    newer = {
        "periods": [
            ["2026-12-01", "2026-12-31", True],
            ["2027-01-01", "2027-01-31", True],
            ["2027-02-01", "2027-02-28", True],
            ["2027-04-01", "2027-04-30", True],
        ]
    }

    assert radar.changes(older, newer) == [
        Change("period", "2027-01-01/2027-02-28", "", "open"),
        Change("period", "2027-04-01/2027-04-30", "", "open"),
    ]
