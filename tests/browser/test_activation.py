"""Support staff at the activation desk: from the customer's callback to filed keys."""

import pytest

from integrations import tasks
from integrations.activation.models import ActivationRequest
from integrations.models import Credential, Tenant
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def in_background(page, work):
    """What the cluster would do by now, while the page does not look again."""
    address = page.url
    page.goto("about:blank")
    work()
    page.goto(address)


@pytest.fixture
def activation(sandbox, settings):
    ours = sandbox.add_company(name="Flashnode Oy", business_id="5678901-2")
    sandbox.activations.integrator_id = ours.id
    config = settings.PROCOUNTOR["test"] | {
        "integrator_api_key": ours.api_key,
        "activation_parameter": "requestId",
        "activation_link": "https://procountor.example/activate/flashnode",
    }
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}
    return sandbox.activate(
        sandbox.add_company(name="Alfa Oy", business_id="2077474-0"),
        sandbox.add_company(name="Beta Oy", business_id="0112038-9"),
        initiator={"email": "maija@example.com", "userFullName": "Maija Mallikas"},
        accounting_office="Tilitoimisto Oy",
    )


@pytest.mark.parametrize(
    ("language", "width", "dark"), [("en", 1280, False), ("fi", 1280, False), ("fi", 390, True)]
)
def test_from_the_callback_to_filed_keys(
    log_in, live_server, activation, sandbox, language, width, dark
):
    page = log_in("Support", language=language, width=width, dark=dark)
    name = f"{language}-{width}"
    page.goto(f"{live_server.url}/connect/activated/test/?requestId={activation.id}")
    page.locator("ol.steps").wait_for()
    shot(page, f"activated-{name}")
    assert width_of(page) <= width
    asked = ActivationRequest.objects.get()
    tasks.fetch_activation(asked.pk)

    page.goto(f"{live_server.url}/admin/")
    shot(page, f"activation-home-{name}")
    page.goto(f"{live_server.url}/admin/integrations/activationrequest/")
    shot(page, f"activation-list-{name}")
    page.get_by_role("link", name=str(activation.id)).first.click()
    page.get_by_text("Maija Mallikas").wait_for()
    shot(page, f"activation-open-{name}")
    assert width_of(page) <= width
    beta = asked.companies.get(name="Beta Oy")
    page.locator(f"input[name=choice_{beta.pk}][value=reject]").check()
    page.locator("button[name=decide]").click()
    page.locator("p.desk-error").wait_for()
    page.locator(f"textarea[name=reason_{beta.pk}]").fill("Beta Oy:n kanssa ei ole sopimusta.")
    page.locator("button[name=decide]").click()
    page.wait_for_url("**/change/")
    shot(page, f"activation-deciding-{name}")
    in_background(page, lambda: tasks.submit_activation(asked.pk))
    page.get_by_text(str(Credential.objects.get())).wait_for()
    shot(page, f"activation-decided-{name}")

    assert Tenant.objects.get().name == "Alfa Oy"
    assert width_of(page) <= width
    key = sandbox.companies[activation.companies[0].id].technical_key()
    assert key not in page.content()
    assert page.errors == []


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("fi", 390)])
def test_expired_request_has_sentences_to_copy(
    log_in, live_server, activation, sandbox, language, width
):
    sandbox.activations.expire(activation.id)
    page = log_in("Support", language=language, width=width)
    page.goto(f"{live_server.url}/admin/integrations/activationrequest/enter")
    page.locator("input[name=number]").fill(str(activation.id))
    shot(page, f"activation-enter-{language}-{width}")
    page.locator("form.desk-card button[type=submit]").click()
    page.wait_for_url("**/change/")
    in_background(page, lambda: tasks.fetch_activation(ActivationRequest.objects.get().pk, True))
    page.get_by_text("Svenska").first.wait_for()
    shot(page, f"activation-expired-{language}-{width}")

    page.locator("button.desk-copy").first.click()
    assert width_of(page) <= width
    assert page.errors == []
