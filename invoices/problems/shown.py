"""A problem in words: the catalogue's, or the office's own, with the problem's values filled in."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils import translation
from django.utils.translation import gettext

from invoices.document import Problem
from invoices.problems.answers import ANSWERS, answer_code
from invoices.problems.edited import edited_text
from invoices.problems.engine import ENGINE
from invoices.problems.intake import INTAKE
from invoices.problems.mapping import MAPPING
from invoices.problems.remote import REMOTE, remote_code
from invoices.problems.shops import SHOPS
from invoices.problems.steps import STEPS
from invoices.problems.values import shown_value
from invoices.problems.words import Words

CATALOGUE = INTAKE | SHOPS | MAPPING | ENGINE | STEPS | ANSWERS | REMOTE


def words_for(problem: Problem) -> Words:
    """The words in the active language with the problem's values filled in; the raw code when
    nobody wrote any."""
    code, why = remote_code(problem.code)
    code, status = answer_code(code)
    cause, remedy = _texts(code)
    if not cause:
        return Words(
            gettext("Unknown code: %(code)s") % {"code": problem.code},
            gettext("Look at the answer itself; the code is not in our catalogue yet."),
        )
    values = {
        "value": shown_value(code, problem.value or status),
        "expected": shown_value(code, problem.expected),
        "field": problem.place,
        "why": why or "–",
    }
    return Words(_filled(cause, values), _filled(remedy, values))


def shipped(code: str, language: str) -> Words:
    """The catalogue's own words in `language`, placeholders and all; empty for a code of none."""
    known = CATALOGUE.get(code)
    if known is None:
        return Words("", "")
    with translation.override(language):
        return Words(str(known.cause), str(known.remedy))


def sentence(problem: Problem) -> str:
    """One line for people: place, cause, remedy."""
    words = words_for(problem)
    place = f"{problem.place}: " if problem.place else ""
    return f"{place}{words.cause} {words.remedy}"


def sentences(stored: Iterable[dict[str, str]]) -> list[str]:
    """Words for problems as they are stored in a JSON column."""
    return [sentence(Problem.from_json(item)) for item in stored]


def _texts(code: str) -> tuple[str, str]:
    language = translation.get_language() or "en"
    known = CATALOGUE.get(code) or Words("", "")
    cause = edited_text(code, "cause", language) or str(known.cause)
    remedy = edited_text(code, "remedy", language) or str(known.remedy)
    return cause, remedy


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text
