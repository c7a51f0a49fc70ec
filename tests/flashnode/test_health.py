"""`/healthz` and `/readyz`: open to anyone, so they tell nothing but codes."""

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from django_q.conf import Conf

from flashnode.demo import free_port
from invoices.watch import beat
from invoices.watch_models import Heartbeat

pytestmark = pytest.mark.django_db


@pytest.fixture
def alive():
    cache.clear()  # what the last asking left there
    beat("worker")
    beat("sweep")


def ready(client):
    response = client.get("/readyz")
    return response.status_code, response.json()["codes"]


def test_healthz_says_live_with_one_query(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        response = client.get("/healthz")

    assert (response.status_code, response.content) == (200, b"live")
    assert response["Cache-Control"] == "no-store"
    assert response.cookies == {}


def test_readyz_is_ready_when_all_works(client, alive):
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"ready": True, "codes": []})
    assert response["Cache-Control"] == "no-store"
    assert response.cookies == {}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_only_reading_is_answered(client, alive, path):
    answers = {m: getattr(client, m)(path).status_code for m in ("get", "head", "post", "delete")}

    assert answers == {"get": 200, "head": 200, "post": 405, "delete": 405}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_balancer_needs_neither_tls_nor_a_host_name(client, alive, settings, path):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(path, headers={"host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/admin/", headers={"host": "10.0.0.7:8000"}).status_code == 400
    assert client.get("/admin/", headers={"host": "localhost"}).status_code == 301


@pytest.mark.parametrize(("name", "code"), [("worker", "worker_silent"), ("sweep", "sweep_late")])
def test_readyz_names_what_is_silent_until_it_moves_again(client, alive, name, code):
    Heartbeat.objects.filter(name=name).update(at=timezone.now() - dt.timedelta(seconds=200))
    assert ready(client) == (503, [code])

    beat(name)

    assert ready(client) == (200, [])


def test_readyz_refuses_a_sign_of_life_from_the_future(client, alive):
    Heartbeat.objects.filter(name="sweep").update(at=timezone.now() + dt.timedelta(hours=1))

    assert ready(client) == (503, ["clock_ahead"])


@pytest.mark.parametrize("app", ["flashnode", "integrations", "invoices"])
def test_readyz_waits_for_migrations(client, alive, app):
    recorder = MigrationRecorder(connection)
    (newest,) = MigrationLoader(None).graph.leaf_nodes(app)
    recorder.record_unapplied(*newest)
    assert ready(client) == (503, ["migrations_missing"])

    recorder.record_applied(*newest)

    assert ready(client) == (200, [])


@pytest.mark.parametrize(
    "backend",
    [
        {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://user:pass-7f3a@127.0.0.1:9/0",
        },
    ],
    ids=["forgets", "refuses"],
)
def test_readyz_needs_a_cache_that_remembers(client, alive, settings, backend, caplog):
    settings.CACHES = {"default": backend}

    assert ready(client) == (503, ["cache_failed"])
    assert "pass-7f3a" not in caplog.text


def test_readyz_needs_the_broker(client, alive, monkeypatch):
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(Conf, "REDIS", "redis://127.0.0.1:9/0")

    assert ready(client) == (503, ["broker_unreachable"])


@contextlib.contextmanager
def read_only():
    on, off = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": (
            "SET default_transaction_read_only = on",
            "SET default_transaction_read_only = off",
        ),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(on)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(off)


@pytest.mark.django_db(transaction=True)
def test_readyz_needs_a_database_that_takes_writes(client, alive):
    with read_only():
        assert ready(client) == (503, ["database_read_only", "cache_failed"])

    assert ready(client) == (200, [])


def test_readyz_asked_often_writes_once_in_five_seconds(client, alive, django_assert_num_queries):
    client.get("/readyz")

    # Reach, migrations, own heartbeat, cache, all heartbeats: five reads.
    with django_assert_num_queries(5):
        client.get("/readyz")


def test_answers_name_no_tenant_no_person_and_no_place(client, tenant):
    told = client.get("/readyz").content.decode() + client.get("/healthz").content.decode()

    assert "worker_silent" in told
    for private in (tenant.name, tenant.slug, tenant.business_id, os.uname().nodename):
        assert private not in told


def test_both_answer_over_real_http(live_server, alive):
    with urllib.request.urlopen(f"{live_server.url}/healthz", timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"live")
    with urllib.request.urlopen(f"{live_server.url}/readyz", timeout=10) as answer:
        assert json.load(answer) == {"ready": True, "codes": []}


def ask(url):
    """Status and body of a server that may still be starting."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_without_a_database_both_say_so_and_nothing_else(tmp_path):
    port, log = free_port(), tmp_path / "web.log"
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": "postgres://nobody:pass-7f3a@127.0.0.1:9/none",
    }
    command = [sys.executable, "-m", "gunicorn", "flashnode.wsgi", "-b", f"127.0.0.1:{port}"]
    with log.open("wb") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out) as web:
        try:
            assert ask(f"http://127.0.0.1:{port}/healthz") == (503, "database")
            status, body = ask(f"http://127.0.0.1:{port}/readyz")
        finally:
            web.terminate()

    assert (status, json.loads(body)["codes"]) == (503, ["database_unreachable"])
    assert "pass-7f3a" not in log.read_text()
