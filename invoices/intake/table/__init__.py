"""Tables (CSV and XLSX) of invoices: one row an invoice, or one row an invoice row."""

from invoices.intake.table.csv_form import looks_like_csv, read_csv
from invoices.intake.table.xlsx_form import is_xlsx, read_xlsx

__all__ = ["is_xlsx", "looks_like_csv", "read_csv", "read_xlsx"]
