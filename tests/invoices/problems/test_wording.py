"""The office's own words: who may write them, versions kept, and shown wherever words are."""

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone, translation

from invoices import problems, wording
from invoices.document import Problem
from invoices.models import AuditEvent, InvoiceExport
from invoices.problems.remote import BLANK_VALUE
from invoices.wording_models import UnknownCode, WordingVersion
from tests import factories
from tests.staff import ANONYMOUS, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

CODE = "CLOSED_FISCAL_PERIOD"
READ = {
    ANONYMOUS: "log in",
    NO_RIGHTS: "refused",
    "Support": "shown",
    "Accountant": "shown",
    "Management": "shown",
    "Administrator": "shown",
}
WRITE = READ | {
    "Support": "refused",
    "Management": "refused",
    "Accountant": "moved",
    "Administrator": "moved",
}
TODO = READ | {"Support": "refused", "Management": "refused"}


def page_of(code):
    return url("invoices_wordingversion_words") + "?" + "code=" + code.replace(" ", "%20")


def fields(language="en", after=0, **texts):
    words = {"cause": "The month is closed.", "remedy": "Ask for it to be opened."}
    if language == "sv":
        words = {}
    words |= {"customer": "Please open the month."} | texts
    return {"language": language, f"{language}-after": after} | {
        f"{language}-{part}": words[part] for part in words
    }


def post(client, code=CODE, **given):
    return client.post(page_of(code), fields(**given))


@pytest.mark.parametrize(("rung", "answer"), list(READ.items()))
def test_who_reads_the_words(client, rung, answer):
    log_in(client, rung)

    for page in (url("invoices_wordingversion_changelist"), page_of(CODE)):
        assert refusal(client.get(page)) == answer


@pytest.mark.parametrize(("rung", "answer"), list(WRITE.items()))
def test_who_writes_them(client, rung, answer):
    log_in(client, rung)

    assert refusal(post(client)) == answer
    assert WordingVersion.objects.count() == (answer == "moved")


@pytest.mark.parametrize(("rung", "answer"), list(TODO.items()))
def test_who_sees_the_codes_without_words(client, rung, answer):
    log_in(client, rung)

    assert refusal(client.get(url("invoices_unknowncode_changelist"))) == answer


def test_written_words_are_shown_wherever_words_are(client, queued):
    (export,) = queued("A-1")
    InvoiceExport.objects.filter(pk=export.pk).update(
        status="needs_attention", attention_reason="refused", problems=[{"code": CODE}]
    )
    log_in(client, "Accountant")

    assert said(post(client)) == ["Saved: the new words are shown everywhere."]

    assert problems.sentence(Problem(CODE)) == "The month is closed. Ask for it to be opened."
    finding = {"code": CODE, "field": "", "value": "", "expected": ""}
    assert problems.customer_sentence(finding, "en") == "Please open the month."
    with translation.override("fi"):
        assert problems.words_for(Problem(CODE)).cause != "The month is closed."
    for page in (
        url("invoices_invoiceexport_change", export.pk),
        url("invoices_wordingversion_changelist"),
    ):
        assert "The month is closed." in text(client.get(page))


def test_versions_are_kept_with_who_when_and_the_difference(client):
    user = log_in(client, "Accountant")
    post(client)
    post(client, after=1, cause="The month is shut.")
    client.post(page_of(CODE), fields(after=2) | {"shipped": "1"})

    kept = list(WordingVersion.objects.order_by("number").values_list("number", "is_shipped", "by"))
    assert kept == [(1, False, user.pk), (2, False, user.pk), (3, True, user.pk)]
    page = text(client.get(page_of(CODE)))
    assert "<del>closed.</del><ins>shut.</ins>" in page
    assert "back to the shipped text" in page
    assert problems.words_for(Problem(CODE)) == problems.shipped(CODE, "en")
    actions = AuditEvent.objects.filter(action__startswith="wording.").order_by("pk")
    assert [event.action for event in actions] == ["wording.saved"] * 2 + ["wording.reset"]
    assert actions.first().data == {"code": CODE, "language": "en", "version": 1}


def test_a_version_is_never_changed(client):
    log_in(client, "Accountant")
    post(client)

    for change in (WordingVersion.objects.all().delete, _overwritten):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def _overwritten():
    WordingVersion.objects.update(cause="x")


@pytest.mark.parametrize(
    ("code", "part", "words", "unfit"),
    [
        (CODE, "cause", "Closed on {value}", "{value}"),
        (CODE, "remedy", "Open {month}", "{month}"),
        (CODE, "cause", "Closed {", "{"),
        (CODE, "customer", "Open {value}", "{value}"),
        (BLANK_VALUE, "cause", "{field} and {expected}", "{expected}"),
    ],
)
def test_placeholders_that_do_not_fit_are_refused_at_the_field(client, code, part, words, unfit):
    log_in(client, "Accountant")

    response = post(client, code=code, **{part: words})

    assert response.status_code == 200
    form = {each["code"]: each["form"] for each in response.context["languages"]}["en"]
    assert list(form.errors) == [part]
    assert f"for {unfit}." in str(form.errors[part][0])
    assert WordingVersion.objects.count() == 0


def test_placeholders_that_fit_are_filled_in(client):
    log_in(client, "Accountant")

    post(client, code=BLANK_VALUE, cause="Fill in {field}.", customer="Add {field}.")

    problem = Problem("Value of the 'deliveryAddress.country' cannot be blank.", "country")
    assert problems.words_for(problem).cause == "Fill in country."


@pytest.mark.parametrize("empty", ["cause", "remedy", "customer"])
def test_a_text_is_not_left_empty(client, empty):
    log_in(client, "Accountant")

    assert post(client, **{empty: "  "}).status_code == 200
    assert WordingVersion.objects.count() == 0


def test_the_second_of_two_writers_is_told_and_keeps_the_text(client):
    log_in(client, "Accountant")
    post(client)

    response = post(client, cause="Mine.")

    assert "Somebody else saved these words meanwhile." in text(response)
    assert "Mine." in text(response)
    assert refusal(post(client, after=1, cause="Mine.")) == "moved"


def test_swedish_has_the_customers_sentence_alone(client):
    log_in(client, "Accountant")

    post(client, language="sv", customer="Öppna månaden.")

    finding = {"code": CODE, "field": "", "value": "", "expected": ""}
    assert problems.customer_sentence(finding, "sv") == "Öppna månaden."
    assert WordingVersion.objects.get().cause == ""


@pytest.mark.parametrize("given", [{}, {"language": "xx"}, {"language": "en"}])
def test_odd_posts_are_no_error_page(client, given):
    log_in(client, "Accountant")

    assert client.post(page_of(CODE), given).status_code in (200, 404)
    assert client.get(page_of("NO_SUCH_CODE")).status_code == 404
    assert client.get(url("invoices_wordingversion_change", 999)).status_code == 404


def unknown(code="ERROR_NEW", **given):
    now = timezone.now()
    return UnknownCode.objects.create(code=code, first_seen_at=now, last_seen_at=now, **given)


def test_unknown_code_leaves_the_list_when_both_languages_are_written(client, queued):
    (export,) = queued("A-1")
    waiting = unknown(field="notes", example=export)
    user = log_in(client, "Accountant")
    listed = text(client.get(url("invoices_unknowncode_changelist") + "?open=yes"))
    assert "ERROR_NEW" in listed and "A-1" in listed
    assert "1 code waits for words" in text(client.get(url("invoices_wordingversion_changelist")))

    for language in ("en", "fi"):
        waiting.refresh_from_db()
        assert waiting.closed_at is None
        given = fields(language=language)
        del given[f"{language}-customer"]
        assert refusal(client.post(page_of("ERROR_NEW"), given)) == "moved"

    waiting.refresh_from_db()
    assert (waiting.closed_at is not None, waiting.closed_by) == (True, user)
    assert problems.explain(Problem("ERROR_NEW")).cause == "The month is closed."
    wording.collect(export.pk, [{"field": "notes", "message": "ERROR_NEW"}])
    assert UnknownCode.objects.get().count == 1


def test_list_of_words_is_searched_in_the_readers_language(client):
    log_in(client, "Management")
    page = url("invoices_wordingversion_changelist")

    found = client.get(page, {"q": "closed period"}).context["groups"]

    assert [row["code"] for group in found for row in group["codes"]] == [CODE]
    assert "No code and no words have this." in text(client.get(page, {"q": "qqqq"}))


def test_words_cost_no_query_for_each_row(client, django_assert_num_queries):
    by = factories.UserFactory()
    for number, code in enumerate(list(problems.CATALOGUE)[:50]):
        WordingVersion.objects.create(
            code=code, language="en", number=1, cause=f"Words {number}", by=by, at=timezone.now()
        )
    wording.forget()

    with django_assert_num_queries(1):
        said_now = [problems.sentence(Problem(code)) for code in problems.CATALOGUE]
    assert sum(line.startswith("Words ") for line in said_now) == 50
