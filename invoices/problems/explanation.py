"""Everything a person needs to act on a problem: cause, evidence, remedy, place, whose move.

Pure data for panels, lists, groups and mails. Nothing here asks a database: the office's own
texts come from `edited`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from integrations.advice import LANGUAGES
from integrations.enums import Mover
from invoices.document import Problem
from invoices.problems.answers import ANSWERS, answer_code
from invoices.problems.customers import customer_sentence
from invoices.problems.edited import has_words
from invoices.problems.guides import Guide, Page, Where, guide_for
from invoices.problems.remote import REMOTE, remote_code
from invoices.problems.sent import values_sent
from invoices.problems.shown import CATALOGUE, words_for
from invoices.problems.values import shown_value

#: Their value is the cause of a call, and has words of its own.
_WITH_A_CAUSE = {"not_reached", "no_answer", "retries_exhausted", "never_answered"}
_UNKNOWN = Guide(Mover.US, Where.HERE, Page.INVOICE)


@dataclass(frozen=True)
class Explanation:
    """`code` and `field` are raw; `key` is the catalogue's code for them. `values` are (path,
    value) from the payload that was sent. `customer` holds (language's own name, sentence) for
    each language we write to customers in, empty when it is not the customer's move."""

    code: str
    key: str
    field: str
    cause: str
    remedy: str
    known: bool
    mover: Mover
    where: Where
    page: Page
    menu: str | Promise = ""
    values: Sequence[tuple[str, str]] = ()
    expected: str = ""
    customer: Sequence[tuple[str, str]] = ()


def key_of(code: str) -> str:
    """The catalogue's code for a raw code, sentence or cause."""
    return answer_code(remote_code(code)[0])[0]


def is_known(code: str) -> bool:
    """Whether the catalogue or the office has words for a raw code."""
    key = key_of(code)
    return key in CATALOGUE or has_words(key)


def mover_of(code: str) -> Mover:
    """Whose move it is when an export stops with this code."""
    key = key_of(code)
    return guide_for(key).mover if key in CATALOGUE else _UNKNOWN.mover


def explain(problem: Problem, body: str = "") -> Explanation:
    """One problem in the active language. `body` is the payload that was sent, if one was: its
    value at the problem's field is shown when the problem itself names none."""
    key = key_of(problem.code)
    guide = guide_for(key) if key in CATALOGUE else _UNKNOWN
    values = [(problem.place, problem.value)] if problem.value else []
    if body and not _is_ours(key):
        values = values_sent(key, problem.place, body)
        if not problem.value and values:
            problem = Problem(problem.code, problem.place, values[0][1], problem.expected)
    words = words_for(problem)
    return Explanation(
        code=problem.code,
        key=key,
        field=problem.place,
        cause=f"{words.cause}{_how(problem)}",
        remedy=str(words.remedy),
        known=is_known(problem.code),
        mover=guide.mover,
        where=guide.where,
        page=guide.page,
        menu=guide.menu,
        values=[(place, shown_value(key, value)) for place, value in values],
        expected=shown_value(key, problem.expected),
        customer=_for_customer(problem, key),
    )


def explain_attempt(
    *, cause: str, http_status: int | None, errors: Sequence[dict[str, object]], body: str
) -> list[Explanation]:
    """What one attempt came to: first how the exchange itself ended, unless Procountor's own list
    says it all, then each entry of that list."""
    found = []
    ended = cause or (f"http_{http_status}" if http_status and http_status >= 300 else "")
    if ended and (not errors or _says_more(http_status)):
        found.append(explain(Problem(ended)))
    for entry in errors:
        message, place = str(entry.get("message") or ""), str(entry.get("field") or "")
        found.append(explain(Problem(message[:200], place), body))
    return found


def _how(problem: Problem) -> str:
    """How the call ended, as a second sentence; "" when the problem does not say."""
    if problem.code not in _WITH_A_CAUSE or key_of(problem.value) not in ANSWERS:
        return ""
    return f" {words_for(Problem(problem.value)).cause}"


def _says_more(http_status: int | None) -> bool:
    """Whether the status says something that a list of errors may not: a right, the limit, or
    that the list proves nothing."""
    return http_status in (401, 403, 408, 429) or (http_status or 0) >= 500


def _is_ours(key: str) -> bool:
    """Codes of ours name places of the received invoice, not paths of the payload."""
    return key in CATALOGUE and key not in REMOTE


def _for_customer(problem: Problem, key: str) -> list[tuple[str, str]]:
    finding = {
        "code": key,
        "field": problem.place,
        "value": problem.value,
        "expected": problem.expected,
    }
    told = [(name, customer_sentence(finding, code)) for code, name in LANGUAGES.items()]
    return told if all(sentence for _name, sentence in told) else []
