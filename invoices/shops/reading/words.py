"""Names of the rows that a shop does not name, in the invoice's language."""

from __future__ import annotations

_WORDS = {
    "shipping": {"FI": "Toimitus", "SV": "Leverans", "EN": "Shipping"},
    "fee": {"FI": "Lisämaksu", "SV": "Avgift", "EN": "Fee"},
    "tip": {"FI": "Tippi", "SV": "Dricks", "EN": "Tip"},
    "product": {"FI": "Nimetön tuote", "SV": "Produkt utan namn", "EN": "Product without a name"},
    "discount": {
        "FI": "Hinnasta on vähennetty alennus",
        "SV": "Rabatten är avdragen från priset",
        "EN": "The discount is taken off the price",
    },
    "refund": {"FI": "Hyvitys", "SV": "Återbetalning", "EN": "Refund"},
}
_COMMUNITY = "Intra-Community supply, Article 138 of Directive 2006/112/EC"
REASONS = {
    "K": {
        "FI": f"Yhteisömyynti, AVL 72 a § / {_COMMUNITY}",
        "SV": f"Gemenskapsintern försäljning, MervL 72 a § / {_COMMUNITY}",
        "EN": _COMMUNITY,
    },
}


def word(name: str, language: str) -> str:
    words = _WORDS[name]
    return words.get(language, words["EN"])


def reason(category: str, language: str) -> str:
    """Why there is no VAT, for the buyer; "" where the law asks for no words."""
    texts = REASONS.get(category, {})
    return texts.get(language, texts.get("EN", ""))
