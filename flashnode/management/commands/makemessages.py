"""Django's `makemessages` with the habits of our catalogues, so that the plain command is right.

It also finds texts marked with `_t`, as which some modules import `gettext`. A new text comes out
untranslated instead of guessed from a similar one, and no date is written: a run that finds
nothing new changes nothing.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=_t"]
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(
            locale=["fi", "sv"],
            ignore_patterns=[".venv", "var", "tests"],
            add_location="file",
            no_wrap=True,
            no_obsolete=True,
        )

    def write_po_file(self, potfile: str, locale: str) -> None:
        super().write_po_file(potfile, locale)
        po = Path(settings.LOCALE_PATHS[0], locale, "LC_MESSAGES", f"{self.domain}.po")
        lines = po.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith('"POT-Creation-Date:')]
        po.write_text("".join(kept), encoding="utf-8")
