"""The upload desk from the outside: pages, and the background tasks they ask for."""

import datetime as dt
import json

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from invoices import tasks
from invoices.filing import batches
from invoices.models import AuditEvent, Invoice, InvoiceExport, ReceivedFile
from invoices.upload_models import StagedFile, StagedInvoice, StagedPiece, StagedProblem, Upload
from invoices.uploads import staging, taking_in, work
from tests import factories, uploads
from tests.invoices.intake import written
from tests.invoices.intake.seeds import sound
from tests.staff import ANONYMOUS, EVERYBODY, log_in, refusal, said, text, url
from tests.uploads import named, own, press, row, send, staged, table

pytestmark = pytest.mark.django_db
LEFT = (StagedPiece, StagedInvoice, StagedProblem)


@pytest.fixture
def accountant(client):
    client.user = log_in(client, "Accountant")
    return client


def page(client, upload):
    return text(client.get(url("invoices_upload_change", upload.pk)))


def nothing_is_left():
    return [model.objects.count() for model in LEFT] == [0, 0, 0]


def test_nothing_is_taken_in_before_a_person_confirms(accountant, tenant):
    upload = staged(accountant, tenant, named("a.json", own("A-1", "A-2")))

    assert upload.state == "previewed"
    assert not ReceivedFile.objects.exists() and not Invoice.objects.exists()
    shown = page(accountant, upload)
    assert "Take in 2 new invoices" in shown
    assert "251.00 EUR" in shown and "A-1" in shown and "Ostaja Oy" in shown


def test_confirmed_upload_is_filed_byte_for_byte_and_forgotten(accountant, tenant):
    content = own("A-1")
    upload = uploads.taken_in(accountant, tenant, named("a.json", content))

    received = ReceivedFile.objects.get()
    assert bytes(received.content) == content
    assert (received.name, received.received_by) == ("a.json", accountant.user)
    assert InvoiceExport.objects.get().status == "queued"
    assert (upload.state, nothing_is_left()) == ("done", True)
    assert "Accepted: 1" in page(accountant, upload).replace('<span class="desk-strong">', "")


def test_invoices_are_taken_in_as_drafts_when_asked(accountant, tenant):
    uploads.taken_in(accountant, tenant, named("a.json", own("A-1")), queue="drafts")

    assert InvoiceExport.objects.get().status == "draft"


def test_preview_tells_new_duplicate_changed_and_rejected_apart(accountant, tenant):
    uploads.taken_in(accountant, tenant, named("a.json", own("A-1", "A-2")))
    content = {
        "invoices": [
            factories.invoice("A-1"),
            factories.invoice("A-2", order_reference="PO 7"),
            factories.invoice("A-3", currency="SEK", currency_rate="11.5"),
            factories.invoice("A-4", rows=[]),
        ]
    }
    upload = staged(accountant, tenant, named("b.json", json.dumps(content)))

    file = upload.files.get()
    assert file.counts == {"duplicate": 1, "changed": 1, "new": 1, "rejected": 1}
    assert file.sums["new"] == {"SEK": "125.50"} and file.sums["changed"] == {"EUR": "125.50"}
    assert ReceivedFile.objects.count() == 1


def test_same_invoice_in_two_files_of_an_upload_is_new_once(accountant, tenant):
    files = [named("a.json", own("A-1")), named("b.json", own("A-1", "B-1"))]
    files.append(named("c.json", own("A-1", order_reference="PO 7")))
    upload = staged(accountant, tenant, *files)

    counts = [file.counts for file in upload.files.order_by("position")]
    assert counts == [{"new": 1}, {"duplicate": 1, "new": 1}, {"changed": 1}]


def test_preview_says_what_taking_in_then_does(accountant, tenant):
    rows = [row("T-1"), row("T-2", Asiakas=""), row("T-3", **{"ALV-%": "99"}), row("T-1")]
    upload = staged(accountant, tenant, named("a.csv", table(*rows)))
    foretold = upload.files.get().counts
    press(accountant, upload, "confirm", queue="drafts")
    tasks.take_in_upload(upload.pk)

    outcomes = list(ReceivedFile.objects.get().items.values_list("outcome", flat=True))
    assert outcomes.count("accepted") == foretold["new"]
    assert outcomes.count("rejected") == foretold["rejected"]


def test_same_cause_is_folded_and_each_row_is_listed(accountant, tenant):
    rows = [row(f"T-{n}", Asiakas="") for n in range(60)] + [row("T-99", **{"ALV-%": "x"})]
    upload = staged(accountant, tenant, named("a.csv", table(*rows)))

    file = upload.files.get()
    assert [(c["code"], c["field"], c["count"]) for c in file.causes] == [
        ("missing", "Asiakas", 60),
        ("not_a_number", "ALV-%", 1),
    ]
    shown = page(accountant, upload)
    assert "Row by row" in shown and "Page 1 of 2" in shown and "row 2, Asiakas" in shown
    query = {"file": file.pk, "code": "not_a_number", "field": "ALV-%"}
    chosen = text(accountant.get(url("invoices_upload_change", upload.pk), query))
    assert "row 62, ALV-%" in chosen and "row 2, Asiakas" not in chosen


@pytest.mark.parametrize("name", ["ubl", "cii", "csv", "xlsx", "zip"])
def test_uploaded_file_of_any_format_is_taken_in(accountant, tenant, name):
    document = sound("B-1", exempt=False)
    lines = written.table(document)
    content = {
        "ubl": lambda: written.ubl(document),
        "cii": lambda: written.cii(document),
        "csv": lambda: written.csv_text(lines).encode(),
        "xlsx": lambda: written.xlsx(lines),
        "zip": lambda: written.zipped({"a.xml": written.ubl(document)}),
    }[name]()

    uploads.taken_in(accountant, tenant, named("b.dat", content))

    export = InvoiceExport.objects.select_related("invoice").get()
    assert (export.status, export.invoice.number) == ("queued", "B-1")
    assert export.invoice.gross_total == document.gross_total
    assert ReceivedFile.objects.get().format == name


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff\xfe", b"<Finvoice", b"{" * 5000, b"PK\x03\x04"]
)
def test_broken_upload_is_explained_and_kept_when_confirmed(accountant, tenant, content):
    upload = staged(accountant, tenant, named("x\x00.xml", content))
    assert accountant.get(url("invoices_upload_change", upload.pk)).status_code == 200

    press(accountant, upload, "confirm", queue="queue")
    assert tasks.take_in_upload(upload.pk)

    received = ReceivedFile.objects.get()
    assert received.problems and bytes(received.content) == content


def test_file_is_staged_in_pieces_of_a_megabyte(accountant, tenant):
    content = b'{"invoices": [' + b" " * 2_500_000 + own("A-1")[14:]
    send(accountant, tenant, named("a.json", content))

    sizes = [len(piece.content) for piece in StagedPiece.objects.order_by("number")]
    file = StagedFile.objects.get()
    assert max(sizes) <= 1_000_000 and sum(sizes) == len(content) == file.size
    stream = staging.source_of(file)
    assert stream.read() == content
    assert stream.seek(999_990) and stream.read(20) == content[999_990:1_000_010]
    assert stream.seek(-5, 2) and stream.read() == content[-5:]


def test_files_over_the_limit_are_refused_and_leave_nothing(accountant, tenant, monkeypatch):
    monkeypatch.setattr(staging, "MAX_BYTES", 3_000_000)

    answer = send(accountant, tenant, named("big.xml", b" " * 3_000_001))

    assert answer.status_code == 200
    assert "big.xml was not taken: all files of an upload may have 3 MB together." in text(answer)
    assert not Upload.objects.exists() and nothing_is_left()


def test_files_that_fit_are_kept_beside_one_that_does_not(accountant, tenant, monkeypatch):
    monkeypatch.setattr(staging, "MAX_BYTES", 3_000_000)

    answer = send(accountant, tenant, named("a.json", own("A-1")), named("b.xml", b" " * 3_000_000))

    assert [sentence.split(" was")[0] for sentence in said(answer)] == ["b.xml"]
    assert [file.name for file in StagedFile.objects.all()] == ["a.json"]


def test_more_files_than_allowed_are_left_out_and_told(accountant, tenant):
    answer = send(accountant, tenant, *[named(f"{n}.json", b"{}") for n in range(51)])

    assert said(answer) == ["Choose at most 50 files at a time."]
    assert StagedFile.objects.count() == 50


def test_far_too_many_files_are_refused_at_the_field(accountant, tenant):
    answer = send(accountant, tenant, *[named(f"{n}.json", b"{}") for n in range(120)])

    assert answer.status_code == 200 and "Choose at most 50 files" in text(answer)
    assert not Upload.objects.exists()


def test_upload_without_the_token_leaves_nothing(tenant):
    client = Client(enforce_csrf_checks=True)
    log_in(client, "Accountant")

    answer = send(client, tenant, named("a.json", own("A-1")))

    assert answer.status_code == 403
    assert not Upload.objects.exists() and nothing_is_left()


def test_script_is_told_where_to_go_without_using_up_the_messages(accountant, tenant):
    files = [named(f"{n}.json", b"{}") for n in range(51)]
    data = {"tenant": tenant.pk, "uploads": files}
    header = {"X-Requested-With": "XMLHttpRequest"}
    answer = accountant.post(url("invoices_upload_new"), data, headers=header)

    upload = Upload.objects.get()
    assert answer["X-Go-To"] == url("invoices_upload_change", upload.pk)
    assert "Choose at most 50 files at a time." in page(accountant, upload)


def test_closed_tenant_is_refused_at_each_step(accountant, tenant):
    upload = staged(accountant, tenant, named("a.json", own("A-1")))
    type(tenant).objects.update(state="closed")

    refused = text(send(accountant, tenant, named("b.json", own("B-1"))))
    confirmed = press(accountant, upload, "confirm", queue="queue")

    assert "is closed: nothing is taken in for it" in refused
    assert "is closed: nothing is taken in for it" in said(confirmed)[0]
    assert upload.state == "previewed" and "Take in 1" not in page(accountant, upload)
    press(accountant, upload, "discard")
    assert (upload.state, nothing_is_left()) == ("discarded", True)


@pytest.mark.parametrize("step", ["preview", "take_in"])
def test_tenant_closed_while_a_worker_is_due_ends_the_upload(accountant, tenant, step):
    send(accountant, tenant, named("a.json", own("A-1")))
    upload = Upload.objects.get()
    if step == "take_in":
        tasks.preview_upload(upload.pk)
        press(accountant, upload, "confirm", queue="queue")
    type(tenant).objects.update(state="closed")

    tasks.preview_upload(upload.pk)
    tasks.take_in_upload(upload.pk)

    upload.refresh_from_db()
    assert (upload.state, upload.failure) == ("failed", "tenant_closed")
    assert "The tenant was closed meanwhile" in page(accountant, upload)
    assert not ReceivedFile.objects.exists()


def test_what_was_in_when_the_tenant_was_closed_stays_and_the_rest_can_be_looked_at_again(
    accountant, tenant, monkeypatch
):
    upload = staged(accountant, tenant, named("a.json", own("A-1")), named("b.json", own("B-1")))
    press(accountant, upload, "confirm", queue="drafts")
    take_in = taking_in._take_in

    def close_after_the_first(*given):
        found = take_in(*given)
        type(tenant).objects.update(state="closed")
        return found

    monkeypatch.setattr(taking_in, "_take_in", close_after_the_first)
    assert not tasks.take_in_upload(upload.pk)
    monkeypatch.undo()
    type(tenant).objects.update(state="active")
    press(accountant, upload, "again")
    assert tasks.preview_upload(upload.pk)
    press(accountant, upload, "confirm", queue="drafts")
    assert tasks.take_in_upload(upload.pk)

    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["A-1", "B-1"]
    assert [file.state for file in upload.files.all()] == ["taken_in", "taken_in"]
    assert ReceivedFile.objects.count() == 2


def test_discarded_upload_leaves_only_which_files_it_were(accountant, tenant):
    upload = staged(accountant, tenant, named("a.csv", table(row("T-1"), row("T-2", Asiakas=""))))

    press(accountant, upload, "discard")

    file = upload.files.get()
    assert (upload.state, nothing_is_left()) == ("discarded", True)
    assert (file.sample, file.problems, file.causes) == (None, [], [])
    assert (file.name, len(file.sha256)) == ("a.csv", 64)
    assert "Kukka Oy" not in page(accountant, upload)


def test_cancelled_upload_keeps_what_is_in_and_leaves_the_rest(accountant, tenant, monkeypatch):
    files = [named("a.json", own("A-1")), named("b.json", own("B-1"))]
    upload = staged(accountant, tenant, *files)
    press(accountant, upload, "confirm", queue="queue")
    take_in = taking_in._take_in

    def cancel_after_the_first(*given):
        take_in(*given)
        press(accountant, upload, "cancel")

    monkeypatch.setattr(taking_in, "_take_in", cancel_after_the_first)
    assert not tasks.take_in_upload(upload.pk)

    assert upload.state == "cancelled" and nothing_is_left()
    assert [file.state for file in upload.files.order_by("position")] == ["taken_in", "left"]
    assert [invoice.number for invoice in Invoice.objects.all()] == ["A-1"]
    shown = page(accountant, upload)
    assert "Cancelled. What had been taken in by then stays" in shown and "Not taken in" in shown


def test_file_cancelled_in_the_middle_says_how_much_is_in(accountant, tenant, monkeypatch):
    numbers = [f"A-{n}" for n in range(5)]
    upload = staged(accountant, tenant, named("a.json", own(*numbers)))
    press(accountant, upload, "confirm", queue="drafts")
    monkeypatch.setattr(batches, "BATCH_ITEMS", 1)
    sign = work.Work.sign

    def cancel_after_two(self):
        sign(self)
        if Invoice.objects.count() == 2 and upload.state == "taking_in":
            press(accountant, upload, "cancel")

    monkeypatch.setattr(work.Work, "sign", cancel_after_two)
    assert not tasks.take_in_upload(upload.pk)
    tasks.follow_filings()

    assert (upload.state, upload.files.get().state) == ("cancelled", "partly")
    assert Invoice.objects.count() == 2 and nothing_is_left()
    assert "Cancelled after 2 of 5 invoices" in page(accountant, upload)
    monkeypatch.undo()
    again = uploads.taken_in(accountant, tenant, named("a.json", own(*numbers)))
    assert again.files.get().counts == {"duplicate": 2, "new": 3}
    assert Invoice.objects.count() == 5


def test_long_upload_is_taken_in_by_one_task_after_another(accountant, tenant, monkeypatch):
    upload = staged(accountant, tenant, named("a.json", own("A-1", "A-2", "A-3")))
    press(accountant, upload, "confirm", queue="drafts")
    monkeypatch.setattr(batches, "BATCH_ITEMS", 1)
    monkeypatch.setattr(taking_in, "_TURN_SECONDS", 0)
    monkeypatch.setattr(taking_in, "_MOST_SECONDS", 0)
    counts = []
    for _turn in range(3):
        OrmQ.objects.all().delete()
        assert not tasks.take_in_upload(upload.pk)
        counts.append((Invoice.objects.count(), OrmQ.objects.count()))

    assert counts == [(1, 1), (2, 1), (3, 1)]
    assert tasks.take_in_upload(upload.pk)
    assert ReceivedFile.objects.get().items.count() == 3


def test_what_a_person_has_to_see_to_is_told_before_it_is_taken_in(accountant, tenant):
    line = factories.invoice()["rows"][0] | {"vat_percent": "0", "vat_category": "E"}
    fields = {"gross_total": "100.00", "additional_information": "Veroton 34 §"}
    upload = staged(accountant, tenant, named("a.json", own("A-1", rows=[line], **fields)))

    file = upload.files.get()
    assert file.counts == {"new": 1}
    assert [(each["code"], each["waits"]) for each in file.causes] == [
        ("vat_category_unmapped", True)
    ]
    assert "taken in, waits" in page(accountant, upload)


def test_second_press_of_a_button_does_nothing(accountant, tenant):
    upload = staged(accountant, tenant, named("a.json", own("A-1")))
    press(accountant, upload, "confirm", queue="queue")
    again = press(accountant, upload, "confirm", queue="drafts")
    discarded = press(accountant, upload, "discard")

    assert upload.queue is True and upload.state == "taking_in"
    assert (
        said(again)[-1]
        == said(discarded)[-1]
        == ("It had moved on meanwhile: look at its state now.")
    )


@pytest.mark.parametrize("died", ["before it was noted", "in the middle"])
def test_killed_worker_leaves_no_file_received_twice(accountant, tenant, monkeypatch, died):
    upload = staged(accountant, tenant, named("a.json", own("A-1", "A-2", "A-3")))
    press(accountant, upload, "confirm", queue="drafts")
    monkeypatch.setattr(batches, "BATCH_ITEMS", 1)
    sign = work.Work.sign

    class Killed(BaseException):
        """Nothing catches it, as nothing catches SIGKILL."""

    def dies(self):
        count = Invoice.objects.count()
        if ReceivedFile.objects.exists() and count == (0 if died.startswith("before") else 2):
            raise Killed
        sign(self)

    monkeypatch.setattr(work.Work, "sign", dies)
    with pytest.raises(Killed):
        tasks.take_in_upload(upload.pk)
    monkeypatch.setattr(work.Work, "sign", sign)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=6)):
        tasks.follow_uploads()
        assert tasks.take_in_upload(upload.pk)

    assert (ReceivedFile.objects.count(), Invoice.objects.count()) == (1, 3)
    received = ReceivedFile.objects.get()
    assert list(received.items.values_list("outcome", flat=True)) == ["accepted"] * 3
    assert upload.files.get().received == received


def test_worker_that_died_is_taken_over_and_nothing_is_twice(accountant, tenant):
    upload = staged(accountant, tenant, named("a.json", own("A-1")))
    press(accountant, upload, "confirm", queue="queue")
    Upload.objects.update(holder="dead", seen_at=timezone.now())
    OrmQ.objects.all().delete()

    assert not tasks.take_in_upload(upload.pk)
    assert tasks.follow_uploads() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=6)):
        assert (tasks.follow_uploads(), OrmQ.objects.count()) == (1, 1)
        assert tasks.take_in_upload(upload.pk)
    assert not tasks.take_in_upload(upload.pk)

    assert (ReceivedFile.objects.count(), Invoice.objects.count()) == (1, 1)


def test_what_kills_every_worker_is_not_tried_for_ever(accountant, tenant):
    send(accountant, tenant, named("a.json", own("A-1")))
    upload = Upload.objects.get()
    Upload.objects.update(tries=5)

    assert not tasks.preview_upload(upload.pk)

    upload.refresh_from_db()
    assert (upload.state, upload.failure) == ("failed", "too_often")
    press(accountant, upload, "again")
    assert tasks.preview_upload(upload.pk)


def test_undecided_upload_is_discarded_after_its_days(accountant, tenant, settings):
    upload = staged(accountant, tenant, named("a.json", own("A-1")))
    done = uploads.taken_in(accountant, tenant, named("b.json", own("B-1")))

    with time_machine.travel(timezone.now() + dt.timedelta(days=settings.UPLOAD_DAYS, minutes=1)):
        tasks.follow_uploads()

    upload.refresh_from_db()
    done.refresh_from_db()
    assert (upload.state, done.state, nothing_is_left()) == ("discarded", "done", True)
    event = AuditEvent.objects.get(action="upload.discarded")
    assert (event.by, event.tenant) == (None, tenant)


def test_upload_whose_browser_went_away_is_forgotten(accountant, tenant):
    upload = Upload.objects.create(made_by=accountant.user, seen_at=timezone.now())
    file = StagedFile.objects.create(upload=upload, position=1, name="half.xml")
    StagedPiece.objects.create(file=file, number=0, content=b"half")

    tasks.follow_uploads()
    assert Upload.objects.exists()
    with time_machine.travel(timezone.now() + dt.timedelta(hours=2)):
        tasks.follow_uploads()

    assert not Upload.objects.exists() and nothing_is_left()


def test_every_act_is_in_the_audit_trail_without_contents(accountant, tenant):
    uploads.taken_in(accountant, tenant, named("a.json", own("A-1")))

    events = AuditEvent.objects.filter(action__startswith="upload.").order_by("pk")
    assert [event.action for event in events] == ["upload.staged", "upload.confirmed"]
    assert {event.by for event in events} == {accountant.user}
    assert "Ostaja" not in json.dumps([event.data for event in events])


def test_nothing_of_the_files_is_logged(accountant, tenant, caplog):
    caplog.set_level("DEBUG")
    upload = staged(accountant, tenant, named("a.csv", table(row("T-1", **{"ALV-%": "Matti"}))))
    press(accountant, upload, "confirm", queue="queue")
    tasks.take_in_upload(upload.pk)

    # The database's own statements are logged by nobody outside of tests.
    lines = [record for record in caplog.records if record.name != "django.db.backends"]
    assert "Kukka" not in str([line.getMessage() for line in lines])
    assert "Matti" not in str([line.getMessage() for line in lines])


def test_upload_desk_is_for_accountants(tenant, client):
    upload = staged_by_somebody(tenant)
    pages = [
        url("invoices_upload_new"),
        url("invoices_upload_changelist"),
        url("invoices_upload_change", upload.pk),
        url("invoices_upload_state", upload.pk),
        url("invoices_columnlayout_changelist"),
        url("invoices_upload_columns", upload.pk, upload.files.get().pk),
    ]
    found = {}
    for rung in EVERYBODY:
        other = Client()
        log_in(other, rung)
        found[rung] = {refusal(other.get(each)) for each in pages}

    assert found == {
        ANONYMOUS: {"log in"},
        "no rights": {"refused"},
        "Support": {"refused"},
        "Management": {"refused"},
        "Accountant": {"shown"},
        "Administrator": {"shown"},
    }


def test_others_can_neither_upload_nor_decide(tenant):
    upload = staged_by_somebody(tenant)
    for rung in ("no rights", "Support", "Management"):
        other = Client()
        log_in(other, rung)
        assert send(other, tenant, named("a.json", own("A-1"))).status_code == 403
        for button in ("confirm", "discard", "cancel", "again"):
            assert press(other, upload, button).status_code == 403

    assert (upload.state, Upload.objects.count()) == ("previewed", 1)


def staged_by_somebody(tenant):
    client = Client()
    log_in(client, "Accountant")
    return staged(client, tenant, named("a.csv", table(row("T-1"))))


def test_buyers_are_masked_for_who_may_not_see_people(client, tenant):
    person = row("T-1", Asiakas="Matti Meikäläinen", **{"Y-tunnus": ""})
    broken = row("T-2", **{"ALV-%": "Matti"})
    user = log_in(client, "Accountant")
    group = user.groups.get()
    group.permissions.remove(group.permissions.get(codename="view_personal_data"))

    upload = staged(client, tenant, named("a.csv", table(person, broken)))

    shown = page(client, upload)
    assert "Private person" in shown and "Matti" not in shown
    columns = text(client.get(url("invoices_upload_columns", upload.pk, upload.files.get().pk)))
    assert "Private person" in columns and "Matti" not in columns


def test_upload_still_being_received_is_shown_to_nobody(accountant):
    upload = Upload.objects.create(made_by=accountant.user)

    assert accountant.get(url("invoices_upload_change", upload.pk)).status_code == 404
    assert accountant.get(url("invoices_upload_changelist")).context["cl"].result_count == 0


@pytest.mark.parametrize("language", ["en", "fi"])
@pytest.mark.parametrize("state", ["previewing", "previewed", "taking_in", "done", "failed"])
def test_page_opens_in_every_state(accountant, tenant, state, language):
    upload = staged(accountant, tenant, named("a.csv", table(row("T-1"), row("T-2", Asiakas=""))))
    Upload.objects.update(state=state)

    pages = [url("invoices_upload_change", upload.pk), url("invoices_upload_state", upload.pk)]
    answers = [accountant.get(each, headers={"Accept-Language": language}) for each in pages]

    assert [answer.status_code for answer in answers] == [200, 200]
    running = state in ("previewing", "taking_in")
    assert ("X-Over" in answers[1]) != running
    assert ("http-equiv" in text(answers[0])) == running


def test_several_files_are_received_one_by_one(accountant, tenant):
    files = [named(f"{number}.json", own(number)) for number in ("A-1", "A-2")]

    uploads.taken_in(accountant, tenant, *files, queue="drafts")

    assert sorted(ReceivedFile.objects.values_list("name", "received_by")) == [
        ("A-1.json", accountant.user.pk),
        ("A-2.json", accountant.user.pk),
    ]


@pytest.mark.parametrize("missing", ["tenant", "uploads"])
def test_upload_without_a_field_is_told_at_it(accountant, tenant, missing):
    data = {"tenant": tenant.pk, "uploads": named("a.json", b"{}")}
    data.pop(missing)

    response = accountant.post(url("invoices_upload_new"), data)

    assert list(response.context["form"].errors) == [missing]
    assert not Upload.objects.exists() and nothing_is_left()


def test_a_name_that_has_a_line_break_or_a_path_is_a_name_only(accountant, tenant):
    file = named("a.json", b"{}")
    file.name = "../../etc/pass\r\nX-Evil: 1.xml"

    uploads.taken_in(accountant, tenant, file)

    received = ReceivedFile.objects.get()
    response = accountant.get(url("invoices_receivedfile_download", received.pk))
    assert "/" not in received.name
    assert "X-Evil" not in response.headers


def test_one_invoice_in_two_formats_is_exported_once(accountant, tenant):
    document = sound("B-1", exempt=False)
    files = [named("a.xml", written.ubl(document))]
    files.append(named("b.csv", written.csv_text(written.table(document))))

    upload = uploads.taken_in(accountant, tenant, *files)

    first, second = upload.files.order_by("position")
    assert first.counts == {"new": 1} and "new" not in second.counts
    assert InvoiceExport.objects.count() == 1


def test_old_address_of_the_upload_leads_to_the_desk(accountant):
    answer = accountant.get("/admin/invoices/receivedfile/upload/")

    assert answer["Location"] == url("invoices_upload_new")
