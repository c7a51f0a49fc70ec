"""No code without words: every source of codes is walked, so that a new one is missed here."""

from __future__ import annotations

import ast
import re
from itertools import chain
from pathlib import Path

import pytest
from django.utils import translation

import integrations
import invoices
from integrations.advice import ADVICE
from integrations.procountor import answers, transport
from integrations.procountor.transport import Answer
from invoices import problems
from invoices.document import Problem
from invoices.enums import StepKind
from invoices.problems import CATALOGUE
from invoices.problems.guides import GUIDES

PACKAGES = [Path(package.__file__).parent for package in (integrations, invoices)]

#: REFERENCE section 8, "Codes and sentences found".
REFERENCE = [
    "DUE_DATE_BEFORE_BILL_DATE",
    "CLOSED_FISCAL_PERIOD",
    "ERROR_BRN_CODE",
    "ERROR_VATSTATUS_VATPERC",
    "ERROR_LEDGERACCOUNT_VATPERCENTAGE_COMBINATION",
    "DIMENSION_OR_DIMENSION_ITEM_IDENTIFIERS_DOES_NOT_MATCH_THOSE_STORED_IN_DATABASE",
    "Value of the 'deliveryAddress.country' cannot be blank.",
    "Value of the 'depreciation' field is invalid: ",
    "Unauthorized",
]


def _calls(*names):
    """Every call of one of `names` in our sources: (module, its arguments)."""
    for path in chain.from_iterable(package.rglob("*.py") for package in PACKAGES):
        if "sandbox" in path.parts or "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in names:
                    yield path, [*node.args, *(k.value for k in node.keywords)]


def _texts(node):
    """The texts an argument can be: a literal, either side of a condition, or an f-string with
    the kind of a step in it."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.JoinedStr):
        last = node.values[-1]
        end = last.value if isinstance(last, ast.Constant) else ""
        return [f"{kind}{end}" for kind in StepKind] if end else []
    return []


def _first(*names):
    found = {text for _path, args in _calls(*names) if args for text in _texts(args[0])}
    assert len(found) > 1
    return found


def test_every_problem_that_the_sources_make_has_words():
    made = _first("Problem", "problem", "stop", "warn")
    by_variable = {"rights_refused", "crashed", "restored", "step_crashed", "step_restored"}

    assert sorted((made | by_variable) - set(CATALOGUE)) == []


def test_every_outcome_of_a_call_that_the_client_tells_apart_has_words():
    causes = {cause for _kind, cause in transport._CAUSES}
    causes |= _first("NotSubmitted", "OutcomeUnknown", "Rejected", "CredentialRefused")
    causes |= {
        text
        for path, args in _calls("unusable", "kind", "_error")
        if path.parent.name == "procountor"
        for arg in args
        for text in _texts(arg)
        if re.fullmatch(r"[a-z_]+", text)
    }
    causes |= {"transport_error", "cut_off", "too_slow", "outage", "drained", "lane_stopped"}
    causes |= {"key_unreadable", "fault_ValueError"}
    # What only other calls than an export's can end with.
    causes -= {"no_companies", "no_key", "probe", "http_"}

    assert "too_late" in causes and "no_id" in causes
    assert sorted(cause for cause in causes if not problems.is_known(cause)) == []


@pytest.mark.parametrize("judge", [answers.failure_of, answers.token_failure_of])
def test_every_status_has_words(judge):
    for status in range(100, 600):
        cause = judge(Answer(status, {}, b""), "POST /invoices").cause
        assert problems.is_known(cause), cause
        words = problems.words_for(Problem(cause))
        assert "{" not in f"{words.cause}{words.remedy}", cause


@pytest.mark.parametrize("code", REFERENCE)
def test_every_code_of_the_reference_has_words(code):
    assert problems.is_known(code)


def test_every_finding_of_the_connection_check_has_words():
    found = _first("_Red")

    assert len(found) > 10
    assert sorted(found - set(ADVICE)) == []


def test_every_guide_is_for_a_code_that_exists():
    assert set(GUIDES) <= set(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_panel_of_every_code_is_complete_in_both_languages(code):
    for language in ("en", "fi"):
        with translation.override(language):
            found = problems.explain(Problem(code, "FIELD", "VALUE", "EXPECTED"))
            assert found.known
            assert found.cause.strip() and found.remedy.strip()
            assert "{" not in found.cause + found.remedy
            assert str(found.mover.label) and str(found.where.label)
    assert bool(found.customer) == (code in problems.CUSTOMER)
    assert [name for name, _text in found.customer] in ([], ["Suomi", "Svenska", "English"])


def test_codes_mean_one_thing():
    parts = (
        problems.INTAKE,
        problems.SHOPS,
        problems.MAPPING,
        problems.ENGINE,
        problems.STEPS,
        problems.ANSWERS,
        problems.REMOTE,
    )

    assert len(CATALOGUE) == sum(map(len, parts))
