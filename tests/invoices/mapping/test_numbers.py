from decimal import Decimal

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from invoices.mapping import to_bytes
from invoices.mapping.numbers import decimals, plain, written

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18),
)
PAYLOADS = st.dictionaries(
    st.text(),
    st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
)


def test_bytes_are_sorted_utf_8_with_exact_decimals():
    payload = {"b": Decimal("1E-7"), "a": "Älä", "c": [Decimal("1E+3"), 1, True, None]}

    assert to_bytes(payload) == '{"a":"Älä","b":0.0000001,"c":[1000,1,true,null]}'.encode()


def test_float_is_refused():
    with pytest.raises(TypeError, match="no floats"):
        to_bytes({"rows": [{"price": 0.1}]})


@given(PAYLOADS)
def test_bytes_round_trip_and_do_not_depend_on_order(payload):
    raw = to_bytes(payload)

    assert simplejson.loads(raw, use_decimal=True) == payload
    assert to_bytes(dict(reversed(payload.items()))) == raw


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, max_value=10**18))
def test_plain_number_is_equal_and_written_without_exponent(number):
    assert plain(number) == number
    assert "E" not in written(number)
    assert Decimal(written(number)) == number
    assert decimals(number) == len(written(number).partition(".")[2])
