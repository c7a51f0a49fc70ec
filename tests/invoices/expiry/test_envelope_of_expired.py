"""An envelope of what a deletion left is still checked by a stranger."""

from __future__ import annotations

import json

import pytest
import time_machine

from invoices import audit, engine, envelope, evidence
from invoices.evidence import heads
from tests.invoices.envelope.test_envelope import checked, made, opened, packed
from tests.invoices.expiry.conftest import chain_of, delete

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def left(tenant, exported, tmp_path):
    """A-2 and A-4 go on in 2017, all else of 2016 is gone. Returns the file of published heads."""
    exported("2016-03-01T10:00", "A-1")
    exported("2016-12-30T10:00", "A-2", run=False)
    with time_machine.travel("2016-12-30T11:00:00+00:00"):
        audit.record("test.event", tenant=tenant)
        evidence.seal()
    exported("2016-12-30T12:00", "A-4", run=False)
    with time_machine.travel("2017-01-02T10:00:00+00:00"):
        engine.run_lanes()
        evidence.seal()
    file = tmp_path / "heads.txt"
    file.write_text(heads.text_of_heads())
    delete(chain_of(tenant, 2016))
    return file


def test_envelope_with_gaps_is_as_it_was_made(tenant, left, tmp_path):
    content, _facts = made(envelope.of_month(tenant, 2016, 12))

    code, output = checked(tmp_path, content, "--heads", str(left))

    assert (code, "OK     2 invoices" in output) == (0, True), output


def test_gap_without_its_certificate_is_told(tenant, left, tmp_path, key):
    content, _facts = made(envelope.of_month(tenant, 2016, 12))
    files = {
        name: data for name, data in opened(content).items() if not name.startswith("certificates")
    }
    manifest = json.loads(files["manifest.json"])
    for name in [name for name in manifest["files"] if name.startswith("certificates")]:
        del manifest["files"][name]
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sig"] = key.sign(files["manifest.json"]).hex().encode()

    code, output = checked(tmp_path, packed(files))

    assert (code, "has a gap after position" in output) == (1, True), output
