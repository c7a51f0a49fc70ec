"""E-mails in the ways customers write them, with what is to be found in each. All invented."""
# ruff: noqa: E501 - a mail is read more easily in a line

from __future__ import annotations

import base64
import email.policy
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

IBAN = "FI1099900020000892"
IBAN_SHOWN = "FI10 9990 0020 0008 92"
OTHER_IBAN = "FI5542345670000081"
BUSINESS_ID = "2077474-0"
OTHER_ID = "0112038-9"
SENDER = "maija@ostaja.example"


def make_key(number: int = 1, **claims: Any) -> str:
    """A key as Procountor's look, signed with a key of our own."""

    def part(value: object) -> str:
        text = json.dumps(value, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

    said = {
        "iss": "https://pts-api.procountor.com",
        "aud": "flashnodeClient",
        "sub": 4000 + number,
        "cid": 900 + number,
        "iat": 1_790_000_000 + number,
        "jti": f"00000000-0000-4000-8000-{number:012d}",
    } | claims
    body = f"{part({'typ': 'JWT', 'alg': 'HS256'})}.{part(said)}"
    signature = hmac.new(b"invented", body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


KEY = make_key(1)
OTHER_KEY = make_key(2)
WRONG_CLIENT = make_key(3, aud="otherClient")
PRODUCTION = make_key(4, iss="https://api.procountor.com")


def wrap(text: str, width: int, joint: str = "\n") -> str:
    return joint.join(text[start : start + width] for start in range(0, len(text), width))


def quoted(text: str, mark: str = "> ") -> str:
    return "\n".join(mark + line for line in text.splitlines())


def eml(
    plain: str = "",
    *,
    html: str = "",
    sender: str = f"Maija Ostaja <{SENDER}>",
    charset: str = "utf-8",
    cte: str | None = None,
    attached: tuple[str, bytes, str] | None = None,
    forwarded: bytes = b"",
) -> bytes:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = sender
    message["To"] = "tuki@flashnode.com"
    message["Subject"] = "Procountor API-avain"
    message["Date"] = "Mon, 23 Nov 2026 10:00:00 +0200"
    if plain or not html:
        message.set_content(plain, charset=charset, cte=cte)
        if html:
            message.add_alternative(html, subtype="html", charset=charset)
    else:
        message.set_content(html, subtype="html", charset=charset, cte=cte)
    if attached:
        name, content, kind = attached
        main, sub = kind.split("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    if forwarded:
        message.add_attachment(email.message_from_bytes(forwarded, policy=email.policy.SMTP))
    return message.as_bytes()


@dataclass(frozen=True)
class Case:
    name: str
    content: str | bytes
    keys: tuple[str, ...] = (KEY,)
    ibans: tuple[str, ...] = (IBAN,)
    business_ids: tuple[str, ...] = ()
    company: str = ""
    sender: str = ""
    broken: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


SIGNATURE = "Terveisin\nMaija Ostaja\nOstaja Oy\nPuh. 040 123 4567\n"
PHONE = "\n\nLähetetty iPhonesta"

_PLAIN: list[tuple[str, str, dict[str, Any]]] = [
    (
        "as the guide says",
        f"Hei,\n\nAPI-avain: {KEY}\nTilinro: {IBAN_SHOWN}\n\n{SIGNATURE}",
        {"company": "Ostaja Oy"},
    ),
    ("nothing but key and account", f"{KEY}\n{IBAN}", {}),
    ("account before the key", f"{IBAN_SHOWN}\n\n{KEY}", {}),
    ("key on one line with a label", f"avain={KEY};tili={IBAN}", {}),
    ("in a sentence", f"Avain on {KEY} ja tilinumero {IBAN_SHOWN}.", {}),
    ("in double quotes", f'API-avain "{KEY}", tili {IBAN}', {}),
    ("in Finnish quotes", f"API-avain ”{KEY}”\nTilinro ”{IBAN_SHOWN}”", {}),
    ("in angle brackets", f"<{KEY}>\n<{IBAN}>", {}),
    ("in backticks", f"```\n{KEY}\n```\n{IBAN}", {}),
    ("in stars, as from bold", f"*API-avain:* *{KEY}*\n*Tilinro:* {IBAN_SHOWN}", {}),
    ("full stop after it", f"Tässä: {KEY}.\nTili: {IBAN}.", {}),
    ("wrapped at 76", f"{wrap(KEY, 76)}\n\nTilinro {IBAN_SHOWN}", {}),
    ("wrapped at 72, indented", f"  {wrap(KEY, 72, chr(10) + '  ')}\n\n{IBAN}", {}),
    ("wrapped at 40 by a phone", f"{wrap(KEY, 40)}\n\n{IBAN_SHOWN}{PHONE}", {}),
    ("wrapped with Windows line ends", f"{wrap(KEY, 76, chr(13) + chr(10))}\r\n\r\n{IBAN}\r\n", {}),
    ("wrapped and greeting right after", f"{wrap(KEY, 70)}\nTerveisin Maija\n{IBAN}", {}),
    ("wrapped and Swedish greeting after", f"{wrap(KEY, 70)}\nMed vänlig hälsning\n{IBAN}", {}),
    ("wrapped and English greeting after", f"{wrap(KEY, 70)}\nRegards,\nBob\n{IBAN}", {}),
    ("account on the line after the wrapped key", f"{wrap(KEY, 76)}\n{IBAN}", {}),
    ("spaces inside the key", f"API-avain: {wrap(KEY, 50, ' ')}\n{IBAN}", {}),
    (
        "no-break spaces",
        f"API-avain:\u00a0{wrap(KEY, 60, chr(0xA0))}\u00a0\nTilinro:\u00a0FI10\u00a09990"
        "\u00a00020\u00a00008\u00a092",
        {},
    ),
    ("zero-width spaces", f"{wrap(KEY, 30, chr(0x200B))}\n{IBAN}", {}),
    ("soft hyphens and a byte order mark", f"\ufeff{wrap(KEY, 25, chr(0xAD))}\n{IBAN}", {}),
    ("word joiners", f"{wrap(KEY, 33, chr(0x2060))}\n{IBAN}", {}),
    ("quoted once", quoted(f"Hei\n{KEY}\nTilinro {IBAN_SHOWN}"), {}),
    ("quoted and wrapped", quoted(f"{wrap(KEY, 70)}\n\n{IBAN}"), {}),
    ("quoted twice and wrapped", quoted(quoted(f"{wrap(KEY, 64)}\n\n{IBAN}")), {}),
    ("quoted without spaces", quoted(f"{wrap(KEY, 70)}\n\n{IBAN}", ">"), {}),
    ("quoted with bars", quoted(f"{wrap(KEY, 70)}\n\n{IBAN}", "| "), {}),
    (
        "answered above",
        "Kiitos! Tässä vielä kerran alla.\n\n23.11.2026 klo 10 Maija kirjoitti:\n"
        + quoted(f"API-avain: {KEY}\nTilinro: {IBAN}"),
        {},
    ),
    (
        "Outlook in Finnish",
        f"Hei, ohessa.\n\nLähettäjä: Maija Ostaja <{SENDER}>\nLähetetty: maanantai 23. marraskuuta "
        f"2026 10.00\nVastaanottaja: tuki@flashnode.com\nAihe: API-avain\n\n{KEY}\n{IBAN_SHOWN}",
        {"sender": SENDER},
    ),
    (
        "Outlook in Swedish",
        f"Från: Maija Ostaja [mailto:{SENDER}]\nSkickat: den 23 november 2026 10:00\nTill: "
        f"tuki@flashnode.com\nÄmne: API-nyckel\n\nNyckel: {KEY}\nKontonummer: {IBAN_SHOWN}",
        {"sender": SENDER},
    ),
    (
        "Gmail forwarded",
        "---------- Forwarded message ---------\n"
        f"From: Maija Ostaja <{SENDER}>\nDate: Mon, Nov 23, 2026 at 10:00 AM\nSubject: key\n"
        f"To: <myynti@kauppa.example>\n\n{KEY}\n{IBAN}",
        {"sender": SENDER},
    ),
    (
        "forwarded by us",
        f"From: Myynti <myynti@flashnode.com>\nTo: tuki@flashnode.com\n\nFYI\n\n"
        f"From: Maija Ostaja <{SENDER}>\nTo: myynti@flashnode.com\n\n{KEY}\n{IBAN}",
        {"sender": SENDER},
    ),
    (
        "forwarded twice, the first sender counts",
        f"From: Pekka <pekka@tilitoimisto.example>\nTo: tuki@flashnode.com\n\n"
        f"From: Maija <{SENDER}>\nTo: pekka@tilitoimisto.example\n\n{KEY}\n{IBAN}",
        {"sender": SENDER},
    ),
    ("domestic account", f"{KEY}\nTilinro: 999000-20000892", {}),
    ("domestic account, bank 4", f"{KEY}\nTilinumero 423456-781", {"ibans": (OTHER_IBAN,)}),
    ("account with hyphens", f"{KEY}\nFI10-9990-0020-0008-92", {}),
    ("account in small letters", f"{KEY}\nfi10 9990 0020 0008 92", {}),
    ("account over two lines", f"{KEY}\nTilinro FI10 9990 0020\n0008 92", {}),
    ("account mistyped", f"{KEY}\nTilinro FI10 9990 0020 0008 93", {"ibans": ()}),
    ("no account", f"Tässä avain {KEY}\n{SIGNATURE}", {"ibans": ()}),
    (
        "two accounts",
        f"{KEY}\nPankki 1: {IBAN_SHOWN}\nPankki 2: {OTHER_IBAN}",
        {"ibans": (IBAN, OTHER_IBAN)},
    ),
    (
        "foreign account",
        f"{KEY}\nKonto: SE45 5000 0000 0583 9825 7466",
        {"ibans": ("SE4550000000058398257466",)},
    ),
    (
        "business id and company named",
        f"Yritys: Ostaja Oy\nY-tunnus: {BUSINESS_ID}\nAPI-avain: {KEY}\nTilinro: {IBAN}",
        {"business_ids": (BUSINESS_ID,), "company": "Ostaja Oy"},
    ),
    ("VAT number", f"ALV-nro FI20774740\n{KEY}\n{IBAN}", {"business_ids": (BUSINESS_ID,)}),
    ("business id mistyped", f"Y-tunnus 2077474-1\n{KEY}\n{IBAN}", {}),
    ("phone number is no business id", f"Puh. 0401234-567\n{KEY}\n{IBAN}", {}),
    (
        "Swedish",
        f"Hej!\nFöretag: Köparen Ab\nFO-nummer: {BUSINESS_ID}\nAPI-nyckel: {KEY}\nKonto: "
        f"{IBAN_SHOWN}\nMed vänlig hälsning\nKalle",
        {"business_ids": (BUSINESS_ID,), "company": "Köparen Ab"},
    ),
    (
        "English",
        f"Hello,\nCompany: Buyer Oy\nBusiness ID {BUSINESS_ID}\nKey: {KEY}\nAccount: {IBAN}"
        "\nBest regards",
        {"business_ids": (BUSINESS_ID,), "company": "Buyer Oy"},
    ),
    ("sole trader", f"Tmi Maija Ostaja\n{KEY}\n{IBAN}", {"company": "Tmi Maija Ostaja"}),
    (
        "company in the signature",
        f"{KEY}\n{IBAN}\n--\nMaija Ostaja\nKauppa & Pojat Ky\nwww.kauppa.example",
        {"company": "Kauppa & Pojat Ky"},
    ),
    ("two keys", f"Ostaja Oy: {KEY}\nTytär Oy: {OTHER_KEY}\n{IBAN}", {"keys": (KEY, OTHER_KEY)}),
    ("two keys on following lines", f"{KEY}\n{OTHER_KEY}\n\n{IBAN}", {"keys": (KEY, OTHER_KEY)}),
    (
        "two wrapped keys",
        f"{wrap(KEY, 76)}\n\n{wrap(OTHER_KEY, 76)}\n\n{IBAN}",
        {"keys": (KEY, OTHER_KEY)},
    ),
    ("the same key twice", f"{KEY}\n{IBAN}\n\n" + quoted(wrap(KEY, 70)), {}),
    ("for another client", f"{WRONG_CLIENT}\n{IBAN}", {"keys": (WRONG_CLIENT,)}),
    ("of the other environment", f"{PRODUCTION}\n{IBAN}", {"keys": (PRODUCTION,)}),
    ("no key", f"Hei, miten avain tehdään? Tilimme on {IBAN_SHOWN}.", {"keys": ()}),
    ("key cut at the end", f"{KEY[:-9]}\nTerveisin Maija\n{IBAN}", {"keys": (), "broken": 1}),
    ("key cut at the beginning", f"{KEY[40:]}\n{IBAN}", {"keys": (), "broken": 0}),
    ("only the first part", f"{KEY[:60]}...\n{IBAN}", {"keys": (), "broken": 1}),
    ("something in the middle lost", f"{KEY[:100]}{KEY[103:]}\n{IBAN}", {"keys": (), "broken": 1}),
    ("letters added at the end", f"{KEY}abc\n{IBAN}", {"keys": (), "broken": 1}),
    (
        "cut key and the whole one after",
        f"{KEY[:90]}\n\nEi mennyt kokonaan, uusi:\n{KEY}\n{IBAN}",
        {"broken": 1},
    ),
    ("hidden by a mail gateway", "API-avain: [poistettu tietoturvasyistä]\n" + IBAN, {"keys": ()}),
]

_HTML = f"<html><body><p>Hei,</p><p>API-avain: <b>{KEY}</b></p><p>Tilinro:&nbsp;FI10&nbsp;9990&nbsp;0020&nbsp;0008&nbsp;92</p></body></html>"
_HTML_SPLIT = (
    f"<div>API-avain:<br><span>{KEY[:70]}</span><wbr><span>{KEY[70:140]}</span>"
    f"&#8203;<span>{KEY[140:]}</span></div><div>Tilinro: {IBAN_SHOWN}</div>"
)
_HTML_LINES = (
    f"<pre>{wrap(KEY, 76)}</pre><table><tr><td>Tilinro</td><td>{IBAN_SHOWN}</td></tr></table>"
)

_FILES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("eml, plain", eml(f"API-avain: {KEY}\nTilinro: {IBAN}\n\n{SIGNATURE}"),
     {"sender": SENDER, "company": "Ostaja Oy"}),
    ("eml, quoted-printable", eml(f"Hyvää päivää\n{KEY}\n{IBAN}", cte="quoted-printable"),
     {"sender": SENDER}),
    ("eml, base64", eml(f"Hyvää päivää\n{KEY}\n{IBAN}", cte="base64"), {"sender": SENDER}),
    ("eml, Latin-1", eml(f"Hyvää päivää\n{KEY}\n{IBAN}", charset="iso-8859-1"),
     {"sender": SENDER}),
    ("eml, HTML only", eml(html=_HTML), {"sender": SENDER}),
    ("eml, HTML with the key in pieces", eml(html=_HTML_SPLIT), {"sender": SENDER}),
    ("eml, HTML with a table", eml(html=_HTML_LINES), {"sender": SENDER}),
    ("eml, both forms", eml(f"{KEY}\n{IBAN}", html=_HTML), {"sender": SENDER}),
    ("eml, key in a text file", eml("Liitteenä.", attached=("avain.txt", f"{KEY}\n{IBAN}".encode(),
     "text/plain")), {"sender": SENDER}),
    ("eml, key in a picture", eml(f"Liitteenä. {IBAN}", attached=("avain.png", b"\x89PNG",
     "image/png")), {"sender": SENDER, "keys": ()}),
    ("eml, forwarded as an attachment", eml("Välitän tämän.", sender="Myynti <myynti@flashnode.com>",
     forwarded=eml(f"{KEY}\n{IBAN}")), {}),
    ("eml, sent by us", eml(f"From: Maija <{SENDER}>\n\n{KEY}\n{IBAN}",
     sender="Tuki <tuki@flashnode.com>"), {"sender": SENDER}),
    ("pasted source of HTML", _HTML.encode(), {}),
    ("text file in Windows-1252", f"Hyvää päivää\n{KEY}\n{IBAN}".encode("cp1252"), {}),
]  # fmt: skip


def cases() -> list[Case]:
    return [Case(name, content, **more) for name, content, more in [*_PLAIN, *_FILES]]


#: What mail programs put between a key's characters, for the property test.
JOINTS: list[Callable[[str], str]] = [
    lambda mark: f"\n{mark}",
    lambda mark: f"\r\n{mark}",
    lambda mark: f" \n{mark}",
    lambda mark: "\u200b",
    lambda mark: "\u00ad",
    lambda mark: "\u2060",
]
