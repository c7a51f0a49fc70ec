"""The judge sees what it is there to see: every kind of wrong, made by hand after a clean run."""

from __future__ import annotations

import json
import sqlite3
import urllib.parse
import urllib.request
from contextlib import closing

import pytest

from tests.faults import closed_books
from tests.faults.run import running
from tests.faults.scenes import TUNING, Scene

pytestmark = pytest.mark.timeout(120)
FIRST = "(SELECT min(id) FROM invoices_invoiceexport)"


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    with running("sqlite", tmp_path_factory.mktemp("verdict") / "run", **TUNING) as run:
        scene = Scene(run, invoices=2)
        scene.recover()
        for trigger in ("auditevent_delete", "submissionattempt_update"):
            scene.database.execute(f"DROP TRIGGER invoices_{trigger}")
        assert scene.findings() == []
        yield scene


@pytest.fixture
def scene(clean):
    """The clean run, put back to what it was afterwards; only the sandbox forgets nothing."""
    expected, path = dict(clean.run.expected), clean.database.path
    with closing(sqlite3.connect(":memory:")) as kept:
        with closing(sqlite3.connect(path)) as database:
            database.backup(kept)
        yield clean
        with closing(sqlite3.connect(path)) as database:
            kept.backup(database)
    clean.run.expected = expected
    (clean.run.folder / "careless.log").unlink(missing_ok=True)


def ask(scene, path, body, headers):
    request = urllib.request.Request(f"{scene.sandbox.address}/api{path}", body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def submit_again(scene):
    form = {
        "grant_type": "client_credentials",
        "client_id": "flashnodeClient",
        "client_secret": scene.run.hidden["PROCOUNTOR_TEST_CLIENT_SECRET"],
        "redirect_uri": "https://flashnode.example/callback",
        "api_key": scene.sandbox("companies")[0]["api_key"],
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    token = ask(scene, "/oauth/token", urllib.parse.urlencode(form).encode(), headers)
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {token['access_token']}",
    }
    ask(scene, "/invoices", scene.attempts()[0]["request_body"].encode(), headers)


def run_sql(statement):
    return lambda scene: scene.database.execute(statement)


def log_a_key(scene):
    key = scene.sandbox("companies")[0]["api_key"]
    (scene.run.folder / "careless.log").write_text(f"using {key}")


WRONGS = {
    "in the ledger 2 times | POSTs and": submit_again,
    "in the ledger 0 times": lambda scene: scene.run.expected.update({("nobody", "N-1"): 1}),
    "has no export": lambda scene: scene.run.expected.update({("nobody", "N-1"): 1}),
    "ended as unknown": run_sql(
        f"UPDATE invoices_invoiceexport SET status = 'unknown' WHERE id = {FIRST}"
    ),
    "the audit trail goes from": run_sql(
        "DELETE FROM invoices_auditevent WHERE action = 'export.submitting'"
    ),
    "the audit trail ends at": run_sql(
        "DELETE FROM invoices_auditevent WHERE action = 'export.reconciled'"
    ),
    "attempt 1 is open": run_sql("UPDATE invoices_submissionattempt SET finished_at = NULL"),
    "attempts numbered [2]": run_sql("UPDATE invoices_submissionattempt SET number = 2"),
    "does not match its checksum": run_sql(
        "UPDATE invoices_submissionattempt SET request_body = request_body || ' '"
    ),
    "stands in file careless.log": log_a_key,
    "stands in table invoices_submissionattempt": run_sql(
        "UPDATE invoices_submissionattempt SET response_body = 'eyJhbGciOiJ9.eyJjaWQiOjF9.c2lnbg'"
    ),
}


@pytest.mark.parametrize("finding", WRONGS)
def test_verdict_finds_what_is_wrong(scene, finding):
    phrases, before = finding.split(" | "), "\n".join(scene.findings())
    assert not any(phrase in before for phrase in phrases)

    WRONGS[finding](scene)

    after = "\n".join(scene.findings())
    assert all(phrase in after for phrase in phrases), after


BOOKS = {
    "a full count is": run_sql("UPDATE invoices_rollup SET first_pass_total = 1"),
    "'exports': 2": run_sql("UPDATE invoices_exportfact SET total = total + 1"),
    "row changed": run_sql("UPDATE invoices_submissionattempt SET http_status = 201"),
}


@pytest.mark.parametrize("finding", BOOKS)
def test_closed_books_tell_what_is_wrong(scene, finding):
    assert closed_books.findings(scene.run) == []

    BOOKS[finding](scene)

    assert finding in "\n".join(closed_books.findings(scene.run))
