import pytest

from invoices.intake import read
from invoices.intake import xml_split as split
from tests.invoices.intake.builders import finvoice


def numbers(content: bytes) -> list[str]:
    return [item.number if item.document else "!" for item in read(content).items]


def named(number: str) -> str:
    return finvoice(number=number)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_unicode_encodings_are_read(encoding):
    assert numbers(named("Ä1").encode(encoding)) == ["Ä1"]


@pytest.mark.parametrize("declared", ["ISO-8859-1", "iso-8859-15", "windows-1252", "UTF-8"])
def test_declared_encodings_are_honoured(declared):
    text = f'<?xml version="1.0" encoding="{declared}"?>{named("Ä1")}'
    assert numbers(text.encode(declared)) == ["Ä1"]


def test_each_document_has_its_own_encoding():
    first = f'<?xml version="1.0" encoding="UTF-8"?>{named("Ä1")}'.encode()
    second = f'<?xml version="1.0" encoding="ISO-8859-15"?>{named("Ö2")}'.encode("iso-8859-15")
    assert numbers(first + b"\n" + second) == ["Ä1", "Ö2"]


@pytest.mark.parametrize(
    ("declared", "code"), [("EBCDIC-X", "encoding_unknown"), ("UTF-16", "encoding_wrong")]
)
def test_encoding_that_cannot_be_right_is_told(declared, code):
    result = read(f'<?xml version="1.0" encoding="{declared}"?>{named("1")}'.encode())
    (found,) = result.items[0].problems
    assert (found.code, found.value) == (code, declared)


def test_utf7_cannot_smuggle_entities():
    hidden = b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<Finvoice/>'
    (item,) = read(hidden).items
    assert [found.code for found in item.problems] == ["encoding_wrong"]


def test_several_invoices_under_a_wrapper_are_read():
    assert numbers(f"<Batch>{named('1')}{named('2')}</Batch>".encode()) == ["1", "2"]


def test_namespaces_are_tolerated():
    text = named("1").replace("<Finvoice", '<Finvoice xmlns="urn:x"', 1)
    prefixed = (
        "<f:Batch xmlns:f='urn:f'>"
        + named("2").replace("</", "</f:").replace("<", "<f:").replace("<f:/f:", "</f:")
        + "</f:Batch>"
    )
    assert numbers(text.encode()) == ["1"]
    assert numbers(prefixed.encode()) == ["2"]


def test_comments_and_cdata_hide_what_is_in_them():
    comment, cdata = f"<!-- {named('1')} -->", f"<x><![CDATA[{named('2')}]]></x>"
    content = f"<Batch>{comment}{cdata}{named('3')}</Batch>{named('4')}"
    assert numbers(content.encode()) == ["3", "4"]


def test_comment_never_closed_takes_only_its_own_invoice():
    broken = named("1").replace("<InvoiceRow>", "<!-- <InvoiceRow>", 1)
    assert numbers((broken + named("2") + "<!-- end -->" + named("3")).encode()) == ["!", "2", "3"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("</Finvoice>", ""),
        lambda text: text.replace('<Finvoice Version="3.0">', "<Finvo>"),
        lambda text: text.replace("<InvoiceDetails>", "", 1),
        lambda text: text[:300],
    ],
    ids=["no end", "no start", "unbalanced", "cut"],
)
def test_damage_to_one_invoice_refuses_one_invoice(damage):
    assert numbers((named("1") + damage(named("2")) + named("3")).encode()) == ["1", "!", "3"]


def test_wrongly_encoded_invoice_does_not_take_the_next():
    text = b'<?xml version="1.0" encoding="UTF-8"?>'
    assert numbers(text + named("Ä1").encode("latin-1") + named("2").encode()) == ["!", "2"]


def test_undefined_entity_refuses_only_its_invoice():
    bad = named("1").replace("Takorauta", "Tako&auml;rauta")
    doctype = '<!DOCTYPE Finvoice SYSTEM "Finvoice.dtd">'
    assert numbers((doctype + bad).encode()) == ["!"]
    assert numbers((named("0") + doctype + bad + named("2")).encode()) == ["0", "!", "2"]


def test_external_entity_is_never_opened(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("kissa123")
    entity = f'<!DOCTYPE Finvoice [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    result = read((entity + named("1").replace("Takorauta", "&e;") + named("2")).encode())
    assert [item.document is None for item in result.items] == [True, False]
    assert "kissa123" not in repr(result)


def test_parameter_entity_is_refused(tmp_path):
    entity = f'<!DOCTYPE Finvoice [<!ENTITY % p SYSTEM "{tmp_path.as_uri()}/x.dtd"> %p;]>'
    assert [found.code for found in read((entity + named("1")).encode()).items[0].problems] == [
        "xml_forbidden"
    ]


def test_huge_depth_is_refused():
    deep = "<a>" * 100_000 + "</a>" * 100_000
    assert numbers(named("1").replace("<InvoiceRow>", deep + "<InvoiceRow>").encode()) == ["!"]


def test_too_many_tags_are_refused_unparsed(monkeypatch):
    monkeypatch.setattr(split, "MAX_TAGS", 10)
    result = read(named("1").encode())
    assert (result.items, result.problems[0].code) == ((), "file_too_complex")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", [b"<!--", b"<![CDATA[", b"<Finvoice>", b"<?xml ", b"</Finvoice>"])
def test_repeated_damage_stays_quick(piece):
    result = read(b"<Finvoice>" + piece * (2_000_000 // len(piece)))
    assert result.problems or all(item.document is None for item in result.items)


def test_lines_of_errors_count_from_the_start_of_the_file():
    broken = named("2").replace("</InvoiceRow>", "</Row>", 1)
    first = named("1") + "\n"
    line = (first + broken).count("\n", 0, (first + broken).index("</Row>")) + 1
    (found,) = read((first + broken).encode()).items[1].problems
    assert found.place == f"line {line}"
