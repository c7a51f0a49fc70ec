"""The commands' stable interface: exit codes, JSON, messages."""

import io
import json
import sys

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from integrations.models import Credential, Tenant
from invoices.models import AuditEvent, InvoiceExport, ReceivedFile
from tests import factories

pytestmark = pytest.mark.django_db

IBAN = "FI2112345600000785"


@pytest.fixture
def command(capsys, monkeypatch):
    """Run a command; returns (exit code, its JSON document or error text)."""

    def run(name, *arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = 0
        try:
            call_command(name, *arguments)
        except SystemExit as done:
            code = done.code
        except CommandError as error:
            return error.returncode, str(error)
        out = capsys.readouterr().out
        return code, json.loads(out) if "--json" in arguments else out

    return run


def adding(company=None, **changes):
    values = {
        "name": "Acme Oy",
        "business-id": "2077474-0",
        "environment": "test",
        "iban": company.bank_accounts[0]["iban"] if company else IBAN,
    } | changes
    return [f"--{name}={value}" for name, value in values.items()] + ["--api-key-stdin"]


def test_add_tenant_files_the_key_and_checks_the_connection(command, sandbox):
    company = sandbox.add_company(name="Acme Oy", business_id="2077474-0")

    code, facts = command("add_tenant", *adding(company), "--json", stdin=company.api_key + "\n")

    assert (code, facts["tenant"], facts["state"]) == (0, "acme-oy", "pending")
    assert facts["api_key_last_four"] == company.api_key[-4:]
    assert [step["ok"] for step in facts["check"]["steps"]] == [True] * 8
    assert company.api_key not in json.dumps(facts)


def test_add_tenant_goes_live_at_once_with_a_reason(command, sandbox):
    company = sandbox.add_company(name="Acme Oy", business_id="2077474-0")

    code, facts = command(
        "add_tenant", *adding(company), "--go-live", "A test", "--json", stdin=company.api_key
    )

    assert (code, facts["state"]) == (0, "active")
    event = AuditEvent.objects.get(action="tenant.went_live")
    assert (event.by, event.data["reason"]) == (None, "A test")


def test_add_tenant_does_not_go_live_after_a_red_check(command, sandbox):
    company = sandbox.add_company(name="Acme Oy", business_id="2077474-0")
    company.revoke()

    code, facts = command(
        "add_tenant", *adding(company), "--go-live", "A test", "--json", stdin=company.api_key
    )

    assert (code, facts["state"]) == (1, "pending")


def test_add_tenant_cannot_go_live_without_a_check(command):
    code, text = command(
        "add_tenant", *adding(), "--go-live", "x", "--no-check", stdin=factories.api_key()
    )

    assert (code, Tenant.objects.count()) == (2, 0)
    assert "--no-check" in text


def test_add_tenant_with_a_red_check_ends_with_one_and_the_customer_s_sentence(command, sandbox):
    company = sandbox.add_company(name="Acme Oy", business_id="2077474-0")
    company.revoke()

    code, facts = command("add_tenant", *adding(company), "--json", stdin=company.api_key)

    red = facts["check"]["steps"][1]
    assert (code, facts["state"], red["code"], red["mover"]) == (
        1,
        "pending",
        "key_refused",
        "customer",
    )
    assert set(red["customer"]) == {"fi", "en"}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"business-id": "2077474-1"}, "business_id"),
        ({"business-id": "x"}, "business_id"),
        ({"iban": "FI00"}, "iban"),
        ({"name": ""}, "name"),
    ],
)
def test_add_tenant_refuses_wrong_input_and_saves_nothing(command, changes, word):
    code, text = command("add_tenant", *adding(**changes), stdin=factories.api_key())

    assert code == 2
    assert word in text
    assert Tenant.objects.count() == 0


def test_add_tenant_refuses_a_wrong_key_and_saves_nothing(command):
    key = factories.api_key(aud="someoneElse")

    code, text = command("add_tenant", *adding(), stdin=key)

    assert code == 2
    assert "someoneElse" in text
    assert key not in text
    assert (Tenant.objects.count(), Credential.objects.count()) == (0, 0)


def test_add_tenant_without_a_check_makes_no_call(command, sandbox):
    code, facts = command(
        "add_tenant", *adding(), "--no-check", "--json", stdin=factories.api_key()
    )

    assert (code, facts["check"], len(sandbox.requests)) == (0, None, 0)


def test_same_business_id_twice_is_refused(command):
    command("add_tenant", *adding(), "--no-check", stdin=factories.api_key())

    code, _text = command("add_tenant", *adding(), "--no-check", stdin=factories.api_key())

    assert (code, Tenant.objects.count()) == (2, 1)


def test_import_invoices_accounts_for_every_item(command, tenant, tmp_path):
    path = tmp_path / "own.json"
    items = [factories.invoice("A-1"), factories.invoice("A-1"), factories.invoice("A-2", rows=[])]
    path.write_text(json.dumps({"invoices": items}))

    code, facts = command(
        "import_invoices", f"--tenant={tenant.slug}", str(path), "--queue", "--json"
    )

    (file,) = facts["files"]
    assert code == 1
    assert (file["accepted"], file["duplicate"], file["rejected"]) == (1, 1, 1)
    assert file["items"][2]["problems"][0]["text"]
    assert InvoiceExport.objects.get().status == "queued"


def test_import_of_good_invoices_ends_with_zero(command, tenant, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(factories.invoice("A-1")))

    code, text = command("import_invoices", f"--tenant={tenant.slug}", str(path))

    assert (code, "1 accepted, 0 duplicate, 0 held, 0 rejected" in text) == (0, True)


def test_import_of_a_table_with_columns_of_its_own(command, tenant, tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        "Docket;Laskupäivä;Asiakas;Tuote;Määrä;Hinta;ALV-%\n"
        'A-1;02/03/2026;Kukka Oy;Hitsaus;"1.234";1;25,5\n'
    )
    told = ["--column=number=Docket", "--decimal-mark=comma", "--date-order=day_first"]

    code, facts = command("import_invoices", f"--tenant={tenant.slug}", *told, str(path), "--json")

    assert (code, facts["files"][0]["accepted"]) == (0, 1)
    content = InvoiceExport.objects.get().invoice.content
    assert (content["date"], content["rows"][0]["quantity"]) == ("2026-03-02", "1234")


@pytest.mark.parametrize("column", ["numero=Docket", "number"])
def test_import_with_a_column_that_is_no_field_is_refused(command, tenant, tmp_path, column):
    path = tmp_path / "own.csv"
    path.write_text("a;b\n")

    code, text = command(
        "import_invoices", f"--tenant={tenant.slug}", f"--column={column}", str(path)
    )

    assert (code, "FIELD=HEADING" in text, ReceivedFile.objects.count()) == (2, True, 0)


def test_import_of_a_missing_file_takes_in_nothing(command, tenant, tmp_path):
    good = tmp_path / "own.json"
    good.write_text(json.dumps(factories.invoice("A-1")))

    code, text = command(
        "import_invoices", f"--tenant={tenant.slug}", str(good), str(tmp_path / "none.xml")
    )

    assert (code, "none.xml" in text, InvoiceExport.objects.count()) == (2, True, 0)


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_import_for_a_closed_tenant_takes_in_nothing(command, tenant, tmp_path, json_option):
    path = tmp_path / "own.json"
    path.write_text(json.dumps(factories.invoice("A-1")))
    Tenant.objects.update(state="closed")

    code, said = command("import_invoices", f"--tenant={tenant.slug}", str(path), *json_option)

    assert (code, "is closed: nothing is taken in for it" in str(said)) == (2, True)
    assert (ReceivedFile.objects.count(), InvoiceExport.objects.count()) == (0, 0)


def test_unknown_tenant_is_refused_naming_the_known_ones(command, tenant, tmp_path):
    code, text = command("import_invoices", "--tenant=nobody", str(tmp_path))

    assert code == 2
    assert tenant.slug in text


def test_export_status_counts_one_tenant_or_all(command, tenant, queued):
    queued("A-1", "A-2")

    code, facts = command("export_status", f"--tenant={tenant.slug}", "--json")

    assert code == 0
    assert facts["statuses"]["queued"] == 2
    assert (facts["attempts"], facts["open_attempts"]) == (0, 0)
    assert facts["oldest_waiting_seconds"] >= 0
    assert command("export_status", "--json")[1]["statuses"]["queued"] == 2


def test_reseal_credentials_moves_keys_to_the_newest_fernet_key(command, tenant, settings):
    settings.FERNET_KEYS = [Fernet.generate_key().decode(), *settings.FERNET_KEYS]

    code, facts = command("reseal_credentials", "--json")

    settings.FERNET_KEYS = settings.FERNET_KEYS[:1]
    assert (code, facts["resealed"]) == (0, 1)
    assert tenant.active_credential.api_key.open(tenant.pk)


def test_reseal_names_keys_that_cannot_be_opened(command, tenant, settings):
    settings.FERNET_KEYS = [Fernet.generate_key().decode()]

    code, facts = command("reseal_credentials", "--json")

    assert (code, facts["resealed"], len(facts["unreadable"])) == (1, 0, 1)


def test_seed_staff_makes_a_user_for_each_role(command, django_user_model):
    _code, facts = command("seed_staff", "--json")

    assert [row["username"] for row in facts["logins"]] == [
        "support",
        "accountant",
        "management",
        "administrator",
    ]
    assert django_user_model.objects.get(username="support").check_password(
        facts["logins"][0]["password"]
    )
