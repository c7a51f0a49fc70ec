"""Uploads as an accountant makes them, with the background at hand."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from invoices import tasks
from invoices.upload_models import Upload
from tests import factories
from tests.staff import url

HEADINGS = ("Laskunumero", "Laskun pvm", "Asiakas", "Y-tunnus", "Tuote", "ALV-%", "Yksikköhinta")


def own(*numbers: str, **fields: Any) -> bytes:
    """Sound invoices in our own JSON form."""
    return json.dumps(
        {"invoices": [factories.invoice(number, **fields) for number in numbers]}
    ).encode()


def row(number: str, **fields: str) -> dict[str, str]:
    """A sound row of a table, by heading."""
    values = (number, "1.9.2026", "Kukka Oy", "0112038-9", "Työ", "25,5", "100,00")
    return dict(zip(HEADINGS, values, strict=True)) | fields


def table(*rows: dict[str, str], headings: tuple[str, ...] = HEADINGS) -> str:
    """A CSV as a Finnish Excel writes it."""
    lines = [";".join(headings)]
    lines += [";".join(each.get(heading, "") for heading in headings) for each in rows]
    return "\r\n".join(lines) + "\r\n"


def named(name: str, content: bytes | str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def send(client: Any, tenant: Any, *files: SimpleUploadedFile) -> Any:
    """Post the upload page's form."""
    return client.post(url("invoices_upload_new"), {"tenant": tenant.pk, "uploads": list(files)})


def staged(client: Any, tenant: Any, *files: SimpleUploadedFile) -> Upload:
    """An upload that has been looked at."""
    answer = send(client, tenant, *files)
    assert answer.status_code == 302, answer.content.decode()
    upload = Upload.objects.latest("pk")
    assert tasks.preview_upload(upload.pk)
    upload.refresh_from_db()
    return upload


def press(client: Any, upload: Upload, button: str, **values: str) -> Any:
    """Press a button of the upload's page."""
    answer = client.post(url("invoices_upload_change", upload.pk), {button: "1", **values})
    upload.refresh_from_db()
    return answer


def taken_in(client: Any, tenant: Any, *files: SimpleUploadedFile, queue: str = "queue") -> Upload:
    """An upload that a person has confirmed, and that is in."""
    upload = staged(client, tenant, *files)
    press(client, upload, "confirm", queue=queue)
    assert tasks.take_in_upload(upload.pk)
    upload.refresh_from_db()
    return upload
