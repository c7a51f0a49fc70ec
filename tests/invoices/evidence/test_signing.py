"""The key that signs evidence: made once, never shown, checked by its public half."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from cryptography.exceptions import InvalidSignature
from django.core.management import CommandError, call_command

from invoices.evidence import signing
from tests.staff import log_in, text, url


@pytest.fixture
def key(settings):
    private, public = signing.new_key()
    settings.EVIDENCE_SIGNING_KEY = private
    return private, public


def test_signature_is_checked_with_the_public_key_alone(key):
    signature = signing.sign(b"evidence")

    assert signing.public_key() == key[1]
    signing.verify(key[1], signature, b"evidence")
    for public, content in ((key[1], b"Evidence"), (signing.new_key()[1], b"evidence")):
        with pytest.raises(InvalidSignature):
            signing.verify(public, signature, content)


def test_nothing_is_signed_without_a_key(settings):
    settings.EVIDENCE_SIGNING_KEY = ""

    assert signing.public_key() is None
    with pytest.raises(signing.NoSigningKey):
        signing.sign(b"evidence")


def test_command_writes_the_private_key_for_its_owner_only(tmp_path, capsys, settings):
    path = tmp_path / "signing.key"

    call_command("make_signing_key", str(path))

    printed = capsys.readouterr().out
    private = path.read_text().strip()
    settings.EVIDENCE_SIGNING_KEY = private
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (signing.public_key() in printed, private in printed) == (True, False)
    with pytest.raises(CommandError, match="File exists"):
        call_command("make_signing_key", str(path))
    assert path.read_text().strip() == private


@pytest.mark.django_db
def test_page_shows_the_public_key_and_never_the_private_one(client, key):
    log_in(client, "Management")

    page = text(client.get(url("invoices_evidencechain_changelist")))

    assert (key[1] in page, key[0] in page) == (True, False)


@pytest.mark.parametrize("bad", ["zzz", "QUJD", "not base64 !"])
def test_wrong_key_is_refused_at_start_by_its_name(bad):
    done = subprocess.run(
        [sys.executable, "-c", "import flashnode.settings"],
        env=os.environ | {"EVIDENCE_SIGNING_KEY": bad},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "EVIDENCE_SIGNING_KEY is not an Ed25519 key" in done.stderr
    assert bad not in done.stderr
