"""The words for every problem code: what is wrong, and what to do next, in the reader's language.

A `Problem` (see `invoices.document`) is stored as data and put into words only when shown.
One catalogue serves intake, mapping, the engine, the ways in which a call can end and
Procountor's own codes. A code of Procountor's that is not here is shown raw with its field: a
translation is never invented. The office may write its own words (`invoices.wording`); they go
before the shipped ones wherever words are shown.
"""

from __future__ import annotations

from invoices.problems.answers import ANSWERS, answer_code
from invoices.problems.customers import CUSTOMER, customer_sentence
from invoices.problems.edited import use_edited
from invoices.problems.engine import ENGINE
from invoices.problems.explanation import (
    Explanation,
    explain,
    explain_attempt,
    is_known,
    mover_of,
)
from invoices.problems.guides import Guide, Page, Where, guide_for
from invoices.problems.intake import INTAKE
from invoices.problems.mapping import MAPPING
from invoices.problems.placeholders import allowed_in, unfit_in
from invoices.problems.remote import REMOTE, remote_code
from invoices.problems.sent import sent_value, value_at, values_sent
from invoices.problems.shops import SHOPS
from invoices.problems.shown import CATALOGUE, sentence, sentences, shipped, words_for
from invoices.problems.steps import STEPS
from invoices.problems.values import shown_value

__all__ = [
    "ANSWERS",
    "CATALOGUE",
    "CUSTOMER",
    "OURS",
    "ENGINE",
    "INTAKE",
    "MAPPING",
    "REMOTE",
    "SHOPS",
    "STEPS",
    "Explanation",
    "Guide",
    "Page",
    "Where",
    "allowed_in",
    "answer_code",
    "customer_sentence",
    "explain",
    "explain_attempt",
    "guide_for",
    "is_known",
    "mover_of",
    "remote_code",
    "sent_value",
    "sentence",
    "sentences",
    "shipped",
    "shown_value",
    "unfit_in",
    "use_edited",
    "value_at",
    "values_sent",
    "words_for",
]

#: Codes of our own checks; every other code is Procountor's.
OURS = frozenset(INTAKE | SHOPS | MAPPING | ENGINE | STEPS)
