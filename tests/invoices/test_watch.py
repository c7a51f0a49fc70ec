"""The watch: every finding provoked and cleared, signs of life, the command outside the cluster."""

import datetime as dt
import json
import os
import signal
import subprocess
import sys

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone, translation
from django_q.brokers import get_broker
from django_q.tasks import async_task

from integrations.models import Circuit
from invoices import engine, exports
from invoices.models import InvoiceExport, Lane
from invoices.watch import beat
from invoices.watch.causes import CAUSES, age, explain
from invoices.watch.findings import Signs, evaluate
from invoices.watch_models import Alert, Heartbeat

pytestmark = pytest.mark.django_db

BOTH = ("worker", "sweep")


def later(seconds):
    return time_machine.travel(timezone.now() + dt.timedelta(seconds=seconds), tick=False)


def codes(after=0, beating=BOTH):
    """What is found in so many seconds, with `beating` alive to the last."""
    with later(after):
        for name in beating:
            beat(name)
        return [finding.code for finding in evaluate(Signs.read())]


def test_engine_that_works_gives_no_finding(queued):
    queued("A-1")

    assert codes() == []


def test_engine_that_never_ran_is_silent():
    found = evaluate(Signs.read())

    assert [f.code for f in found] == ["worker_silent", "sweep_late"]
    assert [f.facts for f in found] == [{"seconds": None}] * 2
    assert "never" in found[0].explained()["meaning"]


@pytest.mark.parametrize(("silent", "code"), [("worker", "worker_silent"), ("sweep", "sweep_late")])
def test_silence_of_more_than_150_seconds_is_found_and_cleared(silent, code):
    codes()
    others = [name for name in BOTH if name != silent]

    assert codes(after=149, beating=others) == []
    assert codes(after=152, beating=others) == [code]
    assert codes(after=152) == []


def test_worker_at_a_lane_is_alive_and_the_sweep_waits_for_its_turn(tenant):
    codes()
    lane = Lane.objects.create(tenant=tenant, holder="worker", lease_until=timezone.now())

    def while_it_works(after):
        lane.lease_until = timezone.now() + dt.timedelta(seconds=after + 30)
        lane.save(update_fields=["lease_until"])
        return codes(after=after, beating=())

    assert while_it_works(500) == []
    assert while_it_works(610) == ["sweep_late"]
    assert codes(after=650, beating=()) == ["worker_silent", "sweep_late"]


def test_lease_from_the_future_is_no_sign_of_life(tenant):
    codes()
    ahead = timezone.now() + dt.timedelta(hours=2)
    Lane.objects.create(tenant=tenant, holder="worker", lease_until=ahead)

    assert codes(after=160, beating=()) == ["worker_silent", "sweep_late"]


def test_heartbeat_from_the_future_is_a_finding_and_no_sign_of_life():
    codes(after=3600)
    assert [f.code for f in evaluate(Signs.read())] == ["clock_ahead"]

    assert codes() == []


def test_heartbeat_a_little_ahead_is_no_finding():
    codes(after=50)

    assert evaluate(Signs.read()) == []


@pytest.mark.parametrize("status", ["queued", "unknown"])
def test_due_export_that_waits_is_found_and_cleared(tenant, queued, status):
    queued("A-1")
    InvoiceExport.objects.update(status=status)

    assert codes(after=890) == []
    assert codes(after=910) == ["exports_waiting"]

    engine.run_lane(tenant.pk)
    InvoiceExport.objects.filter(status=status).update(not_before=None)
    assert codes(after=910) == []


def test_waiting_time_is_a_setting(queued, settings):
    settings.WATCH_EXPORT_WAIT_SECONDS = 30
    queued("A-1")

    assert codes(after=40) == ["exports_waiting"]


def test_export_of_a_paused_tenant_and_one_planned_for_later_do_not_wait(tenant, queued):
    queued("A-1", "A-2")
    InvoiceExport.objects.filter(invoice__number="A-1").update(
        not_before=timezone.now() + dt.timedelta(hours=2)
    )
    InvoiceExport.objects.filter(invoice__number="A-2").update(status="draft")
    assert codes(after=910) == []

    InvoiceExport.objects.update(status="queued", not_before=timezone.now())
    tenant.state = "paused"
    tenant.save(update_fields=["state"])
    assert codes(after=910) == []


def outage(state="open", probed=0):
    now = timezone.now()
    Circuit.objects.update_or_create(
        environment="test",
        defaults={
            "state": state,
            "since": now - dt.timedelta(minutes=30),
            "probe_at": now + dt.timedelta(seconds=probed),
        },
    )


def test_outage_is_found_until_it_is_over():
    outage()
    assert codes() == ["procountor_outage"]

    outage(state="ramping")
    assert codes() == []


def test_exports_that_wait_for_an_outage_to_end_are_no_finding_of_their_own(queued):
    queued("A-1")
    outage(probed=900)
    assert codes(after=910) == ["procountor_outage"]

    outage(state="closed")
    assert codes(after=910) == ["exports_waiting"]


def test_outage_that_nobody_probes_hides_no_waiting_export(queued):
    queued("A-1")
    outage()

    assert codes(after=910) == ["exports_waiting"]


def test_claim_that_nobody_holds_is_found_and_cleared(tenant, queued, settings):
    queued("A-1")
    exports.claim_next(tenant)
    lease = settings.EXPORT_LEASE_SECONDS

    assert codes(after=lease + 290) == []
    assert codes(after=lease + 310) == ["claims_expired"]

    with later(lease + 310):
        exports.expire_leases()
    assert codes(after=lease + 310) == []


def test_tasks_that_nobody_takes_are_found_and_cleared():
    async_task("invoices.tasks.sweep")

    assert codes(after=590) == []
    assert codes(after=610) == ["tasks_waiting"]

    get_broker().delete_queue()
    assert codes(after=610) == []


def test_watch_that_was_running_and_fell_silent_is_found():
    codes(beating=["watch"])

    assert codes(after=890) == []
    assert codes(after=910) == ["watch_silent"]


def test_task_that_a_worker_has_taken_does_not_wait():
    async_task("invoices.tasks.sweep")
    with later(1):
        assert len(get_broker().dequeue()) == 1

    assert codes(after=610) == []


def test_task_leaves_a_sign_of_the_worker_and_the_sweep_its_own():
    async_task("invoices.tasks.sweep", sync=True)

    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "sweep"}


def test_task_of_integrations_leaves_a_sign_of_the_worker():
    async_task("integrations.tasks.check_due_connections", sync=True)

    assert list(Heartbeat.objects.values_list("name", flat=True)) == ["worker"]


def test_heartbeat_writes_at_most_once_in_five_seconds(django_assert_num_queries):
    with later(0) as clock:
        with django_assert_num_queries(2):
            beat("worker")
        clock.shift(4)
        with django_assert_num_queries(1):
            beat("worker")
        clock.shift(2)
        with django_assert_num_queries(2):
            beat("worker")
        assert Heartbeat.objects.get().at == timezone.now()


def test_every_cause_has_words_for_its_facts():
    facts = {"seconds": 400, "count": 3, "names": "worker", "error": "OSError"}
    facts |= {"status": "DELETED", "code": "x", "field": "y", "value": "z"}
    facts |= {"exports": 2, "days": 1, "first": "invoices_invoice 7"}
    facts |= {"host": "hooks.example", "since": "2026-11-02"}

    for cause in CAUSES:
        words = explain(cause, facts)
        assert all(words.values())
        assert "%" not in "".join(words.values())


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7300, "2 h"), (200_000, "2 d")],
)
def test_age_is_shown_in_the_unit_that_suits_it(seconds, shown):
    assert age(seconds) == shown


def watch(capsys):
    """Look once; returns exit code and JSON document."""
    code = 0
    try:
        call_command("watch", "--once", "--json")
    except SystemExit as done:
        code = done.code
    return code, json.loads(capsys.readouterr().out)


def test_command_ends_with_zero_when_all_is_well(capsys):
    codes()

    code, facts = watch(capsys)

    assert (code, facts["findings"], facts["open_alerts"]) == (0, [], 0)
    assert facts["last_sign_seconds"] >= 0
    assert Heartbeat.objects.filter(name="watch").count() == 1


def test_command_ends_with_one_and_opens_alerts_then_ends_them(capsys):
    with translation.override("fi"):
        code, facts = watch(capsys)
    assert (code, [f["code"] for f in facts["findings"]]) == (1, ["worker_silent", "sweep_late"])
    assert facts["findings"][0]["title"] == "Background tasks do not run"
    assert facts["open_alerts"] == 2

    codes()
    code, facts = watch(capsys)

    assert (code, facts["open_alerts"]) == (0, 0)
    assert Alert.objects.filter(recovered_at__isnull=False).count() == 2


def outside(*arguments):
    """The command in a process of its own, with a database that refuses."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "watch", "--json", *arguments],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": "postgres://nobody:pass-7f3a@127.0.0.1:9/none",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_command_says_that_the_database_is_down_and_tells_no_password():
    with outside("--once") as process:
        out, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert [f["code"] for f in json.loads(out)["findings"]] == ["database_unreachable"]
    assert "the database does not answer" in err
    assert "pass-7f3a" not in out + err


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_command_refuses_to_look_without_a_pause(seconds):
    with pytest.raises(CommandError, match="--every") as refused:
        call_command("watch", f"--every={seconds}")

    assert refused.value.returncode == 2


def test_command_goes_on_looking_until_it_is_told_to_stop():
    with outside("--every", "0.1") as process:
        looks = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    assert process.returncode == 0
    assert {f["code"] for look in looks for f in look["findings"]} == {"database_unreachable"}
