"""The reference says what the API does: valid OpenAPI 3.1, and no answer outside of it."""

import json
import re

import pytest

from invoices.api.reference import EXAMPLE
from tests.invoices.api import fuzz
from tests.invoices.api.conftest import INVOICES


@pytest.mark.django_db
def test_example_of_the_reference_is_taken_in(source):
    answer = source.post(INVOICES, EXAMPLE)

    assert answer.status_code == 201, answer.json()
    assert answer.json()["gross_total"] == EXAMPLE["gross_total"]


@pytest.mark.django_db
def test_every_operation_describes_all_its_problems(client):
    told = client.get("/api/v1/openapi.json").json()

    operations = {
        operation["operationId"]: operation
        for methods in told["paths"].values()
        for operation in methods.values()
    }
    assert told["openapi"].startswith("3.1")
    assert set(operations) == {"postInvoice", "postInvoices", "getInvoice", "getExports"}
    for operation in operations.values():
        answers = operation["responses"]
        assert {"401", "403", "405", "406", "429", "500"} <= set(answers)
        for status, answer in answers.items():
            media = "application/json" if status < "3" else "application/problem+json"
            assert list(answer["content"]) == [media], status
        assert operation["security"]


@pytest.mark.django_db
def test_every_reference_inside_leads_somewhere(client):
    text = client.get("/api/v1/openapi.json").content.decode()

    schemas = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(schemas)


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fi", "sv"])
def test_page_for_people_loads_nothing_from_elsewhere(client, language):
    answer = client.get("/api/v1/docs", headers={"accept-language": language})

    page = answer.content.decode()
    assert f'<html lang="{language}">' in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)
    assert "<script" not in page
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["text/html", "text/html,*/*;q=0.8"])
def test_page_for_people_is_for_browsers(client, accept):
    assert client.get("/api/v1/docs", headers={"accept": accept}).status_code == 200
    assert client.get("/api/v1/openapi.json", headers={"accept": "text/html"}).status_code == 406


@pytest.mark.django_db
def test_page_for_people_is_in_the_language_chosen(client):
    page = client.get("/api/v1/docs?lang=fi", headers={"accept-language": "sv"})

    assert page["Content-Language"] == "fi"


@pytest.mark.timeout(400)
@pytest.mark.django_db(transaction=True)
def test_schemathesis_finds_nothing_outside_the_reference(
    live_server, tenant, make_token, settings
):
    """A longer run: `python -m tests.invoices.api.fuzz URL TOKEN`."""
    settings.API_REQUESTS_PER_MINUTE = 1_000_000

    done = fuzz.run(live_server.url, make_token(tenant), seed=1, examples=15)

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
