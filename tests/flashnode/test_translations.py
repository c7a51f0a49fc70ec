"""The catalogues: Finnish for everything staff read, Swedish for what customers read."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import django
import django_q
import pytest
import unfold
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings as project
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse
from django.utils import translation

from integrations.advice import ADVICE
from integrations.replies import TEXTS
from invoices.problems import CUSTOMER, MAPPING

LOCALE = Path(project.LOCALE_PATHS[0])
DJANGO = Path(django.__file__).parent
CATALOGUES = sorted(LOCALE.glob("*/LC_MESSAGES/*.po"))
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|%[sd]|\{\w*\}")

needs_xgettext = pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="xgettext (package gettext) is not installed"
)


def _read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def _messages(catalogue: Catalog) -> dict[str, Message]:
    return {_first(message.id): message for message in catalogue if message.id}


def _first(text: str | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else text[0]


def _all(text: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _translated(catalogue: Catalog) -> dict[str, Message]:
    return {
        key: message
        for key, message in _messages(catalogue).items()
        if all(_all(message.string)) and not message.fuzzy
    }


def _extract(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Message]:
    """What `makemessages` finds under `root`, merged into the catalogue that is there."""
    locale = root / "flashnode" / "locale"
    locale.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(root)
    with override_settings(LOCALE_PATHS=[locale]):
        call_command("makemessages", locale=["fi"], verbosity=0)
    return _messages(_read(locale / "fi/LC_MESSAGES/django.po"))


def _copy(source: Path, target: Path, *patterns: str) -> None:
    for path in (found for pattern in patterns for found in source.rglob(pattern)):
        copied = target / path.relative_to(source)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)


@needs_xgettext
def test_every_text_of_the_sources_is_in_the_finnish_catalogue(tmp_path, monkeypatch):
    for app in ("flashnode", "integrations", "invoices"):
        _copy(project.BASE_DIR / app, tmp_path / app, "*.py", "*.html", "*.po")

    found = _extract(tmp_path, monkeypatch)

    ours = _translated(_read(LOCALE / "fi/LC_MESSAGES/django.po"))
    assert len(found) > 500
    assert sorted(set(found) - set(ours)) == []
    assert sorted(set(ours) - set(found)) == []


@needs_xgettext
@pytest.mark.parametrize(
    ("package", "patterns"), [(unfold, ["*.py", "*.html"]), (django_q, ["models.py", "admin.py"])]
)
def test_every_text_of_the_admins_packages_is_in_finnish(package, patterns, tmp_path, monkeypatch):
    """The task runner's commands and log lines stay English."""
    _copy(Path(package.__file__).parent, tmp_path / package.__name__, *patterns)

    found = _extract(tmp_path, monkeypatch)

    known = set(_translated(_read(LOCALE / "fi/LC_MESSAGES/django.po")))
    for part in ("conf", "contrib/admin", "contrib/auth"):
        known |= set(_translated(_read(DJANGO / part / "locale/fi/LC_MESSAGES/django.po")))
    assert len(found) > 50
    assert sorted(set(found) - known) == []


def test_django_admin_has_no_text_without_finnish():
    for part in ("contrib/admin", "contrib/auth"):
        for domain in ("django", "djangojs"):
            english = DJANGO / part / f"locale/en/LC_MESSAGES/{domain}.po"
            if not english.exists():
                continue
            theirs = _translated(_read(DJANGO / part / f"locale/fi/LC_MESSAGES/{domain}.po"))
            ours = _translated(_read(LOCALE / f"fi/LC_MESSAGES/{domain}.po"))
            assert sorted(set(_messages(_read(english))) - set(theirs) - set(ours)) == []


def test_the_finnish_catalogue_has_neither_gaps_nor_guesses():
    for path in LOCALE.glob("fi/LC_MESSAGES/*.po"):
        catalogue = _read(path)
        assert sorted(set(_messages(catalogue)) - set(_translated(catalogue))) == []
        assert not catalogue.obsolete


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_placeholders_are_the_same_in_the_translation(path):
    wrong = [
        message.id
        for message in _translated(_read(path)).values()
        if any(
            Counter(_PLACEHOLDER.findall(string)) != Counter(_PLACEHOLDER.findall(source))
            for source, string in _pairs(message)
        )
    ]
    assert wrong == []


def _pairs(message: Message) -> Iterator[tuple[str, str]]:
    yield from zip(_all(message.id), _all(message.string), strict=True)


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_compiled_catalogue_is_the_same_as_its_source(path):
    with path.with_suffix(".mo").open("rb") as file:
        compiled = {
            _first(message.id): _all(message.string) for message in read_mo(file) if message.id
        }

    assert compiled == {
        key: _all(message.string) for key, message in _translated(_read(path)).items()
    }


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_every_sentence_for_customers_is_in_their_language(language):
    known = _translated(_read(LOCALE / language / "LC_MESSAGES/django.po"))
    with translation.override(None):
        sentences = {str(advice.customer) for advice in ADVICE.values()}
        sentences |= {str(text) for _title, *texts in TEXTS.values() for text in texts}
        sentences |= {str(text) for text in CUSTOMER.values()}

    assert sorted(sentences - set(known)) == []


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_pages_of_customers_are_in_their_language(language):
    catalogue = _read(LOCALE / language / "LC_MESSAGES/django.po")
    known = set(_translated(catalogue))
    theirs = {
        key
        for key, message in _messages(catalogue).items()
        if any(
            "templates/connect/" in place or "connect_words" in place
            for place, _line in message.locations
        )
    }

    assert len(theirs) > 40
    assert sorted(theirs - known) == []


@pytest.mark.parametrize("language", ["fi", "sv"])
def test_what_the_api_says_is_in_the_language_of_its_readers(language):
    catalogue = _read(LOCALE / language / "LC_MESSAGES/django.po")
    known = set(_translated(catalogue))
    theirs = {
        key
        for key, message in _messages(catalogue).items()
        if any(
            place.startswith(("invoices/api/", "flashnode/templates/api/"))
            for place, _line in message.locations
        )
    }
    with translation.override(None):
        theirs |= {str(text) for words in MAPPING.values() for text in (words.cause, words.remedy)}

    assert len(theirs) > 150
    assert sorted(theirs - known) == []


def test_only_delivery_to_the_buyer_is_called_sending_in_finnish():
    """We submit (viedä) to Procountor; lähettää is Procountor's word for sending to the buyer."""
    known = _translated(_read(LOCALE / "fi/LC_MESSAGES/django.po"))

    said = {key for key, message in known.items() if "lähet" in str(message.string).lower()}

    assert {key for key in said if not re.search("sen[dt]", key.lower())} == set()


@pytest.mark.django_db
def test_login_page_is_finnish_for_a_finnish_browser(client):
    page = client.get(reverse("admin:login"), headers={"accept-language": "fi"}).content.decode()

    shown = re.sub(r"(?s)<(script|style).*?</\1>|<!--.*?-->|<[^>]*>", " ", page)
    said = " ".join(shown.split())
    assert 'lang="fi"' in page
    assert "Kirjaudu sisään" in said
    english = r"\b(log|login|password|username|welcome|back|forgotten|return|light|dark|system)\b"
    assert re.findall(english, said, re.IGNORECASE) == []
