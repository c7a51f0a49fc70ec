"""Make the key that auditors' envelopes are signed with."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management.base import BaseCommand

from invoices.envelope import signing


class Command(BaseCommand):
    help = "Prints a new EVIDENCE_SIGNING_KEY and its public half. Keeps neither."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        value = signing.new_key()
        key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(value))
        print_ = signing.fingerprint(key)
        self.stdout.write(f"EVIDENCE_SIGNING_KEY={value}")
        self.stdout.write("")
        self.stdout.write("Hand these to auditors before they get an envelope:")
        self.stdout.write(f"Fingerprint (SHA-256): {print_}")
        self.stdout.write(signing.public_pem(key).decode())
