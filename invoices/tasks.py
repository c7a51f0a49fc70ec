"""Background tasks about exports. Thin: hints that something is due; the rows are the queue."""

from __future__ import annotations

import datetime as dt
from functools import partial

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from invoices import causes, engine, entered, evidence, expiry, filing, ledger, plans, rehearsal
from invoices.api import first_answers
from invoices.evidence import nightly
from invoices.filing_models import FilingRun
from invoices.reports import checking, files, rolling
from invoices.shops import inbox, pulling
from invoices.uploads import following, previewing, taking_in
from invoices.watch import beat
from invoices.webhooks import collecting, delivering


def run_lanes() -> int:
    """Work through what is due, and have sources told of it."""
    done = engine.run_lanes()
    if done and collecting.listening().exists():
        async_task("invoices.tasks.follow_webhooks")
    return done


def sweep() -> int:
    """Every minute: expire dead claims, wake lanes whose wake-up was lost."""
    beat("sweep")
    entered.look_up_overdue()
    return engine.sweep()


def rehearse(rehearsal_pk: int) -> bool:
    """Run a rehearsal that was asked for."""
    return rehearsal.run(rehearsal_pk)


def advance_plan_soon(plan_pk: int) -> None:
    """Have a bulk re-send driven in the background, once its start is committed."""
    transaction.on_commit(partial(async_task, "invoices.tasks.advance_plan", plan_pk))


def advance_plan(plan_pk: int) -> bool:
    """Drive a bulk re-send for one turn; the next turn is a task of its own."""
    goes_on = plans.advance(plan_pk)
    if goes_on:
        async_task("invoices.tasks.advance_plan", plan_pk)
    return goes_on


def follow_plans() -> int:
    """Every minute: bulk re-sends that no worker drives, and what healed failed invoices."""
    found = plans.unfinished()
    for plan_pk in found:
        async_task("invoices.tasks.advance_plan", plan_pk)
    plans.settle_stopped()
    causes.note_healed()
    return len(found)


def recheck_cause(recheck_pk: int) -> bool:
    """Check all of a cause again, without sending."""
    return causes.run_recheck(recheck_pk)


def look_up_entered(entry_pk: int) -> str:
    """Look up an invoice that a person says was entered by hand; returns what came of it."""
    return entered.look_up(entry_pk)


def read_ledgers_soon() -> None:
    """Have Procountor read in the background, once what is asked for is committed."""
    transaction.on_commit(partial(async_task, "invoices.tasks.read_ledgers"))


def read_ledgers() -> bool:
    """Go on with one reading of Procountor for a turn; the next turn is a task of its own."""
    goes_on = ledger.advance()
    if goes_on:
        async_task("invoices.tasks.read_ledgers")
    return goes_on


def reconcile_days() -> int:
    """Every minute: the readings of days that are due, and those that no worker goes on with."""
    count = ledger.plan_due()
    if ledger.to_be_driven():
        async_task("invoices.tasks.read_ledgers")
    return count


def advance_expiry_soon(expiry_pk: int) -> None:
    """Have a deletion go on in the background, once its approval is committed."""
    transaction.on_commit(partial(async_task, "invoices.tasks.advance_expiry", expiry_pk))


def advance_expiry(expiry_pk: int) -> bool:
    """Go on with a deletion for one turn; the next turn is a task of its own."""
    goes_on = expiry.advance(expiry_pk)
    if goes_on:
        async_task("invoices.tasks.advance_expiry", expiry_pk)
    return goes_on


def follow_expiries() -> int:
    """Every minute: deletions that no worker goes on with."""
    found = expiry.unfinished()
    for expiry_pk in found:
        async_task("invoices.tasks.advance_expiry", expiry_pk)
    return len(found)


def take_in_soon(run_pk: int) -> None:
    """Have a file taken in in the background, once its beginning is committed."""
    transaction.on_commit(partial(async_task, "invoices.tasks.take_in", run_pk))


def take_in(run_pk: int) -> bool:
    """Take in a file for a turn; the next turn is a task of its own."""
    run = FilingRun.objects.get(pk=run_pk)
    goes_on = not filing.go_on(run) and run.lease_until is None
    if goes_on:
        async_task("invoices.tasks.take_in", run_pk)
    return goes_on


def follow_filings() -> int:
    """Every minute: files that are to be taken in and that no worker has."""
    found = filing.unfinished()
    for run_pk in found:
        async_task("invoices.tasks.take_in", run_pk)
    return len(found)


def seal_audit() -> int:
    """Every minute: link what has become evidence since into its chains."""
    return evidence.seal()


def verify_audit(since: str = "") -> bool:
    """Every night: recompute all chains, a few minutes a task; the next task goes on."""
    began = dt.datetime.fromisoformat(since) if since else timezone.now()
    goes_on = nightly.verify_due(began, seconds=300)
    if goes_on:
        async_task("invoices.tasks.verify_audit", began.isoformat())
    return goes_on


def publish_audit_heads() -> int:
    """Every day: what later rewriting would contradict."""
    return nightly.publish()


def roll_up() -> bool:
    """Every minute: count for management what has happened, and see to its files."""
    files.follow()
    return rolling.roll_up()


def make_history_file(file_pk: int) -> bool:
    """Write a file of the export history that was asked for."""
    return files.make(file_pk)


def check_figures() -> dict[str, int]:
    """Every night: whether management's figures are right."""
    return checking.check_and_alert()


def preview_upload(upload_pk: int) -> bool:
    """Look at the files of an upload before they are taken in."""
    return previewing.run(upload_pk)


def take_in_upload(upload_pk: int) -> bool:
    """Take in the files of an upload that a person has confirmed."""
    return taking_in.run(upload_pk)


def follow_uploads() -> int:
    """Every minute: uploads that no worker goes on with, and those nobody decided about."""
    return following.follow()


def take_up_shop_deliveries() -> int:
    """Take up what web shops have brought."""
    return inbox.take_up()


def advance_shop_run_soon(run_pk: int) -> None:
    """Have a web shop asked in the background, once that it is asked for is committed."""
    transaction.on_commit(partial(async_task, "invoices.tasks.advance_shop_run", run_pk))


def advance_shop_run(run_pk: int) -> bool:
    """Go on with asking a web shop for a turn; the next turn is a task of its own."""
    goes_on = pulling.advance(run_pk)
    if goes_on:
        async_task("invoices.tasks.advance_shop_run", run_pk)
    return goes_on


def follow_shops() -> int:
    """Every minute: shops that are to be asked, runs that no worker goes on with, and what was
    brought while no worker was told."""
    found = pulling.plan_due()
    for run_pk in found:
        async_task("invoices.tasks.advance_shop_run", run_pk)
    inbox.take_up()
    return len(found)


def forget_shop_deliveries() -> int:
    """Daily: what is known of old webhooks only so that replays are told."""
    return inbox.forget()


def follow_webhooks() -> int:
    """Every minute, and after exporting: what sources are to be told of, and endpoints that no
    worker posts to."""
    collecting.collect()
    found = delivering.endpoints_due()
    for endpoint_pk in found:
        async_task("invoices.tasks.deliver_webhooks", endpoint_pk)
    return len(found)


def deliver_webhooks_soon(endpoint_pk: int) -> None:
    """Have an endpoint posted to in the background, once what is due is committed."""
    transaction.on_commit(partial(async_task, "invoices.tasks.deliver_webhooks", endpoint_pk))


def deliver_webhooks(endpoint_pk: int) -> bool:
    """Post to one endpoint for a turn; the next turn is a task of its own."""
    goes_on = delivering.deliver(endpoint_pk)
    if goes_on:
        async_task("invoices.tasks.deliver_webhooks", endpoint_pk)
    return goes_on


def forget_answers() -> int:
    """Every hour: the API's first answers and the webhooks' deliveries whose time is over."""
    return first_answers.forget() + delivering.forget()
