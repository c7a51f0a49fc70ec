import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import invoices.intake
from invoices.intake import FORMATS, MAX_FILE_BYTES, read
from invoices.problems import CATALOGUE
from tests.invoices.intake.builders import DATA

FILES = sorted([*DATA.glob("finvoice/*.xml"), *DATA.glob("json/*.json")])
CONTENTS = [path.read_bytes() for path in FILES]


def check(content: bytes) -> None:
    result = read(content)
    assert result.format in FORMATS
    assert result.items or result.problems
    for position, item in enumerate(result.items, start=1):
        assert item.position == position
        assert (item.document is None) == bool(item.problems)
    found = [*result.problems, *(each for item in result.items for each in item.problems)]
    found += [each for item in result.items for each in item.warnings]
    assert {each.code for each in found} <= CATALOGUE.keys()
    assert all(len(each.value) <= 200 for each in found)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b" \n\t", "file_empty"),
        (b"hello", "format_unknown"),
        (b"\x00" * 100, "format_unknown"),
        (b"<Invoice xmlns='urn:ubl'/>", "format_unknown"),
        (b"\xff\xfe<", "encoding_wrong"),
        (b"x" * (MAX_FILE_BYTES + 1), "file_too_large"),
    ],
)
def test_file_in_no_known_format_is_refused(content, code):
    result = read(content)
    assert (result.format, result.items) == ("unknown", ())
    assert [found.code for found in result.problems] == [code]


def test_format_is_recognised_from_content_not_name():
    content = (DATA / "json/one.json").read_bytes()
    assert read(content, name="invoice.xml").format == "json"


@given(st.binary(max_size=2000))
def test_random_bytes_never_raise(content):
    check(content)


@given(st.text(alphabet='<>/!-[]?&;="{}:, FinvoceIRw0123456789ä\x00\u2028', max_size=300))
def test_random_markup_never_raises(text):
    check(text.encode())
    check(b"<Finvoice>" + text.encode())


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CONTENTS), st.data())
def test_damaged_files_never_raise(content, data):
    damaged = bytearray(content)
    for __ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged)))
        length = data.draw(st.integers(0, 40))
        damaged[at : at + length] = data.draw(st.binary(max_size=12))
    check(bytes(damaged))


FIGURE = st.sampled_from(
    ["0", "-0", "1E9", "999999999999,99", "-0,00000001", "0,00000001", "x", ""]
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([text for text in CONTENTS if b"<Finvoice" in text]), st.data())
def test_extreme_figures_never_raise(content, data):
    def figure(found: re.Match[bytes]) -> bytes:
        changed = data.draw(st.booleans())
        return b">" + data.draw(FIGURE).encode() + b"<" if changed else found[0]

    check(re.sub(rb">[-0-9, ]+<", figure, content))


def test_every_code_in_the_source_has_words():
    folder = Path(invoices.intake.__file__).parent
    source = "\n".join(path.read_text() for path in folder.rglob("*.py"))
    raised = re.findall(r'(?:error|warn|problem|_refused|UnreadableValue)\(\s*"(\w+)"', source)
    assert len(set(raised)) > 40
    assert set(raised) <= CATALOGUE.keys()


def test_every_words_entry_names_a_next_step():
    for code, words in CATALOGUE.items():
        assert str(words.cause).endswith((".", ": {why}")), code
        assert str(words.remedy).endswith((".", ": {expected}")), code
