from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices.differences import MOST, differences
from invoices.document import InvoiceDocument
from tests import factories
from tests.invoices.mapping import strategies


def document(**fields):
    return InvoiceDocument.model_validate(factories.invoice(**fields))


ROW = factories.invoice()["rows"][0]
TEXT = st.text("abcåäö 123", min_size=1, max_size=12).filter(str.strip)


def test_equal_documents_do_not_differ():
    assert differences(document(), document()) == []


def test_trailing_zeros_are_no_difference_and_one_digest():
    longer = document(
        gross_total="125.500", rows=[ROW | {"quantity": "1.000", "unit_price": "1e2"}]
    )

    assert differences(document(), longer) == []
    assert document().sameness() == longer.sameness()
    assert document(gross_total="125.51").sameness() != longer.sameness()


def test_each_field_is_told_with_both_values():
    buyer = factories.invoice()["buyer"]
    moved = buyer | {"address": buyer["address"] | {"zip": "00100"}}

    found = differences(document(), document(buyer=moved, due_date=None, order_reference="PO-7"))

    assert {each["field"]: (each["old"], each["new"]) for each in found} == {
        "due_date": ("2026-09-15", ""),
        "buyer.address.zip": ("02100", "00100"),
        "order_reference": ("", "PO-7"),
    }


def test_row_that_only_one_has_is_one_difference():
    more = document(rows=[ROW, ROW | {"name": "Matka", "quantity": "2", "unit_price": "5.00"}])

    (found,) = [d for d in differences(document(), more) if d["field"].startswith("rows")]
    (gone,) = [d for d in differences(more, document()) if d["field"].startswith("rows")]

    assert (found["field"], found["old"]) == ("rows[2]", "")
    assert "Matka" in found["new"]
    assert (gone["old"], gone["new"]) == (found["new"], "")


@given(
    names=st.lists(TEXT, min_size=1, max_size=4),
    others=st.lists(TEXT, min_size=1, max_size=4),
    references=st.tuples(TEXT, TEXT),
)
def test_differ_exactly_when_the_documents_do_and_mirror_each_other(names, others, references):
    one, other = (
        document(rows=[ROW | {"name": name} for name in chosen], order_reference=reference)
        for chosen, reference in zip((names, others), references, strict=True)
    )

    found, back = differences(one, other), differences(other, one)

    assert bool(found) == (one != other) == (one.sameness() != other.sameness())
    assert {(d["field"], d["old"], d["new"]) for d in found} == {
        (d["field"], d["new"], d["old"]) for d in back
    }


def test_two_long_invoices_are_told_in_part():
    one, other = (
        document(rows=[ROW | {"name": f"{prefix}{n}"} for n in range(MOST + 5)])
        for prefix in ("a", "b")
    )

    assert len(differences(one, other)) == MOST


@given(strategies.documents(), strategies.documents())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_documents_of_any_kind_differ_exactly_when_they_are_not_equal(old, new):
    assert differences(old, old) == []
    assert (differences(old, new) == []) == (old == new) == (old.sameness() == new.sameness())
