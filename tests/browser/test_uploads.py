"""The upload desk in a real browser: files in, looked at, put right, taken in."""

import json

import pytest

from invoices import tasks
from invoices.models import Invoice, InvoiceExport, ReceivedFile
from invoices.upload_models import ColumnLayout, Upload
from tests.browser.pictures import shot, width_of
from tests.browser.test_key_desk import in_background
from tests.staff import url
from tests.uploads import HEADINGS, own, row, table

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UNKNOWN = ("Docket", "When", "Who", "Y-tunnus", "What", "Levy", "Each")
AS = ("number", "date", "buyer.name", "buyer.business_id", "row.name", "row.vat_percent")


@pytest.fixture
def folder(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def newest():
    return Upload.objects.latest("pk")


def look():
    tasks.preview_upload(newest().pk)


def take_in():
    tasks.take_in_upload(newest().pk)


def send(page, live_server, *paths):
    """Choose the files on the upload page, and send them."""
    page.goto(f"{live_server.url}{url('invoices_upload_new')}")
    page.locator("select[name=tenant]").select_option(label="Acme Oy")
    page.locator("input[type=file]").set_input_files(list(paths))
    page.locator("form[data-upload] button[type=submit]").click()
    page.wait_for_url("**/upload/*/change/")


def unknown(*rows):
    return table(
        *(dict(zip(UNKNOWN, each.values(), strict=True)) for each in rows), headings=UNKNOWN
    )


def test_file_is_put_right_until_everything_is_in(log_in, live_server, tenant, folder, tmp_path):
    rows = [row("T-1"), row("T-2", **{"ALV-%": "paljon"}), row("T-3", Asiakas="")]
    page = log_in("Accountant")
    page.get_by_role("link", name="Received files").click()
    page.get_by_role("link", name="Upload files").click()
    page.get_by_label("Tenant").select_option(label="Acme Oy")
    page.get_by_label("Files").set_input_files(folder("myynti.csv", table(*rows)))
    page.get_by_text("myynti.csv · 1 kB").wait_for()
    page.get_by_role("button", name="Upload and look at them").click()
    page.get_by_text("The files are being looked at.").wait_for()
    in_background(page, look)
    page.get_by_role("button", name="Take in 1 new invoice").wait_for()
    shot(page, "upload-previewed")
    assert page.get_by_text("paljon is not a number we can read.").count() == 2
    page.get_by_label("stays here as drafts").check()
    page.get_by_role("button", name="Take in 1 new invoice").click()
    page.get_by_text("The invoices are being taken in.").wait_for()
    in_background(page, take_in)
    with page.expect_download() as found:
        page.get_by_role("link", name="Rejected invoices as a file to correct").click()
    found.value.save_as(tmp_path / found.value.suggested_filename)
    returned = (tmp_path / "myynti-rejected.csv").read_text()
    corrected = returned.replace("paljon", "25,5").replace("1.9.2026;;", "1.9.2026;Kukka Oy;")

    send(page, live_server, folder("corrected.csv", corrected))
    in_background(page, look)
    page.get_by_role("button", name="Take in 2 new invoices").click()
    page.get_by_text("The invoices are being taken in.").wait_for()
    in_background(page, take_in)
    page.get_by_text("Taken in", exact=True).first.wait_for()

    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["T-1", "T-2", "T-3"]
    statuses = dict(InvoiceExport.objects.values_list("invoice__number", "status"))
    assert statuses == {"T-1": "draft", "T-2": "queued", "T-3": "queued"}
    assert page.errors == []


def test_columns_are_chosen_with_the_first_rows_beside_them(log_in, live_server, tenant, folder):
    page = log_in("Accountant")
    send(page, live_server, folder("a.csv", unknown(row("T-1"), row("T-2"))))
    in_background(page, look)
    page.get_by_role("link", name="Choose the columns").click()
    shown = page.locator("[data-shown]")
    assert "Invoice number" in shown.inner_text() and "T-1" not in shown.inner_text()
    assert page.get_by_role("button", name="Show the first rows").is_hidden()
    for heading, field in zip(UNKNOWN, (*AS, "row.unit_price"), strict=True):
        page.get_by_label(heading, exact=True).select_option(field)
    shown.get_by_text("125.50 EUR").first.wait_for()
    shot(page, "upload-columns")
    page.get_by_role("button", name="Save and read the file like this").click()
    page.get_by_text("are read like this from now on").wait_for()
    in_background(page, look)
    page.get_by_role("button", name="Take in 2 new invoices").wait_for()
    assert "Its columns are read as" in page.content()

    send(page, live_server, folder("b.csv", unknown(row("T-3"))))
    in_background(page, look)
    page.get_by_role("button", name="Take in 1 new invoice").wait_for()
    page.goto(f"{live_server.url}{url('invoices_columnlayout_changelist')}")
    page.get_by_role("link", name="Docket").first.click()
    page.get_by_role("button", name="Forget").click()
    page.get_by_text("Forgotten: the next such table").wait_for()

    assert not ColumnLayout.objects.exists()
    assert page.errors == []


def test_progress_moves_by_itself_and_is_cancelled(log_in, live_server, tenant, folder):
    page = log_in("Accountant")
    send(page, live_server, folder("a.json", own("A-1")), folder("b.json", own("B-1")))
    in_background(page, look)
    page.get_by_role("button", name="Take in 2 new invoices").click()
    bar = page.locator("progress")
    bar.wait_for()
    page.get_by_text("0 of 2 files taken in").wait_for()
    first = newest().files.first()
    page.goto("about:blank")
    first.state = "taken_in"
    first.save(update_fields=["state"])
    page.go_back()
    page.get_by_text("1 of 2 files taken in").wait_for()
    shot(page, "upload-progress")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled: what had been taken in stays.").wait_for()
    assert page.get_by_text("the rest is not taken in").count()
    take_in()

    assert newest().state == "cancelled" and not ReceivedFile.objects.exists()
    assert page.errors == []


def test_page_goes_on_by_itself_when_the_files_have_been_looked_at(
    log_in, live_server, tenant, folder
):
    page = log_in("Accountant")
    send(page, live_server, folder("a.json", own("A-1")))
    with page.expect_response("**/state/"):
        look()
    page.get_by_role("button", name="Take in 1 new invoice").wait_for()

    assert page.errors == []


def test_everything_works_without_scripts(log_in, live_server, tenant, folder):
    page = log_in("Accountant", scripts=False)
    page.set_default_timeout(10_000)
    send(page, live_server, folder("a.csv", unknown(row("T-1"))))
    in_background(page, look)
    page.get_by_role("link", name="Choose the columns").click()
    for number, field in enumerate((*AS, "row.unit_price")):
        page.locator(f"#column-{number}").select_option(field)
    page.get_by_role("button", name="Show the first rows").click()
    page.get_by_text("125.50 EUR").wait_for()
    page.get_by_role("button", name="Save and read the file like this").click()
    page.get_by_text("The files are being looked at.").wait_for()
    in_background(page, look)
    page.get_by_role("button", name="Take in 1 new invoice").click()
    page.get_by_text("The invoices are being taken in.").wait_for()
    in_background(page, take_in)
    page.get_by_role("link", name="Received file", exact=True).wait_for()

    assert Invoice.objects.get().number == "T-1"


def test_keyboard_alone_is_enough(log_in, live_server, tenant, folder):
    page = log_in("Accountant")
    page.goto(f"{live_server.url}{url('invoices_upload_new')}")
    page.locator("select[name=tenant]").focus()
    page.keyboard.press("A")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "file"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(folder("a.json", own("A-1")))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/upload/*/change/")
    in_background(page, look)
    page.locator("input[name=queue]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "confirm"
    page.keyboard.press("Enter")
    page.get_by_text("The invoices are being taken in.").wait_for()
    in_background(page, take_in)

    assert InvoiceExport.objects.get().status == "draft"
    assert page.errors == []


def test_files_are_dropped_on_the_page(log_in, live_server, tenant):
    page = log_in("Accountant")
    page.goto(f"{live_server.url}{url('invoices_upload_new')}")
    page.locator("select[name=tenant]").select_option(label="Acme Oy")
    for name, content in (("a.json", own("A-1")), ("b.json", own("B-1"))):
        data = page.evaluate_handle(
            """([name, content]) => {
                const data = new DataTransfer();
                data.items.add(new File([content], name));
                return data;
            }""",
            [name, content.decode()],
        )
        page.dispatch_event("[data-drop]", "drop", {"dataTransfer": data})
    page.get_by_text("a.json").wait_for()
    page.get_by_text("b.json").wait_for()
    page.get_by_role("button", name="Upload and look at them").click()
    page.wait_for_url("**/upload/*/change/")

    assert [file.name for file in newest().files.all()] == ["a.json", "b.json"]
    assert page.errors == []


def test_too_many_files_are_told_before_anything_is_sent(log_in, live_server, tenant, folder):
    page = log_in("Accountant")
    page.goto(f"{live_server.url}{url('invoices_upload_new')}")
    page.locator("select[name=tenant]").select_option(label="Acme Oy")
    paths = [folder(f"{number}.json", b"{}") for number in range(51)]
    page.locator("input[type=file]").set_input_files(paths)
    page.get_by_text("Choose at most 50 files at a time.").wait_for()
    page.get_by_role("button", name="Upload and look at them").click()

    assert not Upload.objects.exists()
    page.locator("input[type=file]").set_input_files(paths[:1])
    page.locator("select[name=tenant]").select_option("")
    page.locator("form[data-upload]").evaluate("form => form.noValidate = true")
    page.get_by_role("button", name="Upload and look at them").click()
    page.get_by_text("This field is required.").wait_for()
    assert page.errors == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("language", "dark"), [("en", False), ("fi", False), ("fi", True)])
def test_upload_pages_fit_and_speak(log_in, live_server, tenant, folder, language, dark, width):
    name = f"{language}-{width}{'-dark' if dark else ''}"
    page = log_in("Accountant", language=language, width=width, dark=dark)
    widths = []

    def look_at(what):
        shot(page, f"upload-{what}-{name}")
        widths.append(width_of(page))

    page.goto(f"{live_server.url}{url('invoices_upload_new')}")
    page.locator("select[name=tenant]").select_option(label="Acme Oy")
    rows = [row(f"T-{n}", Asiakas="") for n in range(4)]
    rows += [row("T-9", **{"ALV-%": "paljon"}), row("T-10"), row("T-11")]
    paths = [folder("myynti syyskuu 2026.csv", table(*rows)), folder("b.csv", unknown(row("B-1")))]
    paths.append(folder("c.json", json.dumps(json.loads(own("C-1", currency="SEK")))))
    paths.append(folder("d.bin", b"\x00\x01"))
    page.locator("input[type=file]").set_input_files(paths)
    look_at("new")
    page.locator("form[data-upload] button[type=submit]").click()
    page.wait_for_url("**/upload/*/change/")
    page.locator("progress").wait_for()
    look_at("looking")
    in_background(page, look)
    page.locator("button[name=confirm]").wait_for()
    look_at("previewed")
    address = page.url
    columns = page.locator("a[href*='/columns/']")
    columns.first.click()
    page.locator("button[name=save]").wait_for()
    page.locator("[data-shown] table").wait_for()
    look_at("columns")
    page.goto(address)
    columns.nth(1).click()
    page.locator("button[name=save]").wait_for()
    look_at("columns-unknown")
    page.goto(address)
    page.locator("button[name=confirm]").click()
    page.locator("button[name=cancel]").wait_for()
    look_at("taking-in")
    in_background(page, take_in)
    page.locator("a[href*='/rejected/']").first.wait_for()
    look_at("done")
    page.locator("a[href*='/receivedfile/']:not([href*='/rejected/'])", has_text="e").last.click()
    page.wait_for_load_state()
    look_at("received")
    page.goto(f"{live_server.url}{url('invoices_receivedfile_changelist')}")
    look_at("log")
    page.goto(f"{live_server.url}{url('invoices_upload_changelist')}")
    look_at("list")

    assert max(widths) <= width
    assert page.errors == []
    assert HEADINGS[0]
