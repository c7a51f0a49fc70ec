"""Reads a customer's e-mail: API keys, account numbers, business IDs, company names, sender.

Pure: text in, facts out; nothing is stored and nothing is asked of anybody. A key is found whole
or not at all: it is a JWT (REFERENCE section 4) whose header names the length of its signature,
so that a piece of it, or it and the next word, is not taken for it.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

from lxml import etree, html
from stdnum.fi import ytunnus

from integrations import accounts, keydesk

LARGEST_MAIL_BYTES = 5_000_000
#: What is looked through: a mail's text beyond it has no key in it that anybody would find.
_LONGEST_TEXT = 500_000
_OURS = ("flashnode",)
_OLE = b"\xd0\xcf\x11\xe0"

# Characters without width that mail programs put inside what people copy.
_INVISIBLE = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\t\f\v]")
_QUOTE = re.compile(r"^[ ]*(?:[>|][ ]?)+", re.MULTILINE)


class MailUnreadable(ValueError):
    """A file that is no e-mail; `code` is `too_large` or `outlook_format`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Mail:
    """An e-mail's text and, where it has headers, who sent it. `unread` names its attachments
    that are no text."""

    text: str
    sender: str = ""
    sender_name: str = ""
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a mail holds, each once and in its order. `broken_keys` counts what begins as an API
    key and is not a whole one."""

    api_keys: tuple[str, ...] = field(default=(), repr=False)
    broken_keys: int = 0
    ibans: tuple[str, ...] = ()
    business_ids: tuple[str, ...] = ()
    company_names: tuple[str, ...] = ()
    sender: str = ""
    sender_name: str = ""


def read(content: bytes) -> Mail:
    """An `.eml` file, or any text. Raises MailUnreadable."""
    if len(content) > LARGEST_MAIL_BYTES:
        raise MailUnreadable("too_large")
    if content.startswith(_OLE):
        raise MailUnreadable("outlook_format")
    if not _HEADERS.match(content[:2000]):
        return read_text(_decoded(content))
    message = email.message_from_bytes(content, policy=email.policy.default)
    texts, unread = [], []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html"):
            text = _text_of(part)
            texts.append(_from_html(text) if kind == "text/html" else text)
        else:
            unread.append(part.get_filename() or kind)
    name, address = _address(str(message.get("From", "")))
    return Mail("\n\n".join(texts)[:_LONGEST_TEXT], address, name, tuple(unread))


def read_text(text: str) -> Mail:
    """What was pasted: text, or the source of an HTML page."""
    if re.match(r"\s*<(!doctype|html|body|div|p|table)\b", text, re.IGNORECASE):
        text = _from_html(text)
    return Mail(text[:_LONGEST_TEXT])


_HEADERS = re.compile(
    rb"\s*(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\r?\n(?:[ \t][^\n]*\r?\n)*){2,}", re.MULTILINE
)


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _text_of(part: EmailMessage) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, ValueError):
        # A character set that nobody knows, or bytes that are not in it.
        payload = part.get_payload(decode=True)
        return _decoded(payload) if isinstance(payload, bytes) else ""


_BLOCKS = frozenset(
    ["address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "h1", "h2"]
    + ["h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "td"]
    + ["th", "tr", "ul"]
)


def _from_html(source: str) -> str:
    """The visible text; blocks and line breaks end a line."""
    try:
        tree = html.document_fromstring(source)
    except (etree.ParserError, ValueError):
        return source
    pieces: list[str] = []
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            if tag in _BLOCKS:
                pieces.append("\n")
            if tag not in ("script", "style", "head", "title", ""):
                # Line breaks of the source are spaces in what is seen.
                pieces.append(_unwrapped(element.text, tag))
        else:
            if tag in _BLOCKS:
                pieces.append("\n")
            pieces.append(_unwrapped(element.tail, tag))
    return "".join(pieces)


def _unwrapped(text: str | None, tag: str) -> str:
    if not text:
        return ""
    return text if tag == "pre" else re.sub(r"[ \t\r\n]+", " ", text)


def find(mail: Mail) -> Found:
    """The facts in a mail. Account numbers and business IDs have passed their own check sums."""
    text = _plain(mail.text)
    keys, broken, rest = _keys(text)
    sender_name, sender = _sender(mail, text)
    return Found(
        api_keys=keys,
        broken_keys=broken,
        ibans=_once(_ibans(rest)),
        business_ids=_once(_business_ids(rest)),
        company_names=_once(_company_names(rest)),
        sender=sender,
        sender_name=sender_name,
    )


def _plain(text: str) -> str:
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _SPACES.sub(" ", text)
    # The source of a mail, where a line too long was ended by "=".
    if re.search(r"=3D|=C3=", text):
        text = text.replace("=\n", "").replace("=3D", "=")
    return _QUOTE.sub("", text)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


# --- Keys ------------------------------------------------------------------------------------

_CHARACTERS = r"A-Za-z0-9_\-"
_BEGIN = re.compile(r"eyJ")
_BEGUN = re.compile(rf"eyJ[{_CHARACTERS}.]{{12,}}")
_LONGEST_KEY = 8_000
#: Characters of the signature, by `alg` of the header (RFC 7518, section 3.1).
_SIGNATURE = {"HS256": 43, "HS384": 64, "HS512": 86, "RS256": 342, "ES256": 86}


def _keys(text: str) -> tuple[tuple[str, ...], int, str]:
    """Whole keys, how many begin and are not whole, and the text without them: what is inside of
    a key is nothing else as well."""
    found, broken, end = [], 0, 0
    rest = []
    for match in _BEGIN.finditer(text):
        start = match.start()
        if start < end or _is_inside(text, start):
            continue
        key, length = _key_at(text[start : start + _LONGEST_KEY])
        if key:
            found.append(key)
        elif begun := _BEGUN.match(text, start):
            broken += 1
            length = begun.end() - start
        else:
            continue
        rest.append(text[end:start])
        end = start + length
    return _once(found), broken, "\n".join([*rest, text[end:]])


def _is_inside(text: str, start: int) -> bool:
    """Whether it is the middle of something: the payload of a key begins in the same way."""
    before = text[max(0, start - 400) : start]
    if re.search(rf"[{_CHARACTERS}]\Z", before):
        return True
    before = before.rstrip()
    header = re.search(rf"[{_CHARACTERS}\s]*\Z", before[:-1]) if before.endswith(".") else None
    return header is not None and "eyJ" in header[0]


def _key_at(text: str) -> tuple[str, int]:
    """The key that begins here and its length with what interrupts it, or ("", 0)."""
    header, at = _segment(text, 0)
    if header is None or not isinstance(alg := header.get("alg"), str):
        return "", 0
    payload, end = _segment(text, at)
    wanted = _SIGNATURE.get(alg)
    if payload is None or wanted is None:
        return "", 0
    signature, length = _signature(text[end:], wanted)
    if not signature:
        return "", 0
    body = re.sub(r"\s", "", text[:end])
    return body + signature, end + length


def _segment(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    """The JSON object up to the next full stop, and where that ends."""
    end = text.find(".", start)
    encoded = re.sub(r"\s", "", text[start : max(end, 0)])
    if end < 0 or not re.fullmatch(rf"[{_CHARACTERS}]+", encoded):
        return None, 0
    return keydesk.decoded(encoded), end + 1


def _signature(text: str, wanted: int) -> tuple[str, int]:
    """The signature of exactly `wanted` characters, and its length with what interrupts it.

    It may go on after white space, where the pieces before are too short and the next piece fits;
    a word of the mail does not become a part of it.
    """
    found, at = "", 0
    for piece in re.finditer(rf"(\s*)([{_CHARACTERS}]+)", text):
        if piece.start() != at or (at and not piece[1]):
            break
        if found and _is_word(piece[2], text[piece.end() : piece.end() + 2]):
            break
        found, at = found + piece[2], piece.end()
        if len(found) >= wanted:
            break
    return (found, at) if len(found) == wanted else ("", 0)


def _is_word(piece: str, after: str) -> bool:
    """Whether a piece is more likely a word than the rest of a key, which is mixed. A short one
    is taken for the rest where nothing follows it in its line."""
    if re.match(r"\w", after) or (len(piece) <= 3 and re.match(r" \w", after)):
        return True
    words = r"[A-Z]?[a-z]+|[A-Z]+|[0-9-]+|_+|[A-Z]{2}[0-9]{2,}"
    return len(piece) > 3 and re.fullmatch(words, piece) is not None


# --- Accounts and companies --------------------------------------------------------------------

_IBAN = re.compile(r"\b([A-Z]{2}[ ]?\d{2}(?:[ -]?[A-Z0-9]){11,30})\b")
_FINNISH_IBAN = re.compile(r"\b(FI[ -]?\d{2}(?:[\s-]{0,2}\d){14})(?!\d)", re.IGNORECASE)
_DOMESTIC = re.compile(
    r"(?:tili(?:n?(?:ro|umero|numero))?|pankkitili|konto(?:nummer|nr)?|account(?: number| no)?)"
    r"\.?\s*[:=]?\s*(\d{6}[ ]?-[ ]?\d{2,8})\b",
    re.IGNORECASE,
)


def _ibans(text: str) -> Iterator[str]:
    for pattern in (_FINNISH_IBAN, _DOMESTIC, _IBAN):
        for match in pattern.finditer(text):
            candidate = re.sub(r"[\s-]", "", match[1]) if pattern is not _DOMESTIC else match[1]
            try:
                yield accounts.parse(candidate.replace(" ", "")).iban
            except accounts.AccountInvalid:
                continue


_BUSINESS_ID = re.compile(r"(?<![\d-])(\d{6,7})[ ]?[-‐‑–][ ]?(\d)(?![\d-])")
_VAT_NUMBER = re.compile(r"\bFI[ ]?(\d{7})(\d)(?![\d ]*\d)", re.IGNORECASE)


def _business_ids(text: str) -> Iterator[str]:
    found = [*_BUSINESS_ID.finditer(text), *_VAT_NUMBER.finditer(text)]
    for match in sorted(found, key=lambda match: match.start()):
        number = f"{match[1]:0>7}-{match[2]}"
        if ytunnus.is_valid(number):
            yield number


_LABELLED_NAME = re.compile(
    r"^[ *]*(?:yritys|yrityksen nimi|yhtiö|asiakas|företag|företagets namn|bolag|company"
    r"|company name|customer)[ *]*[:=][ *]*(\S[^\n]{1,80})$",
    re.IGNORECASE | re.MULTILINE,
)
_FORM = r"(?:Oyj|OYJ|Oy|OY|Ab|AB|Ky|KY|Ay|ry|Osk|osk|Osuuskunta|Oyj Abp|Oy Ab|Ab Oy|Säätiö|säätiö)"
_NAME_WORD = r"[A-ZÅÄÖÉ0-9&][\wåäöÅÄÖé&'’.+-]{0,40}"
_NAMED_BY_FORM = re.compile(
    rf"(?<![\w&'’.+-])((?:Tmi|T:mi|Oy|Ab)[ ]{_NAME_WORD}(?:[ ](?:{_NAME_WORD}|ja|och|and)){{0,6}}"
    rf"|{_NAME_WORD}(?:[ ](?:{_NAME_WORD}|ja|och|and|de|of)){{0,4}}?[ ]{_FORM}"
    rf"(?:[ ](?:Ab|Abp|Oy))?)(?![\w])"
)


def _company_names(text: str) -> Iterator[str]:
    named = [match[1] for match in _LABELLED_NAME.finditer(text)]
    named += [match[1] for match in _NAMED_BY_FORM.finditer(text)]
    for name in named:
        name = re.split(r"[,;(]|\s{2,}|\s+[–-]\s+|\s\d{7}-\d", name)[0].strip(" *_.")
        if name and not any(own in name.lower() for own in _OURS):
            yield name


_SENT_BY = re.compile(
    r"^[ *]*(?:From|Lähettäjä|Från|Avsändare|Von)[ *]*:[ *]*([^\n]+)$", re.IGNORECASE | re.MULTILINE
)
_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


def _sender(mail: Mail, text: str) -> tuple[str, str]:
    """Name and address of the customer: of a forwarded mail the innermost sender who is not us."""
    named = [_address(match[1]) for match in _SENT_BY.finditer(text)]
    known = [*reversed([pair for pair in named if pair[1]]), (mail.sender_name, mail.sender)]
    written = [("", address) for address in _ADDRESS.findall(text)]
    for name, address in [*known, *written]:
        if address and not any(own in address.rpartition("@")[2].lower() for own in _OURS):
            return name, address
    return "", ""


def _address(line: str) -> tuple[str, str]:
    """Name and address of a From line, also of one whose brackets a mail program has changed."""
    found = _ADDRESS.search(line)
    if found is None:
        return "", ""
    name = parseaddr(line)[0] or line[: found.start()]
    return name.strip(" \"'<>[]()*:").removesuffix("mailto").strip(), found[0].lower()
