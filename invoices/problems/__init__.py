"""The words for every problem code: what is wrong, and what to do next, in the reader's language.

A `Problem` (see `invoices.document`) is stored as data and put into words only when shown.
One catalogue serves intake, mapping, the engine and Procountor's own codes. A code of
Procountor's that is not here is shown raw with its field: a translation is never invented.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext

from invoices.document import Problem
from invoices.problems.customers import CUSTOMER, customer_sentence
from invoices.problems.engine import ENGINE
from invoices.problems.intake import INTAKE
from invoices.problems.mapping import MAPPING
from invoices.problems.remote import REMOTE
from invoices.problems.steps import STEPS
from invoices.problems.words import Words

__all__ = [
    "CATALOGUE",
    "CUSTOMER",
    "OURS",
    "customer_sentence",
    "sentence",
    "sentences",
    "words_for",
]

CATALOGUE = INTAKE | MAPPING | ENGINE | STEPS | REMOTE
#: Codes of our own checks; every other code is Procountor's.
OURS = frozenset(INTAKE | MAPPING | ENGINE | STEPS)


def words_for(problem: Problem) -> Words:
    """The catalogue's words with the problem's values filled in; raw code when it has none."""
    known = CATALOGUE.get(problem.code)
    if known is None:
        return Words(
            gettext("Unknown code: %(code)s") % {"code": problem.code},
            gettext("Look at the answer itself; the code is not in our catalogue yet."),
        )
    filled = (
        str(text).replace("{value}", problem.value).replace("{expected}", problem.expected)
        for text in known
    )
    return Words(*filled)


def sentence(problem: Problem) -> str:
    """One line for people: place, cause, remedy."""
    words = words_for(problem)
    place = f"{problem.place}: " if problem.place else ""
    return f"{place}{words.cause} {words.remedy}"


def sentences(stored: Iterable[dict[str, str]]) -> list[str]:
    """Words for problems as they are stored in a JSON column."""
    return [sentence(Problem.from_json(item)) for item in stored]
