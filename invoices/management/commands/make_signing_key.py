"""Make a key that signs evidence for auditors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import JsonCommand, refuse
from invoices.evidence import signing


class Command(JsonCommand):
    help = (
        "Makes an Ed25519 key, writes the private part to a file that only its owner can read, "
        "and prints the public one. Then set EVIDENCE_SIGNING_KEY_FILE to that file, and give "
        "the public key to the auditors on another way than the evidence."
    )
    # It has nothing to do with the database.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("path", type=Path, metavar="PATH", help="a file that is not there yet")

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        path: Path = options["path"]
        private, public = signing.new_key()
        try:
            # Never over a key that is there: what it signed could not be signed again.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise refuse(f"{path}: {error.strerror}.") from None
        with os.fdopen(handle, "w") as file:
            file.write(f"{private}\n")
        return 0, {"path": str(path), "public_key": public}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        return [
            f"The private key is in {facts['path']}: set EVIDENCE_SIGNING_KEY_FILE to it, and keep "
            "a copy apart from the database's backups.",
            f"Public key (Ed25519, base64): {facts['public_key']}",
        ]
