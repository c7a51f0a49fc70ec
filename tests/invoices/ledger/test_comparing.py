"""The verdict is green exactly when the sets are equal, for random ledgers."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from invoices.ledger.comparing import Marks, Ours, Stage, Theirs, compare, of_one
from invoices.ledger_models import DifferenceKind as K
from invoices.reconciliation import GONE

DAYS = [dt.date(2026, 9, 1) + dt.timedelta(days=n) for n in range(3)]
AMOUNTS = st.sampled_from([Decimal("1.00"), Decimal("2.50"), Decimal("-1.00")])
CURRENCIES = st.sampled_from(["EUR", "SEK"])
LIVE = ["UNFINISHED", "APPROVED", "SENT", "PAID"]
OWN_USER = 7

ours_of = st.builds(
    lambda number, day, currency, total, stage, remote_id: Ours(
        export=number,
        number=f"A-{number}",
        day=day,
        currency=currency,
        total=total,
        expected=total,
        stage=Stage.THERE if remote_id is not None else stage,
        remote_id=remote_id,
    ),
    st.integers(1, 6),
    st.sampled_from(DAYS),
    CURRENCIES,
    AMOUNTS,
    st.sampled_from([Stage.UNDER_WAY, Stage.HELD, Stage.SKIPPED]),
    st.none() | st.integers(1, 6),
)
theirs_of = st.builds(
    Theirs,
    id=st.integers(1, 6),
    number=st.integers(1, 8).map(lambda n: f"A-{n}"),
    date=st.sampled_from(DAYS),
    currency=CURRENCIES,
    total=AMOUNTS,
    status=st.sampled_from([*LIVE, *sorted(GONE)]),
    creator=st.just(OWN_USER),
)


def unique(key):
    return {"max_size": 6, "unique_by": key}


ledgers = st.tuples(
    st.lists(ours_of, max_size=6, unique_by=(lambda o: o.number, lambda o: o.remote_id or o)),
    st.lists(theirs_of, max_size=6, unique_by=lambda t: t.id),
)


def mirrored(ours):
    """Procountor's books as they should be."""
    return [
        Theirs(o.remote_id, o.number, o.day, o.currency, o.expected, "SENT", OWN_USER)
        for o in ours
        if o.remote_id is not None
    ]


def lines(day, ours, theirs):
    """The two sets of one day by the definition: what has to be there, and what is."""
    wanted = {
        (o.remote_id, o.number, o.currency, o.expected)
        for o in ours
        if o.day == day and o.stage != Stage.SKIPPED
    }
    there = {
        (t.id, t.number, t.currency, t.total)
        for t in theirs
        if t.date == day and t.status not in GONE
    }
    return wanted, there


def check(ours, theirs):
    results = compare(DAYS, ours, {t.id: t for t in theirs}, Marks(own_user=OWN_USER))
    waiting = {o.number for o in ours if o.stage == Stage.UNDER_WAY}
    for day in DAYS:
        wanted, there = lines(day, ours, theirs)
        # What an unsettled answer belongs to is neither here nor there yet.
        there = {line for line in there if line[1] not in waiting or line[0] in _owned(ours)}
        assert results[day].is_equal == (wanted == there), (day, wanted, there)


def _owned(ours):
    return {o.remote_id for o in ours}


@given(ledgers)
def test_random_ledgers_are_green_exactly_when_the_sets_are_equal(ledger):
    check(*ledger)


@given(ledgers, st.integers(0, 5), st.sampled_from(["as it is", "drop", "change", "add"]))
def test_nearly_equal_ledgers_are_told_apart(ledger, position, spoil):
    ours, extra = ledger
    theirs = mirrored(ours)
    if theirs and spoil == "drop":
        theirs.pop(position % len(theirs))
    if spoil in ("change", "add") and extra:
        theirs = [t for t in theirs if t.id != extra[0].id] + extra[:1]
    check(ours, theirs)


@given(ledgers)
def test_sums_are_those_of_the_sets(ledger):
    ours, theirs = ledger
    results = compare(DAYS, ours, {t.id: t for t in theirs}, Marks(own_user=OWN_USER))
    for day, result in results.items():
        received = sum((o.total for o in ours if o.day == day), Decimal(0))
        assert sum(Decimal(each["received"][1]) for each in result.sums()) == received
        assert sum(each["received"][0] for each in result.sums()) == len(
            [o for o in ours if o.day == day]
        )


def one(**fields):
    return Ours(
        1, "A-1", DAYS[0], "EUR", Decimal("10.00"), Decimal("10.01"), Stage.THERE, 5, **fields
    )


def copy(**fields):
    shown = {
        "id": 5, "number": "A-1", "date": DAYS[0], "currency": "EUR", "total": Decimal("10.01"),
        "status": "SENT",
    } | fields  # fmt: skip
    return Theirs(**shown)


def test_rounding_that_was_accepted_is_what_is_expected():
    assert of_one(one(), copy()) == []
    assert [d.kind for d in of_one(one(), copy(total=Decimal("10.00")))] == [K.OTHER_TOTAL]


def test_every_difference_of_one_invoice_is_told_at_once():
    found = of_one(one(), copy(date=DAYS[1], currency="SEK", number="B"))

    assert [d.kind for d in found] == [K.OTHER_DATE, K.OTHER_TOTAL, K.OTHER_NUMBER]
    assert (found[1].theirs, found[1].ours) == ("10.01 SEK", "10.01 EUR")


def test_number_of_an_invoice_entered_by_hand_is_the_persons_own():
    assert of_one(one(by_hand=True), copy(number="55")) == []
