"""Pages of A4 as PDF, in fonts that have the letters of our languages and €."""

from __future__ import annotations

from pathlib import Path

from fpdf import FPDF

_FONTS = Path(__file__).parent / "fonts"


def sheet(title: str, language: str) -> FPDF:
    """An empty first page."""
    pdf = FPDF(format="A4")
    pdf.set_margin(18)
    pdf.set_auto_page_break(True, 18)
    pdf.add_font("Sans", "", _FONTS / "DejaVuSans.ttf")
    pdf.add_font("Sans", "B", _FONTS / "DejaVuSans-Bold.ttf")
    pdf.set_title(title)
    pdf.set_lang(language)
    pdf.add_page()
    return pdf


def heading(pdf: FPDF, text: str) -> None:
    pdf.ln(6)
    line(pdf, text, 12, bold=True)
    pdf.ln(1)
    pdf.set_font("Sans", "", 10)


def line(pdf: FPDF, text: str, size: int, *, bold: bool = False, grey: bool = False) -> None:
    """A paragraph of its own; `size` in points."""
    pdf.set_font("Sans", "B" if bold else "", size)
    pdf.set_text_color(90 if grey else 0)
    pdf.multi_cell(0, size * 0.55, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(0)
