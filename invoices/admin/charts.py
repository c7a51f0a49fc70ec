"""Charts as SVG that the server draws: no script, no inline style, colours by class. The same
figures stand in a table beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_WIDTH, _HEIGHT = 720, 220
_LEFT, _BOTTOM, _TOP = 52, 26, 12


@dataclass(frozen=True)
class Bar:
    """One bar of a chart: parts from the bottom up as (class of colour, value)."""

    label: str
    tip: str
    url: str
    parts: Sequence[tuple[str, int]]


def bars(name: str, title: str, description: str, chosen: Sequence[Bar]) -> dict[str, Any]:
    """Context of `desk/chart.html`. `name` is unique on the page."""
    highest = max((sum(value for _c, value in bar.parts) for bar in chosen), default=0)
    top = _round_up(highest)
    room = _HEIGHT - _TOP - _BOTTOM
    step = (_WIDTH - _LEFT) / max(1, len(chosen))
    every = max(1, -(-len(chosen) // 12))
    drawn = []
    for place, bar in enumerate(chosen):
        x, y = _LEFT + place * step, float(_HEIGHT - _BOTTOM)
        parts = []
        for colour, value in bar.parts:
            height = room * value / top
            y -= height
            parts.append({"colour": colour, "y": _n(y), "height": _n(height)})
        drawn.append(
            {
                "x": _n(x + step * 0.12),
                "width": _n(step * 0.76),
                "middle": _n(x + step / 2),
                "hit_x": _n(x),
                "hit_width": _n(step),
                "label": bar.label if place % every == 0 else "",
                "tip": bar.tip,
                "url": bar.url,
                "parts": parts,
            }
        )
    lines = [
        {"y": _n(_HEIGHT - _BOTTOM - room * share), "value": f"{top * share:.0f}"}
        for share in (0, 0.5, 1)
    ]
    return {
        "name": name,
        "title": title,
        "description": description,
        "bars": drawn,
        "lines": lines,
        "left": _LEFT,
        "width": _WIDTH,
        "height": _HEIGHT,
        "top": _TOP,
        "room": room,
        "labels_y": _HEIGHT - 8,
    }


def _n(value: float) -> str:
    """A number as SVG reads it, whatever the reader's language."""
    return f"{value:.2f}"


def _round_up(value: int) -> int:
    """The end of the scale: even, with one digit that counts, or two."""
    if value <= 2:
        return 2
    size = 10 ** (len(str(value)) - 1)
    for factor in (1, 2, 3, 4, 5, 6, 8, 10):
        if value <= factor * size and (factor * size) % 2 == 0:
            return factor * size
    return 10 * size
