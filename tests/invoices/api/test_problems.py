"""Every error is a problem (RFC 9457), in the reader's language, and leads to the reference."""

import json
import re

import pytest
from django.db import OperationalError
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from invoices.api.problem_types import TYPES
from invoices.api.problems import pointer_of
from invoices.intake.values import json_place
from invoices.models import ReceivedFile
from tests import factories
from tests.invoices.api.conftest import BATCH, EXPORTS, INVOICES

pytestmark = pytest.mark.django_db

NAMES = st.text(st.characters(exclude_characters=".[]:", exclude_categories=["Cs"]), min_size=1)


def check(answer, status, kind):
    told = answer.json()
    assert (answer.status_code, told["status"]) == (status, status)
    assert answer["Content-Type"] == "application/problem+json"
    assert told["type"] == f"/api/v1/docs#{kind}"
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", told["instance"])
    assert told["title"] and told["detail"] and told["next_step"]
    assert told["instance"].replace("-", "")[9:] == answer["X-Request-Id"]
    return told


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/invoices",
        "/api/v1/exports/",
        "/api/x\x00",
        "/api/a%0Ab",
    ],
)
def test_address_that_is_none_is_a_problem(client, path):
    check(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("delete", INVOICES, "POST"),
        ("get", INVOICES, "POST"),
        ("put", BATCH, "POST"),
        ("post", f"{INVOICES}/A-1", "GET"),
        ("patch", EXPORTS, "GET"),
        ("post", "/api/v1/openapi.json", "GET, HEAD"),
        ("post", "/api/v1/docs", "GET, HEAD"),
    ],
)
def test_method_that_is_not_allowed_names_those_that_are(source, method, path, allowed):
    answer = getattr(source.client, method)(path)

    check(answer, 405, "method-not-allowed")
    assert answer["Allow"] == allowed


@pytest.mark.parametrize("accept", ["text/html", "application/xml, text/*;q=0.5", "*/*;q=0", ""])
def test_who_takes_no_json_is_told_so(source, accept):
    check(source.get(EXPORTS, **{"accept": accept}), 406, "not-acceptable")


@pytest.mark.parametrize(
    "accept",
    ["*/*", "application/*", "application/problem+json", "text/html, application/json; q=0.5"],
)
def test_who_takes_json_gets_it(source, accept):
    assert source.get(EXPORTS, **{"accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/xml", "application/json; charset=utf-16", "multipart/form-data"],
)
def test_other_bodies_than_json_are_refused(source, media_type):
    answer = source.client.generic(
        "POST", INVOICES, b"{}", media_type, headers={"authorization": f"Bearer {source.token}"}
    )

    check(answer, 415, "media-type-wrong")


def test_packed_bodies_are_refused(source):
    check(source.post(INVOICES, b"{}", **{"content-encoding": "gzip"}), 415, "media-type-wrong")


def test_body_beyond_the_limit_is_not_read(source, settings):
    settings.API_MAX_BODY_BYTES = 100

    told = check(source.post(INVOICES, factories.invoice()), 413, "body-too-large")

    assert told["limit_bytes"] == 100
    assert not ReceivedFile.objects.exists()


def test_body_of_many_megabytes_is_read(source):
    pdf = {"name": "a.pdf", "content_base64": "JVBERi0xLjcK" + "QUFB" * 2_000_000}

    assert source.post(INVOICES, factories.invoice("A-1", attachments=[pdf])).status_code == 201


def test_error_nobody_foresaw_tells_nothing_but_its_number(source, monkeypatch, caplog):
    def broken(*args, **kwargs):
        raise ValueError("SELECT secret FROM everything")

    monkeypatch.setattr("invoices.filing.file_invoices", broken)

    answer = source.post(INVOICES, factories.invoice())

    check(answer, 500, "internal-error")
    assert "SELECT" not in answer.content.decode()
    assert answer["X-Request-Id"] in caplog.text and "SELECT secret" in caplog.text


def test_errors_tell_nothing_while_debugging_either(source, monkeypatch, settings):
    settings.DEBUG = True
    monkeypatch.setattr("invoices.filing.file_invoices", lambda *a, **k: 1 / 0)

    check(source.post(INVOICES, factories.invoice()), 500, "internal-error")
    check(source.client.get("/api/none"), 404, "not-found")


def test_busy_database_asks_to_come_back(source, monkeypatch):
    def locked(*args, **kwargs):
        raise OperationalError("database is locked")

    monkeypatch.setattr("invoices.filing.file_invoices", locked)

    answer = source.post(INVOICES, factories.invoice())

    check(answer, 503, "busy")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("fi", "fi"),
        ("sv-FI, fi;q=0.5", "sv"),
        ("de, sv;q=0.2, fi;q=0.9", "fi"),
        ("de", "en"),
        ("", "en"),
        ("fi;q=0, sv", "sv"),
        ("*", "en"),
        ("x" * 5000, "en"),
    ],
)
def test_errors_are_in_the_language_asked_for(source, asked, language):
    answer = source.post(INVOICES, b"{}", **{"accept-language": asked})

    with translation.override(language):
        title = str(TYPES["invoice-rejected"].title)
    assert (answer.json()["title"], answer["Content-Language"]) == (title, language)


def test_titles_differ_between_our_languages():
    for kind, known in TYPES.items():
        told = set()
        for language in ("en", "fi", "sv"):
            with translation.override(language):
                told.add((str(known.title), str(known.meaning), str(known.next_step)))
        assert len(told) == 3, kind


def test_answers_carry_the_headers_of_every_page_and_no_cookie(source):
    answer = source.get(EXPORTS)

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cache-Control"] == "no-store"
    assert {"Authorization", "Accept-Language"} <= set(answer["Vary"].split(", "))
    assert not answer.cookies


def test_a_session_opens_nothing(client, boss):
    client.force_login(boss)

    assert client.get(EXPORTS).status_code == 401


def test_head_answers_as_get_does_without_the_body(source):
    headers = {"authorization": f"Bearer {source.token}"}

    answer = source.client.head(EXPORTS, headers=headers)

    assert (answer.status_code, answer.content) == (200, b"")


@given(
    st.lists(NAMES | st.integers(0, 50), min_size=1, max_size=4).filter(
        lambda p: p[0] not in range(51)
    )
)
def test_pointer_leads_to_the_place(path):
    document = value = "here"
    for step in reversed(path):
        document = {step: document} if isinstance(step, str) else [None] * step + [document]

    found = document
    for step in pointer_of(json_place(path)).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]

    assert found is value


def test_place_that_is_no_field_points_to_all_of_the_body(source):
    answer = source.post(INVOICES, b'{"a": }')

    assert [(e["pointer"], e["place"]) for e in answer.json()["errors"]] == [("", "1:7")]


def test_every_problem_has_its_section_in_the_reference(client):
    page = client.get("/api/v1/docs").content.decode()

    assert all(f'id="{kind}"' in page for kind in TYPES)


def test_answers_hold_no_floats(source):
    answer = source.post(INVOICES, factories.invoice("A-1"))

    def refuse(text):
        raise AssertionError(text)

    json.loads(answer.content, parse_float=refuse)
    json.loads(source.get(f"{INVOICES}/A-1").content, parse_float=refuse)
