"""What an envelope says of itself, for whoever opens it; in Finnish and in English."""

README = """\
TILINTARKASTAJAN AINEISTO
=========================

Tässä aineistossa on kaikki, mitä järjestelmä tietää valituista myyntilaskuista ja niiden viennistä
Procountoriin: alkuperäiset tiedostot, korjaukset, mitä Procountoriin vietiin ja mitä se vastasi,
kyselyt, henkilöt ja heidän antamansa perusteet.

Tarkistaminen (ei vaadi järjestelmää eikä verkkoyhteyttä):

    python3 verify_envelope.py AINEISTO.zip --fingerprint JULKISEN_AVAIMEN_SORMENJÄLKI

Jos asiakkaan tilikausia on poistettu säilytysajan päätyttyä, poistotodistukset ovat kansiossa
certificates; ne kertovat, mitkä ketjujen lenkit puuttuvat.

Pyydä tarkistusohjelma ja julkisen avaimen sormenjälki erikseen: aineiston mukana tulleet on
voitu vaihtaa yhdessä aineiston kanssa.


AUDITOR'S ENVELOPE
==================

This envelope holds everything that the system knows of the chosen sales invoices and of their
export into Procountor: files as received, corrections, what was submitted and answered, look-ups,
people and the reasons they gave.

To check it, without the system and without a network:

    python3 verify_envelope.py ENVELOPE.zip --fingerprint FINGERPRINT_OF_THE_PUBLIC_KEY

Ask for the program and for the fingerprint of the public key separately: what comes with an
envelope may have been replaced together with it.

    manifest.json          what this is, numbers and sums, every file with its SHA-256
    manifest.sig           signature of manifest.json (Ed25519, hexadecimal)
    cover.pdf              a page for people
    public_key.pem         the public key of the signature
    invoices.jsonl         one line for each invoice, JSON:
        document               the invoice as received; document_sha256 is of it
        received               the files that it was in: received/<sha256>
        attachments            its PDFs: attachments/<sha256>.pdf
        export                 its state now; remote_id and remote_number are Procountor's
        corrections            each later version, what changed, by whom, when and why
        attempts               each submission: exactly what was sent (request_body), when, why,
                               with which mapping and software, and what was answered
        look_ups               each question whether Procountor has the invoice, and the answer
        steps                  what followed: attachments, approval, sending
        entered_by_hand        numbers that people entered in Procountor themselves
        events                 the audit trail of the invoice
    chain.jsonl            the audit trail's chains of hashes, from the first row that is in this
                           envelope to the head: {"chain", "after", "before": hash to go on from},
                           then [position, table, primary key, SHA-256 of the row] and, for rows
                           of this envelope, the row itself as its SHA-256 was made of it. A
                           link's hash is the SHA-256 of the text
                           "HASH BEFORE:POSITION:TABLE:PRIMARY KEY:SHA-256 OF THE ROW".
                           The heads of all chains are published every day: compare them.
    certificates/          the certificates of deletions: what of the chains has expired, and so
                           leaves gaps in chain.jsonl
    people.json            who "person:<number>" is
    mapping_tables.jsonl   every version of the tenant's mapping tables

Times are UTC. Sums are totals with VAT of the invoices as received, by currency.
"""
