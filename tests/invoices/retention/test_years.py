"""Nothing ends early: the last day by the financial year's end and the tenant's years."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import Tenant
from invoices.retention import years
from tests import factories

DAYS = st.dates(dt.date(1998, 1, 1), dt.date(2090, 12, 31))
KEPT = st.sampled_from([6, 10])


@pytest.mark.parametrize(
    ("ends_on", "kept", "last"),
    [
        ("2016-12-31", 6, "2022-12-31"),
        ("2016-06-30", 6, "2022-12-31"),
        ("2017-01-01", 6, "2023-12-31"),
        ("2016-02-29", 10, "2026-12-31"),
    ],
)
def test_last_day_is_the_end_of_the_year_so_many_years_later(ends_on, kept, last):
    day = dt.date.fromisoformat

    assert years.last_day(day(ends_on), kept) == day(last)
    assert not years.is_over(day(ends_on), kept, today=day(last))
    assert years.is_over(day(ends_on), kept, today=day(last) + dt.timedelta(days=1))


@given(DAYS, KEPT)
def test_full_years_have_passed_since_the_calendar_year_of_the_end(ends_on, kept):
    last = years.last_day(ends_on, kept)

    assert last - dt.date(ends_on.year, 12, 31) >= dt.timedelta(days=kept * 365)
    assert (last.month, last.day) == (12, 31)
    assert last.year - ends_on.year == kept


@given(st.integers(1998, 2090), st.integers(-3, 3), KEPT, st.integers(-3, 3))
def test_around_year_ends_nothing_is_over_a_day_early_or_late(year, shift, kept, offset):
    ends_on = dt.date(year, 12, 31) + dt.timedelta(days=shift)
    today = dt.date(ends_on.year + kept, 12, 31) + dt.timedelta(days=offset)

    assert years.is_over(ends_on, kept, today) == (offset > 0)


@pytest.mark.django_db
@pytest.mark.parametrize("kept", [0, 5, 7])
def test_database_refuses_fewer_years_than_the_law_wants(kept):
    tenant = factories.TenantFactory()

    with pytest.raises(IntegrityError), transaction.atomic():
        Tenant.objects.filter(pk=tenant.pk).update(retention_years=kept)
