"""Durations in buckets: close enough, and they add up."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.reports import times

SECONDS = st.floats(min_value=0, max_value=10**8)


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([1, 50, 95, 99, 100]))
def test_percentile_is_at_most_five_percent_off(seconds, percent):
    stored = [{str(times.bucket_of(dt.timedelta(seconds=each))): 1} for each in seconds]

    about = times.percentile(times.merged(stored), percent)

    exact = max(1.0, sorted(seconds)[math.ceil(len(seconds) * percent / 100) - 1])
    assert about == pytest.approx(exact, rel=0.05)


@given(st.lists(SECONDS, max_size=50), st.lists(SECONDS, max_size=50))
def test_two_histograms_together_are_the_histogram_of_both(one, other):
    def histogram(seconds):
        found = {}
        for each in seconds:
            bucket = str(times.bucket_of(dt.timedelta(seconds=each)))
            found[bucket] = found.get(bucket, 0) + 1
        return found

    apart = times.merged([histogram(one), histogram(other)])

    assert apart == times.merged([histogram(one + other)])


def test_nothing_has_no_percentile():
    assert times.percentile({}, 50) is None


def test_clock_that_went_back_counts_as_at_once():
    assert times.bucket_of(dt.timedelta(seconds=-5)) == 0
