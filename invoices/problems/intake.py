"""What can be wrong with a received file or an invoice in it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from invoices.problems.words import Words

INTAKE: dict[str, Words] = {
    "file_empty": Words(
        _("The file is empty."),
        _("Export the file again at the source and upload it anew."),
    ),
    "file_too_large": Words(
        _("The file has {value} bytes; at most {expected} are read."),
        _("Split the file at the source and upload the parts."),
    ),
    "file_too_complex": Words(
        _("The file has {value} elements; at most {expected} are read."),
        _("Split the file at the source and upload the parts."),
    ),
    "format_unknown": Words(
        _("The file is not in a format we read ({value})."),
        _(
            "Upload Finvoice, UBL or CII XML, a CSV or XLSX table, a ZIP file of these, or our own "
            "JSON form; the intake guide describes them."
        ),
    ),
    "encoding_unknown": Words(
        _("The file declares a character encoding we do not know: {value}."),
        _("Have the source system write UTF-8 or ISO-8859-15."),
    ),
    "encoding_wrong": Words(
        _("The text is not in the character encoding it declares ({value})."),
        _("Export it again at the source so that the declaration and the text agree."),
    ),
    "xml_broken": Words(
        _("The XML is broken: {value}."),
        _("Export this invoice again at the source; the file's other invoices are not affected."),
    ),
    "xml_forbidden": Words(
        _("The XML declares or uses an entity ({value}), which is not safe to read."),
        _("Have the source system write plain text instead of entities."),
    ),
    "json_broken": Words(
        _("The JSON is broken at line and column shown: {value}."),
        _("Correct the file at the source and upload it again."),
    ),
    "too_deep": Words(
        _("The data is nested more than {expected} levels deep."),
        _("Compare the file with the example in the intake guide and correct it at the source."),
    ),
    "too_many": Words(
        _("There are too many of these: {value}; at most {expected} are read."),
        _("Split the file or the invoice at the source and upload the parts."),
    ),
    "not_a_list": Words(
        _("This should be a list."),
        _("Compare the file with the example in the intake guide and correct it at the source."),
    ),
    "not_an_object": Words(
        _("This should be an invoice, but is {value}."),
        _("Compare the file with the example in the intake guide and correct it at the source."),
    ),
    "missing": Words(
        _("A required value is missing."),
        _("Fill in the value at the source and upload the invoice again."),
    ),
    "not_a_number": Words(
        _("{value} is not a number we can read."),
        _("Correct the figure at the source: digits, one decimal mark, at most eight decimals."),
    ),
    "number_ambiguous": Words(
        _("{value} can mean thousands or decimals."),
        _("Have the source write a decimal comma and no thousands separator."),
    ),
    "not_a_date": Words(
        _("{value} is not a date that exists."),
        _("Correct the date at the source: year, month, day, from 1990 to 2099."),
    ),
    "not_text": Words(
        _("{value} should be text."),
        _("Write the value in quotation marks at the source, so that leading zeros are kept."),
    ),
    "too_long": Words(
        _("{value} is too long; at most {expected} characters fit."),
        _("Shorten the value at the source and upload the invoice again."),
    ),
    "not_allowed": Words(
        _("{value} is not allowed here; expected: {expected}."),
        _("Correct the value at the source and upload the invoice again."),
    ),
    "unknown_field": Words(
        _("There is no such field."),
        _("Check the spelling against the intake guide, or leave the field out."),
    ),
    "repeated_field": Words(
        _("The field is given more than once, so its value is not certain."),
        _("Leave only the right one at the source and upload the invoice again."),
    ),
    "invalid": Words(
        _("The value cannot be used: {value}."),
        _("Compare it with the intake guide and correct it at the source."),
    ),
    "totals_differ": Words(
        _("The invoice states {value}, but its figures give {expected}."),
        _("Correct the rows or the total at the source; we never change either to make them fit."),
    ),
    "totals_missing": Words(
        _("The invoice states no totals, so its rows could not be checked."),
        _("Compare the total with the invoice the buyer got before exporting."),
    ),
    "type_refused": Words(
        _("This is not a sales invoice or a credit note of ours (type {value}; read: {expected})."),
        _("Leave it out: reminders, interest, pro forma and self-billing are not exported."),
    ),
    "corrected_invoice": Words(
        _("This is a corrected invoice that replaces an earlier one."),
        _("Check that the earlier invoice is credited or was never exported."),
    ),
    "invoice_cancelled": Words(
        _("The invoice is marked as cancelled."),
        _("Leave it out, or export the credit note if the invoice was already in Procountor."),
    ),
    "invoice_copy": Words(
        _("The invoice is marked as a copy."),
        _("Check that the original is not in Procountor already."),
    ),
    "credit_note_positive": Words(
        _("The credit note's total {value} is not negative."),
        _("Correct the type or the signs at the source."),
    ),
    "negative_invoice": Words(
        _("The invoice's total {value} is negative; it is read as a credit note."),
        _("Check that a credit note is meant."),
    ),
    "several_due_dates": Words(
        _("The invoice has several due dates: {value}."),
        _("Instalments cannot be exported: give one due date at the source."),
    ),
    "instalments": Words(
        _("The invoice is to be paid in instalments, which are not exported."),
        _("Check the due date; the instalments must be agreed and followed elsewhere."),
    ),
    "currency_mixed": Words(
        _("The amounts are in several currencies: {value}."),
        _("Give all amounts of one invoice in one currency at the source."),
    ),
    "reference_damaged": Words(
        _("The reference number {value} is damaged, probably by a spreadsheet."),
        _("Export the reference number as text at the source and upload the invoice again."),
    ),
    "cash_discount_dropped": Words(
        _("A cash discount could not be read and is left out."),
        _("Give its last day and its percentage at the source if it is to be exported."),
    ),
    "paid_amount_missing": Words(
        _("The invoice is marked {value}, but says not how much is paid."),
        _("Check the payment in Procountor after the export; the whole amount is exported."),
    ),
    "country_unknown": Words(
        _("{value} is not a two-letter country code; it is left out."),
        _("Correct the country at the source if the buyer is not in Finland."),
    ),
    "personal_id_dropped": Words(
        _("The buyer's identifier looked like a personal identity code and was not kept."),
        _("Do not send personal identity codes; use the customer number instead."),
    ),
    "sub_row_skipped": Words(
        _("A sub row of {value} is not counted; the rows and totals decide."),
        _("Nothing to do when the sub rows only repeat what the rows say."),
    ),
    "sub_row_unclear": Words(
        _("A sub row has an amount ({value}) and there is no total to check it against."),
        _("Put the amount on a row of its own, or state the totals, at the source."),
    ),
    "net_computed": Words(
        _("The row's amount without VAT is missing; it was counted from {value} with VAT."),
        _("Compare the row with the invoice the buyer got."),
    ),
    "row_recomputed": Words(
        _("Quantity and price ({value}) do not give the row's amount {expected}, which is kept."),
        _("Nothing to do when a discount or charge explains it; the comment has the figures."),
    ),
    "header_charge_informational": Words(
        _("Charges and discounts of {value} are in the rows already and were not added."),
        _("Compare the total with the invoice the buyer got."),
    ),
    "vat_code_missing": Words(
        _("VAT is 0 % but no VAT code says why."),
        _("Give the VAT code at the source; the invoice cannot be exported without a reason."),
    ),
    "vat_code_doubtful": Words(
        # xgettext:no-python-format
        _("VAT code {value} at 0 % can mean several things here."),
        _("Give the VAT code at the source as in Finvoice 3.0, or choose the treatment by hand."),
    ),
    "vat_code_conflict": Words(
        _("VAT code and rate do not fit together: {value}."),
        _("Correct the code or the rate at the source."),
    ),
    "vat_code_refused": Words(
        _("VAT code {value} is for other countries and cannot be exported."),
        _("Enter the invoice in Procountor by hand after asking the accountant."),
    ),
    "vat_group_missing": Words(
        _("The VAT breakdown has no part for {value}."),
        _("Have the source state the base and the VAT of every category and rate it uses."),
    ),
    "payment_reference_is_text": Words(
        _("The payment reference “{value}” is not a reference number; it is kept as text."),
        _("Check how the buyer pays: Procountor makes a reference number of its own."),
    ),
    "attachment_left_out": Words(
        _("An attachment or a link ({value}) is not a PDF in the file, so it does not go along."),
        _("Add it to the invoice as a PDF if the buyer needs it; the received file keeps it."),
    ),
    "version_unknown": Words(
        _("The Finvoice version {value} is not known; it is read as the nearest one."),
        _("Check the VAT treatment of the rows before exporting."),
    ),
    "text_garbled": Words(
        _("Some text looks wrongly decoded: {value}."),
        _("Correct the character encoding at the source if the letters are wrong there too."),
    ),
    "column_missing": Words(
        _("No column of the table is understood as {value}."),
        _("Give the column a usual heading ({expected}), or map it by hand."),
    ),
    "column_not_there": Words(
        _("The table has no column with the heading “{value}”, which is mapped."),
        _("Correct the mapping, or the heading at the source."),
    ),
    "column_twice": Words(
        _("Two columns are read as the same thing; the second is “{value}”."),
        _("Leave one of them out at the source, or map the right one by hand."),
    ),
    "columns_read": Words(
        _("These columns are understood: {value}."),
        _("Nothing to do for these."),
    ),
    "columns_not_read": Words(
        _("These columns are not understood: {value}."),
        _("If an invoice needs one of them, give it a usual heading or map it by hand."),
    ),
    "columns_shifted": Words(
        _("The row has {value} cells under {expected} headings, so values may be misplaced."),
        _("Have the source put values that contain the separator into quotation marks."),
    ),
    "rows_disagree": Words(
        _("The rows of one invoice differ here: {value} and {expected}."),
        _("Correct the rows at the source, or give two invoices two numbers."),
    ),
    "date_ambiguous": Words(
        _("{value} can be read day first or month first."),
        _("Have the source write 31.1.2026 or 2026-01-31, or say the order in the mapping."),
    ),
    "cell_error": Words(
        _("The cell holds an error of the spreadsheet: {value}."),
        _("Correct the formula in the spreadsheet and upload the file again."),
    ),
    "cell_too_long": Words(
        _("A cell of this row has more than {expected} characters."),
        _("Shorten it; a quotation mark that is never closed can be the reason, too."),
    ),
    "table_broken": Words(
        _("The table cannot be read: {value}."),
        _("Export it again at the source, as CSV with quotation marks or as XLSX."),
    ),
    "table_empty": Words(
        _("There are no invoices under the table's headings."),
        _("Export the file again at the source and upload it anew."),
    ),
    "sheet_left_out": Words(
        _("The sheet {value} is not read: its columns are not those of invoices."),
        _("If it has invoices, give its columns usual headings and upload the file again."),
    ),
    "zip_broken": Words(
        _("The ZIP file, or a file in it, cannot be unpacked: {value}."),
        _("Pack the files again and upload the new ZIP file."),
    ),
    "zip_encrypted": Words(
        _("A file in the ZIP file is protected by a password."),
        _("Pack the files again without a password and upload the new ZIP file."),
    ),
    "zip_nested": Words(
        _("There is a ZIP file inside the ZIP file ({value}), which is not opened."),
        _("Put the files themselves into one ZIP file, or upload the inner one."),
    ),
    "zip_too_large": Words(
        _("The files unpack to more than the {expected} bytes that are read, or are suspect."),
        _("Pack fewer files into one ZIP file and upload several."),
    ),
    "changed_duplicate": Words(
        _("The invoice {value} was received before, with other content."),
        _(
            "Decide about it among the changed invoices: leave the earlier one as it was, or take "
            "over what can be corrected. Another amount is another invoice: credit the earlier "
            "one at the source and give a new number."
        ),
    ),
    "change_decided": Words(
        _("The invoice {value} came with other content again; a person has decided about it."),
        _("Nothing to do: the decision stands. It is told with the changed invoices."),
    ),
    "idempotency_key_reused": Words(
        _("The key {value} came with another request before, so this one was not read."),
        _("Have the source use a new key for each new request."),
    ),
    "number_expired": Words(
        _("An invoice {value} was received before; its time of retention is over, and it is gone."),
        _(
            "If this is another invoice, give it a new number at the source; else there is "
            "nothing to do."
        ),
    ),
    "numbers_unreadable": Words(
        _(
            "Whether {value} was received before cannot be told: the numbers of expired years "
            "were kept with another FINGERPRINT_KEY."
        ),
        _("Put the earlier FINGERPRINT_KEY back into the settings, then upload the invoice again."),
    ),
}
