import json
from pathlib import Path

import pytest

import invoices.intake
from invoices.document import Address, Buyer, CashDiscount, InvoiceDocument, Row
from invoices.intake import read
from invoices.intake.json_form import read_json
from tests.invoices.intake.builders import DATA, read_file

ONE = json.loads((DATA / "json/one.json").read_text())


def refused(changes: dict, **drop) -> set[tuple[str, str]]:
    data = {key: value for key, value in {**ONE, **changes}.items() if key not in drop}
    (item,) = read(json.dumps(data).encode()).items
    assert item.document is None
    return {(found.code, found.place) for found in item.problems}


def test_one_invoice_is_read():
    result = read_file("json/one.json")
    (item,) = result.items
    assert (result.format, item.number, item.problems) == ("json", "2026-701", ())
    assert str(item.document.rows[0].vat_percent) == "25.5"


def test_document_written_as_json_reads_back_the_same():
    document = read_file("json/one.json").items[0].document
    again = read(json.dumps(document.as_json()).encode()).items[0].document
    assert again == document
    assert isinstance(again, InvoiceDocument)


def test_broken_invoice_does_not_take_the_others():
    items = read_file("json/several_one_broken.json").items
    assert [(item.position, item.document is None) for item in items] == [
        (1, False), (2, True), (3, False),
    ]  # fmt: skip
    assert {(found.code, found.place) for found in items[1].problems} == {
        ("missing", "number"),
        ("not_a_date", "date"),
        ("not_allowed", "currency"),
        ("not_a_number", "rows[2].quantity"),
        ("not_allowed", "rows[2].vat_percent"),
        ("unknown_field", "colour"),
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"number": 1001}, ("not_text", "number")),
        ({"number": "x" * 41}, ("too_long", "number")),
        ({"date": "20260916"}, ("not_a_date", "date")),
        ({"date": 20260916}, ("not_a_date", "date")),
        ({"date": "2026-02-30"}, ("not_a_date", "date")),
        ({"net_total": "12,50"}, ("not_a_number", "net_total")),
        ({"net_total": "NaN"}, ("not_a_number", "net_total")),
        ({"net_total": True}, ("not_a_number", "net_total")),
        ({"kind": "proforma"}, ("not_allowed", "kind")),
        ({"rows": []}, ("missing", "rows")),
        ({"rows": {}}, ("invalid", "rows")),
        ({"order_reference": "a\x00b"}, ("invalid", "order_reference")),
        ({"order_reference": "\ud800"}, ("invalid", "order_reference")),
    ],
)
def test_wrong_value_is_told_at_its_place(changes, expected):
    assert refused(changes) == {expected}


@pytest.mark.parametrize("figure", ["NaN", "Infinity", "-Infinity", "1e999", "1e99999999999999999"])
def test_figure_that_is_no_number_is_refused(figure):
    text = json.dumps({**ONE, "net_total": 424242}).replace("424242", figure)
    (item,) = read(text.encode()).items
    assert [(found.code, found.place) for found in item.problems] == [("not_a_number", "net_total")]


def test_huge_exponent_cannot_become_an_integer():
    text = json.dumps(ONE).replace('"days": 5', '"days": 1e999999999')
    (item,) = read(text.encode()).items
    assert {found.code for found in item.problems} == {"not_a_number"}


def test_repeated_key_is_refused_with_the_other_errors():
    text = json.dumps({**ONE, "kind": "x"}).replace('"name": "Hitsaus"', '"name": "a", "name": "b"')
    (item,) = read(text.encode()).items
    assert {(found.code, found.place) for found in item.problems} == {
        ("repeated_field", "rows[1].name"),
        ("not_allowed", "kind"),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"invoices": ', "json_broken"),
        ('{"invoices": []}', "missing"),
        ('{"invoices": {}}', "not_a_list"),
        ('{"invoices": [], "more": 1}', "unknown_field"),
        ('{"id": 1, "line_items": []}', "format_unknown"),
        ("[1, 2]", "format_unknown"),
        ("[" * 200_000, "too_deep"),
        ('{"number":' * 100_000, "too_deep"),
        ('{"rows": [' + "1," * 1_600_000, "file_too_complex"),
    ],
)
def test_file_that_is_no_list_of_invoices_is_refused(text, code):
    result = read(text.encode())
    assert result.items == ()
    assert code in {found.code for found in result.problems}


def test_deeply_nested_invoice_is_refused_alone():
    deep = json.loads("[" * 300 + "]" * 300)
    text = json.dumps({"invoices": [{**ONE, "rows": deep}, ONE, 5]})
    first, second, third = read(text.encode()).items
    assert [found.code for found in first.problems] == ["too_deep"]
    assert second.document is not None
    assert [found.code for found in third.problems] == ["not_an_object"]


def test_wrong_encoding_is_told():
    result = read('{"number": "ä"}'.encode("latin-1"))
    assert [found.code for found in result.problems] == ["encoding_wrong"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_mark_is_accepted(encoding):
    (item,) = read(json.dumps(ONE).encode(encoding)).items
    assert item.document is not None


def test_example_in_the_guide_is_read():
    guide = Path(invoices.intake.__file__).with_name("README.md").read_text()
    example = guide.split("```json\n")[1].split("```")[0]
    (item,) = read(example.encode()).items
    assert item.document is not None


def test_guide_names_every_field():
    guide = Path(invoices.intake.__file__).with_name("README.md").read_text()
    models = (InvoiceDocument, Buyer, Address, Row, CashDiscount)
    fields = {name for model in models for name in model.model_fields}
    assert {
        name for name in fields if f"`{name}`" not in guide and f'"{name}"' not in guide
    } == set()


@pytest.mark.parametrize(
    ("text", "form", "codes"),
    [
        ("{}", "one", {"missing"}),
        ('{"invoices": []}', "one", {"missing", "unknown_field"}),
        ("[]", "one", {"not_an_object"}),
        ("{}", "list", {"missing"}),
        ("[]", "list", {"not_an_object"}),
        ('{"invoices": [1, 2, 3]}', "list", {"too_many"}),
        ('{"invoices": [1], "invoices": [2]}', "list", {"repeated_field"}),
    ],
)
def test_who_says_what_comes_is_told_when_it_is_something_else(text, form, codes):
    result = read_json(text, form=form, most=2)

    found = [*result.problems, *(each for item in result.items for each in item.problems)]
    assert {each.code for each in found} == codes


@pytest.mark.parametrize("form", ["any", "one"])
def test_one_invoice_is_read_the_same_whoever_says_so(form):
    assert read_json(json.dumps(ONE), form=form) == read(json.dumps(ONE).encode())
