"""Reading customers' mails: a corpus, and keys wrapped and quoted in every way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import mail
from tests.integrations import mails
from tests.integrations.mails import IBAN, KEY, OTHER_KEY, Case, quoted


def found_in(case: Case) -> mail.Found:
    content = case.content
    return mail.find(mail.read(content) if isinstance(content, bytes) else mail.read_text(content))


@pytest.mark.parametrize("case", mails.cases(), ids=lambda case: case.name)
def test_corpus(case):
    found = found_in(case)

    assert (found.api_keys, found.broken_keys) == (case.keys, case.broken)
    assert found.ibans == case.ibans
    assert found.business_ids == case.business_ids
    if case.company:
        assert found.company_names[0] == case.company
    if case.sender:
        assert found.sender == case.sender


def test_corpus_is_counted():
    """`pytest -s`: found right, found wrong, not found."""
    all_cases = mails.cases()
    results = [(case, found_in(case)) for case in all_cases]
    right = sum(found.api_keys == case.keys for case, found in results)
    wrong = sum(bool(set(found.api_keys) - set(case.keys)) for case, found in results)
    missed = sum(bool(set(case.keys) - set(found.api_keys)) for case, found in results)
    print(f"\n{len(all_cases)} mails: keys right in {right}, wrong in {wrong}, missed in {missed}")

    assert len(all_cases) >= 60
    assert wrong == 0


@given(data=st.data(), key=st.sampled_from([KEY, OTHER_KEY]))
def test_key_in_any_wrapping_and_quoting_is_found_whole_or_not_at_all(data, key):
    width = data.draw(st.integers(12, len(key)), label="width")
    mark = data.draw(st.sampled_from(["", "> ", ">", ">> ", "> > ", "| ", "  "]), label="mark")
    joint = data.draw(st.sampled_from(mails.JOINTS), label="joint")(mark)
    before = data.draw(st.sampled_from(["", "API-avain: ", '"', "<", "*", "key=", "\n"]))
    after = data.draw(
        st.sampled_from(["", '"', ">", "*", ".", ",", "\nTerveisin", f"\n{IBAN}", "\n\nMaija"])
    )

    found = mail.find(mail.read_text(mark + before + mails.wrap(key, width, joint) + after))

    assert found.api_keys in ((key,), ())
    assert found.api_keys or found.broken_keys


@pytest.mark.parametrize(
    "after",
    [
        *("", "\nTerveisin Maija", "\nMed vänlig hälsning", " Kiitos!", "\nRegards,\nBob"),
        *(f"\n{IBAN}", "\nFI10 9990 0020 0008 92", "\n\n2077474-0", "...", "\nTilinro", "\n+358"),
    ],
)
def test_cut_key_is_never_made_whole_by_what_follows(after):
    for cut in range(1, len(KEY)):
        assert mail.find(mail.read_text(KEY[:cut] + after)).api_keys == ()


@given(text=st.text(max_size=400))
def test_any_text_is_read_without_an_error(text):
    mail.find(mail.read_text(text))
    mail.find(mail.read(text.encode("utf-8", "replace")))


@given(content=st.binary(max_size=400))
def test_any_file_is_read_or_refused(content):
    try:
        mail.find(mail.read(content))
    except mail.MailUnreadable as error:
        assert error.code in ("too_large", "outlook_format")


def test_file_of_outlook_s_own_format_is_explained():
    with pytest.raises(mail.MailUnreadable, match="outlook_format"):
        mail.read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500)


def test_large_file_is_refused():
    with pytest.raises(mail.MailUnreadable, match="too_large"):
        mail.read(b"x" * (mail.LARGEST_MAIL_BYTES + 1))


@pytest.mark.parametrize(
    "text",
    [
        *("eyJ" * 100_000, ("eyJhbGciOi" + ".") * 40_000, "eyJ \n" * 100_000),
        *("FI" + "1 " * 200_000, "FI10 " * 90_000, "1234567-" * 50_000),
        *("From:" * 80_000, "a@" * 200_000, "> " * 200_000, "<p>" * 100_000),
        *("Oy " * 150_000, "A" * 400_000 + " Oy", "yritys: " * 60_000, "Aa " * 150_000),
    ],
)
@pytest.mark.timeout(20)
def test_hostile_text_ends(text):
    mail.find(mail.read_text(text))


def test_nothing_of_a_key_is_shown_by_what_was_found():
    assert KEY not in repr(mail.find(mail.read_text(quoted(KEY))))
