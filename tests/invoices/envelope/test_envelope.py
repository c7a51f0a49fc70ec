"""An auditor's envelope: complete, signed, and checked by a stranger's program."""

import base64
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations import custody
from integrations.mapping_models import MappingVersion
from invoices import engine, envelope, evidence
from invoices.envelope import verify_envelope
from invoices.evidence import heads, signing
from invoices.evidence_models import EvidenceChain, EvidenceLink
from invoices.models import AuditEvent, InvoiceExport
from tests import factories
from tests.invoices.correcting import correct

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = Path(verify_envelope.__file__)
#: The program runs where nothing of ours, and no Django, can be imported.
ALONE = (
    "import runpy, sys; sys.modules.update(django=None, invoices=None, integrations=None); "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture(autouse=True)
def key(settings):
    settings.EVIDENCE_SIGNING_KEY, _public = signing.new_key()
    raw = base64.b64decode(settings.EVIDENCE_SIGNING_KEY)
    return Ed25519PrivateKey.from_private_bytes(raw)


def made(scope, by=None, reason="Audit of 2026"):
    target = io.BytesIO()
    facts = envelope.write(scope, target, by=by, reason=reason)
    return target.getvalue(), facts


def opened(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def records(content):
    return [json.loads(line) for line in opened(content)["invoices.jsonl"].splitlines()]


def checked(tmp_path, content, *options):
    """Exit code and output of the stranger's check."""
    path = tmp_path / "envelope.zip"
    path.write_bytes(content)
    arguments = [sys.executable, "-I", "-c", ALONE, str(PROGRAM), str(path), *options]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def corrected(tenant, queued, sandbox):
    """A-1 was refused, corrected by a person and sent again; A-2 went at once."""
    sandbox.fault(kind="status", status=400, method="POST", path="/invoices")
    (first,) = queued("A-1")
    engine.run_lane(tenant.pk)
    queued("A-2")
    first.refresh_from_db()
    user = factories.UserFactory(role="Accountant", first_name="Aino", last_name="Ääri")
    correct(first, by=user, reason="The customer's reference", order_reference="PO-7")
    engine.run_lane(tenant.pk)
    return user


def month_of(tenant):
    date = InvoiceExport.objects.filter(tenant=tenant).first().invoice.date
    return envelope.of_month(tenant, date.year, date.month)


def test_envelope_holds_what_was_received_changed_sent_and_answered(tenant, corrected):
    content, facts = made(month_of(tenant))

    first, second = records(content)
    assert (first["number"], second["number"]) == ("A-1", "A-2")
    assert [attempt["outcome"] for attempt in first["attempts"]] == ["refused", "accepted"]
    assert json.loads(first["attempts"][1]["request_body"])["orderReference"] == "PO-7"
    (correction,) = first["corrections"]
    assert correction["reason"] == "The customer's reference"
    people = json.loads(opened(content)["people.json"])
    assert people[correction["by"]] == {"username": corrected.username, "name": "Aino Ääri"}
    assert first["export"]["remote_id"] and first["export"]["status"] == "reconciled"
    assert "export.reconciled" in [event["action"] for event in first["events"]]
    source = opened(content)[f"received/{first['received'][0]['sha256']}"]
    assert len(json.loads(source)["invoices"]) == 1
    assert facts.invoices == 2


def test_mapping_tables_are_in_it_with_who_changed_them(tenant, queued):
    queued("A-1")
    person = factories.UserFactory(first_name="Aino", last_name="Ääri")
    version = MappingVersion.objects.create(
        tenant=tenant,
        table="vat",
        since="2026-01-01",
        entries={"K": 5},
        difference=[{"by": "K"}],
        reason="Sales abroad",
        created_by=person,
    )

    files = opened(made(month_of(tenant))[0])

    last = json.loads(files["mapping_tables.jsonl"].splitlines()[-1])
    at = version.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert last == {
        "id": version.pk,
        "table": "vat",
        "since": "2026-01-01",
        "entries": {"K": 5},
        "difference": [{"by": "K"}],
        "reason": "Sales abroad",
        "created_at": at,
        "created_by": f"person:{person.pk}",
    }
    assert json.loads(files["people.json"])[f"person:{person.pk}"]["name"] == "Aino Ääri"


def test_stranger_finds_it_as_it_was_made(tenant, corrected, tmp_path, key):
    content, facts = made(month_of(tenant))

    code, output = checked(tmp_path, content, "--fingerprint", signing.fingerprint())

    assert (code, "WRONG" in output, "NOTE" in output) == (0, False, False), output
    assert f"OK     signature and {facts.files} files" in output and "OK     2 invoices" in output
    assert f"OK     sum {facts.sums['EUR']} EUR" in output


def test_rows_are_in_their_chains_and_those_of_others_only_as_hashes(tenant, queued, tmp_path, key):
    first, second = queued("A-1", "A-2")
    engine.run_lane(tenant.pk)
    content, _facts = made(envelope.of_invoice(tenant, "A-2"))

    chain = opened(content)["chain.jsonl"].decode()
    lines = [json.loads(line) for line in chain.splitlines()]
    shown = {(line[1], line[2]) for line in lines if isinstance(line, list) and line[4:]}
    assert ("invoices_invoice", second.invoice_id) in shown
    assert ("invoices_invoice", first.invoice_id) not in shown
    assert "A-1" not in chain
    assert [len(line) for line in lines if isinstance(line, list)].count(4) > 0
    code, output = checked(tmp_path, content)
    assert (code, "links of chains" in output) == (0, True), output


def forged(content, key, name, change):
    """The envelope with other lines in one file, signed anew: by somebody who has the key."""
    files = opened(content)
    lines = [json.loads(line) for line in files[name].splitlines()]
    change(lines)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    manifest = json.loads(files["manifest.json"])
    digest = hashlib.sha256(text).hexdigest()
    manifest["files"][name] = {"sha256": digest, "size": len(text)}
    signed = json.dumps(manifest).encode()
    signature = key.sign(signed).hex().encode()
    return packed(files | {name: text, "manifest.json": signed, "manifest.sig": signature})


def put(part, column, value):
    def change(lines):
        row = lines[0][part][-1] if part else lines[0]
        assert row[column] != value
        row[column] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("attempts", "outcome", "refused"),
        put("attempts", "reason", "Nobody asked for it"),
        put("corrections", "reason", "Another reason"),
        put("corrections", "by", "person:99"),
        put("events", "at", "2026-01-01T00:00:00.000000Z"),
        put("", "date", "2026-01-01"),
        put("", "created_at", "2026-01-01T00:00:00.000000Z"),
        lambda lines: lines[0]["events"].pop(),
        lambda lines: lines[0]["export"].update(remote_id=1),
        lambda lines: lines[0]["received"][0].update(received_via="api"),
    ],
)
def test_record_that_is_not_what_the_chain_has_is_named(tenant, corrected, tmp_path, key, change):
    content, _facts = made(month_of(tenant))

    code, output = checked(tmp_path, forged(content, key, "invoices.jsonl", change))

    assert (code, "WRONG" in output) == (1, True), output


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines.pop(),
        lambda lines: lines.pop(3),
        lambda lines: lines.insert(2, lines.pop(3)),
        lambda lines: lines[2].__setitem__(3, "0" * 64),
        lambda lines: lines[2].__setitem__(4, lines[2][4].replace("A-1", "A-9")),
        lambda lines: lines[0].update(before="0" * 64),
    ],
)
def test_chain_with_another_link_is_named(tenant, corrected, tmp_path, key, change):
    content, _facts = made(month_of(tenant))

    code, output = checked(tmp_path, forged(content, key, "chain.jsonl", change))

    assert (code, "WRONG  chain" in output) == (1, True), output


def test_published_heads_are_looked_for(tenant, corrected, tmp_path):
    content, _facts = made(month_of(tenant))
    published = tmp_path / "heads.txt"
    published.write_text(heads.text_of_heads())
    assert checked(tmp_path, content, "--heads", str(published))[0] == 0

    chain = EvidenceChain.objects.get(tenant=tenant)
    position = EvidenceLink.objects.filter(chain=chain).count() - 1
    published.write_text(f"chain {chain.pk} position {position} sha256 {'0' * 64}\n")
    code, output = checked(tmp_path, content, "--heads", str(published))

    assert (code, "is not the head that was published" in output) == (1, True)


def test_what_is_not_final_yet_is_counted(tenant, queued, tmp_path):
    queued("A-1")

    content, _facts = made(month_of(tenant))

    manifest = json.loads(opened(content)["manifest.json"])
    assert manifest["unsealed"] == 1  # the export: it still changes
    code, output = checked(tmp_path, content)
    assert (code, "NOTE   1 rows were not final" in output) == (0, True), output


def test_key_that_came_with_it_is_pointed_out(tenant, corrected, tmp_path):
    code, output = checked(tmp_path, made(month_of(tenant))[0])

    assert code == 0
    assert "compare its fingerprint" in output


def test_other_months_and_other_tenants_stay_outside(tenant, queued, make_tenant):
    queued("A-1", date="2026-02-28", due_date="2026-03-14")
    queued("A-2", date="2026-03-01", due_date="2026-03-15")
    beta = make_tenant(name="Beta Oy", business_id="0112038-9")

    content, facts = made(envelope.of_month(tenant, 2026, 2))

    assert [record["number"] for record in records(content)] == ["A-1"]
    assert facts.sums == {"EUR": "125.50"}
    assert made(envelope.of_month(beta, 2026, 2))[1].invoices == 0


def test_one_invoice_has_an_envelope_of_its_own(tenant, queued, tmp_path):
    export, _other = queued("A/1 ä", "A-2")

    content, facts = made(envelope.of_invoice(tenant, "A/1 ä"))

    assert [record["number"] for record in records(content)] == ["A/1 ä"]
    assert facts.name == f"envelope-{tenant.slug}-A-1--.zip"
    assert checked(tmp_path, content)[0] == 0


def test_every_changed_byte_is_found(tenant, corrected, tmp_path):
    files = opened(made(month_of(tenant))[0])
    for name, content in files.items():
        if not content:
            continue
        for position in {0, len(content) // 2, len(content) - 1}:
            changed = bytearray(content)
            changed[position] ^= 1
            code, output = checked(tmp_path, packed(files | {name: bytes(changed)}))
            assert code in (1, 2), f"{name} at {position}: {output}"


def test_missing_added_and_doubled_files_are_found(tenant, corrected, tmp_path):
    files = opened(made(month_of(tenant))[0])
    for name in files:
        rest = {other: content for other, content in files.items() if other != name}
        assert checked(tmp_path, packed(rest))[0] in (1, 2), name
    code, output = checked(tmp_path, packed(files | {"more.txt": b"x"}))
    assert (code, "more.txt: is in the envelope and not in the manifest" in output) == (1, True)

    target = io.BytesIO(packed(files))
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("invoices.jsonl", b"")
    code, output = checked(tmp_path, target.getvalue())
    assert (code, "invoices.jsonl: is in the envelope 2 times" in output) == (1, True)


def test_envelope_signed_by_somebody_else_has_another_fingerprint(
    tenant, corrected, tmp_path, key, settings
):
    published = signing.fingerprint()
    settings.EVIDENCE_SIGNING_KEY, _public = signing.new_key()
    content, _facts = made(month_of(tenant))

    code, output = checked(tmp_path, content, "--fingerprint", published)

    assert (code, "its fingerprint is another one" in output) == (1, True)


@given(junk=st.binary(max_size=300))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_no_envelope_is_said_to_be_none(junk, tmp_path):
    code, output = checked(tmp_path, junk)

    assert code == 2
    assert output.startswith("Cannot be checked")
    assert "Traceback" not in output


def test_no_secret_is_in_it(tenant, corrected, settings):
    content, _facts = made(month_of(tenant))

    everything = b"".join(opened(content).values())
    api_key = custody.open_api_key(tenant.active_credential)
    for secret in (api_key, settings.EVIDENCE_SIGNING_KEY, settings.FERNET_KEYS[0]):
        assert secret.encode() not in everything


def test_queries_grow_with_the_files_and_not_with_the_invoices(tenant, queued):
    one, *_others = queued("A-1", "A-2", "A-3", "A-4")
    counts = []
    for scope in (envelope.of_invoice(tenant, "A-1"), month_of(tenant)):
        evidence.seal()
        with CaptureQueriesContext(connection) as asked:
            made(scope)
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_command_writes_one_and_says_its_sum(tenant, corrected, tmp_path, capsys):
    date = InvoiceExport.objects.first().invoice.date

    arguments = ["--month", f"{date:%Y-%m}", "--reason", "Audit", "--folder", str(tmp_path)]
    call_command("make_envelope", tenant.slug, *arguments, "--json")

    facts = json.loads(capsys.readouterr().out)
    assert facts["invoices"] == 2
    assert checked(tmp_path, Path(facts["path"]).read_bytes())[0] == 0
    assert not list(tmp_path.glob("*.part"))
    event = AuditEvent.objects.get(action="envelope.made")
    assert (event.by, event.tenant, event.data["reason"]) == (None, tenant, "Audit")
    assert event.data["sha256"] == facts["sha256"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--month", "2026-13"], "No span of days"),
        (["--year", "2026-12-31", "2026-01-01"], "the end is before the start"),
        (["--year", "2020-01-01", "2026-01-01"], "longer than a financial year"),
        (["--invoice", "none"], "no invoice with the number “none”"),
    ],
)
def test_command_refuses_what_cannot_be(tenant, arguments, words, tmp_path):
    with pytest.raises(CommandError, match=words):
        call_command(
            "make_envelope", tenant.slug, *arguments, "--reason", "x", "--folder", str(tmp_path)
        )

    assert not list(tmp_path.iterdir())


def test_without_a_key_nothing_is_made_and_it_says_what_to_do(tenant, queued, settings, tmp_path):
    queued("A-1")
    settings.EVIDENCE_SIGNING_KEY = ""

    with pytest.raises(CommandError, match="make_signing_key"):
        call_command(
            "make_envelope", tenant.slug, "--invoice", "A-1", "--reason", "x",
            "--folder", str(tmp_path),
        )  # fmt: skip

    assert not list(tmp_path.iterdir())
    assert not AuditEvent.objects.filter(action="envelope.made").exists()
