"""CSV and XLSX: what columns mean, and that nothing which can be read in two ways is guessed."""

import datetime as dt
from decimal import Decimal

import pytest

from invoices.intake import Column, ColumnMapping, DateOrder, DecimalMark, read
from invoices.intake.columns import FIELDS, plain, understood
from tests.invoices.intake import written
from tests.invoices.intake.builders import error_codes, warning_codes
from tests.invoices.intake.seeds import sound

HEADINGS = "Laskunumero;Laskupäivä;Eräpäivä;Asiakas;Tuote;Määrä;Yksikköhinta;ALV-%;Loppusumma"
ROW = "1001;5.1.2026;19.1.2026;Kukka Oy;Hitsaus;2,5;80,00;25,5;251,00"


def table(*rows: str, headings: str = HEADINGS) -> bytes:
    return "\n".join((headings, *rows)).encode()


def items(*rows: str, mapping: ColumnMapping | None = None, headings: str = HEADINGS):
    return read(table(*rows, headings=headings), mapping=mapping).items


def one(row: str, **options):
    (item,) = items(row, **options)
    return item


def test_one_row_an_invoice_is_read():
    document = one(ROW).document
    assert (document.number, document.date, document.due_date) == (
        "1001",
        dt.date(2026, 1, 5),
        dt.date(2026, 1, 19),
    )
    assert document.gross_total == Decimal("251.00")
    (row,) = document.rows
    assert (row.quantity, row.unit_price, row.vat_percent) == (Decimal("2.5"), 80, Decimal("25.5"))


def test_rows_of_one_number_are_one_invoice_wherever_they_stand():
    found = items(
        "1;5.1.2026;;Kukka Oy;Hitsaus;1;100;25,5;",
        "2;5.1.2026;;Muu Oy;Työ;1;10;25,5;",
        "1;;;;Matka;1;10;25,5;138,05",
    )
    assert [(item.number, len(item.document.rows)) for item in found] == [("1", 2), ("2", 1)]
    assert found[0].document.gross_total == Decimal("138.05")


def test_rows_that_disagree_are_refused_with_row_and_column():
    (item,) = items(ROW, ROW.replace("Kukka Oy", "Muu Oy"))
    found = next(each for each in item.problems if each.code == "rows_disagree")
    assert (found.place, found.value, found.expected) == ("row 3, Asiakas", "Muu Oy", "Kukka Oy")


def test_a_broken_row_takes_no_other_invoice_with_it():
    found = items(ROW, ROW.replace("1001", "1002").replace("80,00", "kahdeksan"), ";;;;;;;;5")
    assert [item.document is not None for item in found] == [True, False, False]
    (problem,) = [each for each in found[1].problems if each.code == "not_a_number"]
    assert (problem.place, problem.value) == ("row 3, Yksikköhinta", "kahdeksan")
    assert ("missing", "row 4, Laskunumero") in {(p.code, p.place) for p in found[2].problems}


def test_rows_are_counted_by_lines_of_the_file():
    content = "Raportti;;\n\n" + table(ROW, '1002;5.1.2026;;"Kaksi\nriviä";Työ;1;1;x;').decode()
    broken = read(content.encode()).items[1]
    assert "row 5, ALV-%" in {each.place for each in broken.problems}


@pytest.mark.parametrize("above", ["Laskuraportti\n", "Oma Oy;;;\n;;;;\n", "\ufeff", "\r\n\r\n"])
def test_titles_above_the_headings_are_passed_over(above):
    (item,) = read(above.encode() + table(ROW)).items
    assert item.document.number == "1001"


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_separator_is_told_by_the_headings(separator):
    text = written.csv_text(written.table(sound()), separator=separator)
    (item,) = read(text.encode()).items
    assert item.document == sound()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_end_of_line_is_one(ending):
    (item,) = read(table(ROW).replace(b"\n", ending.encode())).items
    assert item.document is not None


def test_columns_are_told_with_what_they_are_read_as():
    content = table(ROW + ";x", headings=HEADINGS + ";Oma merkintä")
    result = read(content)
    assert result.columns[0] == Column("Laskunumero", "number")
    assert result.columns[-1] == Column("Oma merkintä", "")
    (told,) = [each for each in result.items[0].warnings if each.code == "columns_not_read"]
    assert told.value == "Oma merkintä"


def test_table_that_is_not_understood_tells_its_columns_and_what_is_missing():
    result = read(b"Docket;Day;Who\n1;5.1.2026;Kukka Oy\n")
    assert (result.format, result.items) == ("csv", ())
    missing = [each.value for each in result.problems if each.code == "column_missing"]
    assert missing == [
        "number", "date", "buyer.name", "row.name", "row.vat_percent", "row.unit_price",
    ]  # fmt: skip
    (unread,) = [each for each in result.problems if each.code == "columns_not_read"]
    assert unread.value == "Docket, Day, Who"


def test_many_columns_are_all_told():
    names = [f"Column number {number}" for number in range(100)]
    result = read(f"{','.join(names)}\n{',' * 99}\n".encode())
    told = [each.value for each in result.problems if each.code == "columns_not_read"]
    assert ", ".join(told).split(", ") == names
    assert all(len(text) <= 200 for text in told)


def test_mapping_names_columns_of_any_heading():
    mapping = ColumnMapping(
        {
            "number": "docket ",
            "date": "Day",
            "buyer.name": "Who",
            "row.name": "What",
            "row.vat_percent": "Tax",
            "row.net_amount": "Sum",
        }
    )
    content = b"Docket;Day;Who;What;Tax;Sum\n1;5.1.2026;Kukka Oy;Hitsaus;25,5;100,00\n"
    (item,) = read(content, mapping=mapping).items
    assert item.document.rows[0].net_amount == 100
    assert warning_codes(item) == {"totals_missing"}


def test_mapping_wins_over_a_usual_heading():
    mapping = ColumnMapping({"number": "Oma numero"})
    item = one(f"{ROW};77", headings=f"{HEADINGS};Oma numero", mapping=mapping)
    assert item.document.number == "77"


def test_mapped_heading_that_is_not_there_is_told():
    result = read(table(ROW), mapping=ColumnMapping({"number": "Oma numero"}))
    assert {each.code: each.value for each in result.problems}["column_not_there"] == "Oma numero"


def test_two_columns_of_one_meaning_are_not_guessed_between():
    result = read(table(f"{ROW};9", headings=f"{HEADINGS};Invoice number"))
    assert {each.code: each.value for each in result.problems}["column_twice"] == "Invoice number"
    mapped = ColumnMapping({"number": "Invoice number"})
    (item,) = read(table(f"{ROW};9", headings=f"{HEADINGS};Invoice number"), mapping=mapped).items
    assert item.document.number == "9"


def test_no_heading_means_two_things():
    spelled = [name for names in FIELDS.values() for name in {plain(name) for name in names}]
    assert len(spelled) == len(set(spelled))


def test_description_is_the_name_where_there_is_no_other():
    alone = understood(["Kuvaus"], ColumnMapping())
    beside = understood(["Kuvaus", "Tuote"], ColumnMapping())
    assert alone.places == {"row.name": 0}
    assert beside.places == {"row.name": 1, "row.comment": 0}


def prices(*texts: str, mapping: ColumnMapping | None = None) -> list:
    """The price of an invoice each, or the code of what is wrong with it."""
    rows = [f'{n};5.1.2026;;Kukka Oy;Työ;1;"{text}";25,5;' for n, text in enumerate(texts)]
    return [
        item.document.rows[0].unit_price if item.document else error_codes(item).pop()
        for item in items(*rows, mapping=mapping)
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,234"], ["number_ambiguous"]),
        (["1.234"], ["number_ambiguous"]),
        (["1,234", "2,5"], ["1.234", "2.5"]),
        (["1,234", "2.50"], ["1234", "2.50"]),
        (["1.234", "2,50"], ["1234", "2.50"]),
        (["1.234", "1.234,50"], ["1234", "1234.50"]),
        (["1,234", "1,234,567"], ["1234", "1234567"]),
        (["1,234", "0,125"], ["1.234", "0.125"]),
        (["1,234", "2,5", "2.5"], ["number_ambiguous", "2.5", "2.5"]),
        (["1 234,50", "1\u00a0234", "12 €"], ["1234.50", "1234", "12"]),
        (["12,50 EUR", "\u22125"], ["12.50", "5"]),
        (["$13.50", "1e3", "1.2.3", "12.", "1,2,3"], ["not_a_number"] * 5),
    ],
)
def test_figure_is_decided_by_its_whole_column_or_not_at_all(texts, expected):
    found = prices(*texts)
    wanted = [Decimal(text) if text[0].isdigit() else text for text in expected]
    assert found == wanted


def test_one_column_proves_nothing_for_another():
    item = one("1;5.1.2026;;Kukka Oy;Työ;1,234;2,50;25,5;")
    assert {(p.code, p.place) for p in item.problems} == {("number_ambiguous", "row 2, Määrä")}


@pytest.mark.parametrize(("mark", "expected"), [("comma", "1.234"), ("point", "1234")])
def test_mapping_tells_the_decimal_mark(mark, expected):
    mapping = ColumnMapping(decimal_mark=DecimalMark(mark))
    item = one('1;5.1.2026;;Kukka Oy;Työ;"1,234";1;0;', mapping=mapping)
    assert item.document.rows[0].quantity == Decimal(expected)


def test_figure_against_the_mapping_is_refused():
    mapping = ColumnMapping(decimal_mark=DecimalMark.COMMA)
    assert prices("12.50", mapping=mapping) == ["not_a_number"]


def dates(*texts: str, mapping: ColumnMapping | None = None) -> list:
    rows = [f"{n};{text};;Kukka Oy;Työ;1;1;0;" for n, text in enumerate(texts)]
    return [
        item.document.date if item.document else error_codes(item).pop()
        for item in items(*rows, mapping=mapping)
    ]


FEBRUARY, MARCH = dt.date(2026, 2, 3), dt.date(2026, 3, 2)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["02/03/2026"], ["date_ambiguous"]),
        (["2-3-2026"], ["date_ambiguous"]),
        (["02/03/2026", "13/03/2026"], [MARCH, dt.date(2026, 3, 13)]),
        (["02/03/2026", "03/13/2026"], [FEBRUARY, dt.date(2026, 3, 13)]),
        (["02/03/2026", "13/03/2026", "03/13/2026"],
         ["date_ambiguous", dt.date(2026, 3, 13), dt.date(2026, 3, 13)]),
        (["03/03/2026"], [dt.date(2026, 3, 3)]),
        (["2.3.2026", "2026-03-02", "20260302", "2026/3/2"], [MARCH] * 4),
        (["2026-03-02 00:00:00", "2026-03-02T10:00:00Z"], [MARCH] * 2),
        (["31.2.2026", "2.3.26", "3/2026", "45000", "13/13/2026"], ["not_a_date"] * 5),
    ],
)  # fmt: skip
def test_date_is_decided_by_its_whole_column_or_not_at_all(texts, expected):
    assert dates(*texts) == expected


def test_mapping_tells_the_order_of_dates():
    first = ColumnMapping(date_order=DateOrder.MONTH_FIRST)
    assert dates("02/03/2026", mapping=first) == [FEBRUARY]
    assert dates("13/03/2026", mapping=first) == ["not_a_date"]


def test_separator_inside_a_value_shifts_nothing_silently():
    item = one("1001;5.1.2026;;Kukka; Oy;Hitsaus;2,5;80,00;25,5;251,00")
    assert error_codes(item) == {"columns_shifted"}


def test_quotation_mark_never_closed_refuses_the_file():
    result = read(table(ROW, '1002;5.1.2026;;"Kukka Oy;Työ;1;1;0;', ROW.replace("1001", "1003")))
    assert [each.code for each in result.problems] == ["table_broken"]


def test_totals_that_the_rows_do_not_give_are_refused():
    item = one(ROW.replace("251,00", "252,00"))
    (found,) = item.problems
    assert (found.code, found.place) == ("totals_differ", "row 2, Loppusumma")
    assert (found.value, found.expected) == ("252.00", "251.00")


def test_net_amount_wins_over_quantity_and_price():
    headings = HEADINGS.replace("Loppusumma", "Rivisumma veroton")
    item = one(ROW.replace("251,00", "150,00"), headings=headings)
    row = item.document.rows[0]
    assert (row.quantity, row.unit_price, row.net_amount) == (Decimal("2.5"), 60, 150)
    assert row.comment == "2,5 × 80,00"
    assert "row_recomputed" in warning_codes(item)


def test_total_with_vat_alone_is_counted_back():
    headings = "Laskunumero;Laskupäivä;Asiakas;Tuote;ALV-%;Loppusumma"
    item = one("1;5.1.2026;Kukka Oy;Hitsaus;25,5;125,50", headings=headings)
    assert item.document.rows[0].net_amount == 100
    assert warning_codes(item) == {"net_computed"}


def test_prices_with_vat_are_kept_as_such():
    headings = HEADINGS.replace("Yksikköhinta", "Verollinen hinta")
    item = one("1;5.1.2026;;Kukka Oy;Hitsaus;2;125,50;25,5;251,00", headings=headings)
    document = item.document
    assert (document.prices_include_vat, document.rows[0].unit_price) == (True, Decimal("125.50"))
    assert item.problems == ()


def test_price_without_vat_is_taken_where_both_are_given():
    headings = f"{HEADINGS};Verollinen hinta"
    item = one(f"{ROW};100,40", headings=headings)
    assert (item.document.prices_include_vat, item.document.rows[0].unit_price) == (False, 80)


def test_row_with_a_price_with_vat_only_among_others_is_counted_back():
    headings = f"{HEADINGS};Verollinen hinta"
    rows = [
        "1;5.1.2026;;Kukka Oy;Työ;1;100;25,5;;",
        "1;5.1.2026;;Kukka Oy;Matka;2;;25,5;;62,75",
    ]
    (item,) = items(*rows, headings=headings)
    assert [row.unit_price for row in item.document.rows] == [100, 50]
    assert item.document.rows[1].net_amount == 100


def test_amount_in_euros_of_an_invoice_in_another_currency_is_refused():
    headings = f"{HEADINGS};Valuutta"
    item = one(f"{ROW.replace('80,00', '80,00 €')};SEK", headings=headings)
    assert error_codes(item) == {"currency_mixed"}


def test_zero_rate_without_a_reason_is_left_open():
    item = one("1;5.1.2026;;Kukka Oy;Koulutus;1;100;0;100")
    assert item.document.rows[0].vat_category is None
    assert warning_codes(item) == {"vat_code_missing"}


@pytest.mark.parametrize(
    ("kind", "quantity", "read_as", "code"),
    [
        ("Hyvityslasku", "-1", "credit_note", None),
        ("INV02", "-1", "credit_note", None),
        ("Lasku", "1", "invoice", None),
        ("", "-1", "credit_note", None),
        ("Hyvityslasku", "1", None, "credit_note_positive"),
        ("Muistutus", "1", None, "type_refused"),
    ],
)
def test_kind_is_told_by_word_and_sign(kind, quantity, read_as, code):
    row = f"1;5.1.2026;;Kukka Oy;Työ;{quantity};100;25,5;;{kind}"
    item = one(row, headings=f"{HEADINGS};Laskun tyyppi")
    assert (item.document and item.document.kind) == read_as
    assert error_codes(item) == ({code} if code else set())


def test_days_to_pay_make_the_due_date():
    headings = HEADINGS.replace("Eräpäivä", "Maksuaika pv")
    item = one("1;5.1.2026;14;Kukka Oy;Työ;1;100;25,5;", headings=headings)
    assert item.document.due_date == dt.date(2026, 1, 19)


def test_personal_identity_code_is_dropped_and_damaged_reference_refused():
    headings = f"{HEADINGS};Y-tunnus;Viitenumero"
    item = one(f"{ROW};131052-308T;1232", headings=headings)
    assert item.document.buyer.business_id == ""
    assert warning_codes(item) == {"personal_id_dropped"}
    assert error_codes(one(f"{ROW};;1,01E+17", headings=headings)) == {"reference_damaged"}


def test_personal_identity_code_is_not_shown_where_rows_disagree():
    headings = f"{HEADINGS};Y-tunnus"
    (item,) = items(f"{ROW};131052-308T", f"{ROW};4567890-7", headings=headings)
    found = next(each for each in item.problems if each.code == "rows_disagree")
    assert (found.value, found.expected) == ("4567890-7", "–")


def test_error_of_a_spreadsheet_is_no_text():
    item = one(ROW.replace("Hitsaus", "#REF!"))
    assert error_codes(item) == {"cell_error"}


def test_country_may_be_a_word_we_know():
    headings = f"{HEADINGS};Maa"
    assert one(f"{ROW};Ruotsi", headings=headings).document.buyer.address.country == "SE"
    assert error_codes(one(f"{ROW};Utopia", headings=headings)) == {"not_allowed"}


# Workbooks


def book(*rows, headings: str = HEADINGS, **more) -> bytes:
    return written.workbook({"Laskut": [headings.split(";"), *rows]} | more)


PLAIN = (1001, dt.date(2026, 1, 5), None, "Kukka Oy", "Hitsaus", 2.5, 80, 25.5, 251)


def test_workbook_is_read_by_its_cells():
    (item,) = read(book(PLAIN)).items
    assert item.problems == ()
    assert (item.document.number, item.document.date) == ("1001", dt.date(2026, 1, 5))
    assert item.document.rows[0].vat_percent == Decimal("25.5")


@pytest.mark.parametrize(("form", "value"), [("0.0%", 0.255), ('0.0"%"', 25.5), ("0.0", 25.5)])
def test_percentage_is_read_as_its_format_says(form, value):
    cell = written.Formatted(value, form)
    (item,) = read(book((*PLAIN[:7], cell, None))).items
    assert item.document.rows[0].vat_percent == Decimal("25.5")


def test_noise_of_binary_fractions_is_not_read():
    (item,) = read(book((*PLAIN[:5], 0.1 + 0.2, 100, 25.5, None))).items
    assert item.document.rows[0].quantity == Decimal("0.3")


def test_long_reference_that_a_spreadsheet_kept_as_a_number_is_refused():
    headings = f"{HEADINGS};Viitenumero"
    (item,) = read(book((*PLAIN, 12345678901234567894), headings=headings)).items
    assert error_codes(item) == {"reference_damaged"}


def test_day_kept_as_a_bare_number_is_refused():
    (item,) = read(book((1001, 46027, *PLAIN[2:]))).items
    assert error_codes(item) == {"not_a_date"}


def test_every_sheet_with_the_columns_of_invoices_is_read_and_others_told():
    other = [["Ohje", "Selitys"], ["a", "b"]]
    second = [HEADINGS.split(";"), (1002, *PLAIN[1:])]
    result = read(book(PLAIN, Ohje=other, Lisää=second))
    assert [item.number for item in result.items] == ["1001", "1002"]
    assert [(each.code, each.value) for each in result.problems] == [("sheet_left_out", "Ohje")]


def test_place_in_a_workbook_names_the_sheet():
    (item,) = read(book((*PLAIN[:7], "x", None))).items
    assert [each.place for each in item.problems] == ["Laskut row 2, ALV-%"]
