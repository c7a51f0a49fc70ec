"""The words of every code: a list to search, and a code's page with its forms and versions."""

from __future__ import annotations

import difflib
import re
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import translation
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.advice import LANGUAGES
from integrations.enums import StaffLanguage
from invoices import problems, wording
from invoices.admin.explain import EDIT, VIEW, words_url
from invoices.admin.wording_forms import WordsForm
from invoices.wording_models import UnknownCode, WordingVersion

_GROUPS: tuple[tuple[str, Any, Any], ...] = (
    ("remote", _("Procountor's own codes"), problems.REMOTE),
    ("answers", _("Statuses and connections"), problems.ANSWERS),
    ("engine", _("Submitting"), problems.ENGINE),
    ("mapping", _("Invoice data"), problems.MAPPING),
    ("intake", _("Received files"), problems.INTAKE),
    ("steps", _("After submitting"), problems.STEPS),
)


@admin.register(WordingVersion)
class WordingAdmin(ReadOnlyAdmin):
    """The change list is the catalogue itself; single versions are shown on their code's page."""

    def get_urls(self) -> list[Any]:
        page = path(
            "words/",
            self.admin_site.admin_view(self.words_of_code),
            name="invoices_wordingversion_words",
        )
        return [page, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        needs(request, VIEW)
        context = self.admin_site.each_context(request) | _catalogue(request)
        return render(request, "desk/wording_list.html", context | {"opts": self.opts})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        needs(request, VIEW)
        version = self.get_object(request, object_id or "")
        if version is None:
            raise Http404
        return HttpResponseRedirect(words_url(version.code))

    def words_of_code(self, request: HttpRequest) -> HttpResponse:
        """A code's words in each language (`?code=`); by a POST a new version."""
        needs(request, VIEW)
        code = request.GET.get("code", "")
        waiting = UnknownCode.objects.filter(code=code).first()
        if code not in problems.CATALOGUE and waiting is None:
            raise Http404
        posted = request.POST.get("language", "")
        forms = {
            language: _form(request.POST if language == posted else None, code, language)
            for language in LANGUAGES
            if wording.parts_of(code, language)
        }
        if request.method == "POST":
            needs(request, EDIT)
            if posted not in forms:
                raise Http404
            if _saved(request, forms[posted]):
                return HttpResponseRedirect(words_url(code))
        context = self.admin_site.each_context(request) | {
            "title": _t("The words of a code"),
            "code": code,
            "waiting": waiting,
            "languages": [_language(form) for form in forms.values()],
            "versions": _versions(code),
            "may_edit": request.user.has_perm(EDIT),
            "back": reverse("admin:invoices_wordingversion_changelist"),
            "opts": self.opts,
        }
        return render(request, "desk/wording.html", context)


def _catalogue(request: HttpRequest) -> dict[str, Any]:
    """Every code with its words now; `q` narrows by code or words."""
    wanted = request.GET.get("q", "").strip()[:200]
    edited = {code for code, _language in wording.current()}
    written = sorted(edited - set(problems.CATALOGUE))
    groups = [(name, title, list(codes)) for name, title, codes in _GROUPS] + [
        ("office", _("Written by the office"), written)
    ]
    shown = [
        {"name": name, "title": title, "codes": found}
        for name, title, codes in groups
        if (found := [row for code in codes if _has(row := _row(code, edited), wanted)])
    ]
    may_edit = request.user.has_perm(EDIT)
    return {
        "title": _t("Words of codes"),
        "groups": shown,
        "q": wanted,
        "unknown": UnknownCode.objects.filter(closed_at=None).count() if may_edit else 0,
        "unknown_url": reverse("admin:invoices_unknowncode_changelist") + "?open=yes",
    }


def _row(code: str, edited: set[str]) -> dict[str, Any]:
    words = _present(code, translation.get_language() or "en")
    return {
        "code": code,
        "cause": words.get("cause", ""),
        "remedy": words.get("remedy", ""),
        "is_edited": code in edited,
        "url": words_url(code),
    }


def _has(row: dict[str, Any], wanted: str) -> bool:
    text = f"{row['code']} {row['cause']} {row['remedy']}".casefold()
    return wanted.casefold() in text


def _shipped(code: str, language: str) -> dict[str, str]:
    words = problems.shipped(code, language)
    with translation.override(language):
        customer = str(problems.CUSTOMER.get(code, ""))
    texts = {"cause": str(words.cause), "remedy": str(words.remedy), "customer": customer}
    return {part: texts[part] for part in wording.parts_of(code, language)}


def _present(code: str, language: str) -> dict[str, str]:
    """The words as they are shown now, placeholders and all."""
    return _shipped(code, language) | wording.current().get((code, language), {})


def _form(data: Any, code: str, language: str) -> WordsForm:
    return WordsForm(
        data,
        code=code,
        language=language,
        present=_present(code, language),
        after=wording.latest_number(code, language),
    )


def _saved(request: HttpRequest, form: WordsForm) -> bool:
    """Whether a version was made; the form has the error otherwise."""
    reset = "shipped" in request.POST
    valid = form.is_valid()
    after = form.cleaned_data.get("after")
    if after is None or not (valid or reset):
        return False
    try:
        if reset:
            wording.back_to_shipped(form.code, form.language, after=after, by=request.user)
            messages.success(request, _t("The shipped text holds again."))
        else:
            wording.save(form.code, form.language, form.texts, after=after, by=request.user)
            messages.success(request, _t("Saved: the new words are shown everywhere."))
    except wording.ChangedMeanwhile:
        text = _t(
            "Somebody else saved these words meanwhile. Look at the versions below, then save."
        )
        form.add_error(None, text)
        return False
    return True


def _language(form: WordsForm) -> dict[str, Any]:
    return {
        "code": form.language,
        "name": LANGUAGES[form.language],
        "form": form,
        "number": wording.latest_number(form.code, form.language),
        "is_edited": (form.code, form.language) in wording.current(),
        "has_shipped": form.code in problems.CATALOGUE,
    }


def _versions(code: str) -> list[dict[str, Any]]:
    """Newest first, each with what differs from the one before it in its language."""
    found = wording.versions(code)
    before: dict[str, dict[str, str]] = {}
    shown = []
    for version in reversed(found):
        language = version.language
        parts = wording.parts_of(code, language)
        old = before.get(language) or _shipped(code, language)
        new = (
            _shipped(code, language)
            if version.is_shipped
            else {part: getattr(version, part) for part in parts}
        )
        before[language] = new
        shown.append(
            {
                "object": version,
                "language": StaffLanguage(language).label,
                "changes": [
                    difference(old[part], new[part]) for part in parts if old[part] != new[part]
                ],
            }
        )
    return shown[::-1]


def difference(old: str, new: str) -> list[tuple[str, str]]:
    """The change word by word: ("same" | "gone" | "new", text)."""
    olds, news = (re.findall(r"\s+|\S+", text) for text in (old, new))
    found = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("same", "".join(olds[a:b])))
            continue
        if b > a:
            found.append(("gone", "".join(olds[a:b])))
        if d > c:
            found.append(("new", "".join(news[c:d])))
    return found
