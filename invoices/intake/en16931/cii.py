"""UN/CEFACT Cross Industry Invoice (D16B): Factur-X, ZUGFeRD 2 and XRechnung among them."""

from __future__ import annotations

from invoices.intake.en16931.syntax import (
    Address,
    Attachment,
    Charge,
    Line,
    Party,
    Syntax,
    Totals,
)

_TRADE = "SupplyChainTradeTransaction/"
_AGREED = f"{_TRADE}ApplicableHeaderTradeAgreement/"
_DELIVERED = f"{_TRADE}ApplicableHeaderTradeDelivery/"
_SETTLED = f"{_TRADE}ApplicableHeaderTradeSettlement/"
_SUM = f"{_SETTLED}SpecifiedTradeSettlementHeaderMonetarySummation/"
_SELLER = f"{_AGREED}SellerTradeParty/"
_LINE_SETTLED = "SpecifiedLineTradeSettlement/"
_PRICE = "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/"
_POSTAL = "PostalTradeAddress/"
_ADDRESS = Address(
    streets=(f"{_POSTAL}LineOne", f"{_POSTAL}LineTwo", f"{_POSTAL}LineThree"),
    zip=f"{_POSTAL}PostcodeCode",
    city=f"{_POSTAL}CityName",
    country=f"{_POSTAL}CountryID",
)
_PERIOD = "BillingSpecifiedPeriod/"
_EVENT = f"{_DELIVERED}ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString"

CII = Syntax(
    format="cii",
    roots=("CrossIndustryInvoice",),
    marks=("urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:",),
    number="ExchangedDocument/ID",
    date="ExchangedDocument/IssueDateTime/DateTimeString",
    kind="ExchangedDocument/TypeCode",
    is_copy="ExchangedDocument/CopyIndicator/Indicator",
    currency=f"{_SETTLED}InvoiceCurrencyCode",
    vat_currency=f"{_SETTLED}TaxCurrencyCode",
    notes=(
        "ExchangedDocument/IncludedNote/Content",
        f"{_SETTLED}SpecifiedTradePaymentTerms/Description",
        f"{_AGREED}SpecifiedProcuringProject/ID",
    ),
    due_dates=(f"{_SETTLED}SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString",),
    periods=(
        (
            f"{_SETTLED}{_PERIOD}StartDateTime/DateTimeString",
            f"{_SETTLED}{_PERIOD}EndDateTime/DateTimeString",
        ),
        (_EVENT, _EVENT),
    ),
    order=f"{_AGREED}BuyerOrderReferencedDocument/IssuerAssignedID",
    contract=f"{_AGREED}ContractReferencedDocument/IssuerAssignedID",
    buyer_reference=f"{_AGREED}BuyerReference",
    corrected=f"{_SETTLED}InvoiceReferencedDocument/IssuerAssignedID",
    means=f"{_SETTLED}SpecifiedTradeSettlementPaymentMeans",
    means_code="TypeCode",
    means_accounts=(
        "PayeePartyCreditorFinancialAccount/IBANID",
        "PayeePartyCreditorFinancialAccount/ProprietaryID",
    ),
    payment_references=(f"{_SETTLED}PaymentReference",),
    seller_ids=(
        f"{_SELLER}SpecifiedLegalOrganization/ID",
        f"{_SELLER}SpecifiedTaxRegistration/ID[@schemeID='VA']",
    ),
    buyer=Party(
        at=f"{_AGREED}BuyerTradeParty",
        name="Name",
        trading_name="SpecifiedLegalOrganization/TradingBusinessName",
        business_id="SpecifiedLegalOrganization/ID",
        vat_number="SpecifiedTaxRegistration/ID[@schemeID='VA']",
        ids=("ID", "GlobalID"),
        endpoint="URIUniversalCommunication/URIID",
        contact=("DefinedTradeContact/PersonName", "DefinedTradeContact/DepartmentName"),
        email="DefinedTradeContact/EmailURIUniversalCommunication/URIID",
        address=_ADDRESS,
    ),
    delivery_name=f"{_DELIVERED}ShipToTradeParty/Name",
    delivery_at=f"{_DELIVERED}ShipToTradeParty",
    delivery=_ADDRESS,
    line=Line(
        at=(f"{_TRADE}IncludedSupplyChainTradeLineItem",),
        quantity=("SpecifiedLineTradeDelivery/BilledQuantity",),
        net=f"{_LINE_SETTLED}SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
        price=f"{_PRICE}ChargeAmount",
        base_quantity=f"{_PRICE}BasisQuantity",
        category=f"{_LINE_SETTLED}ApplicableTradeTax/CategoryCode",
        rate=f"{_LINE_SETTLED}ApplicableTradeTax/RateApplicablePercent",
        name="SpecifiedTradeProduct/Name",
        description="SpecifiedTradeProduct/Description",
        codes=("SpecifiedTradeProduct/SellerAssignedID", "SpecifiedTradeProduct/GlobalID"),
        notes="AssociatedDocumentLineDocument/IncludedNote/Content",
        properties=(
            "SpecifiedTradeProduct/ApplicableProductCharacteristic",
            "Description",
            "Value",
        ),
        start=f"{_LINE_SETTLED}{_PERIOD}StartDateTime/DateTimeString",
        end=f"{_LINE_SETTLED}{_PERIOD}EndDateTime/DateTimeString",
        sub_lines="",
        sub_net="",
    ),
    charge=Charge(
        at=f"{_SETTLED}SpecifiedTradeAllowanceCharge",
        line_at=f"{_LINE_SETTLED}SpecifiedTradeAllowanceCharge",
        is_charge="ChargeIndicator/Indicator",
        amount="ActualAmount",
        percent="CalculationPercent",
        reason=("Reason", "ReasonCode"),
        category="CategoryTradeTax/CategoryCode",
        rate="CategoryTradeTax/RateApplicablePercent",
    ),
    totals=Totals(
        lines=f"{_SUM}LineTotalAmount",
        allowances=f"{_SUM}AllowanceTotalAmount",
        charges=f"{_SUM}ChargeTotalAmount",
        net=f"{_SUM}TaxBasisTotalAmount",
        vat=f"{_SUM}TaxTotalAmount",
        gross=f"{_SUM}GrandTotalAmount",
        prepaid=f"{_SUM}TotalPrepaidAmount",
        rounding=f"{_SUM}RoundingAmount",
        payable=f"{_SUM}DuePayableAmount",
        groups=f"{_SETTLED}ApplicableTradeTax",
        group_base="BasisAmount",
        group_vat="CalculatedAmount",
        group_category="CategoryCode",
        group_rate="RateApplicablePercent",
        group_reasons=("ExemptionReason", "ExemptionReasonCode"),
    ),
    attachment=Attachment(
        at=f"{_AGREED}AdditionalReferencedDocument",
        content="AttachmentBinaryObject",
        link="URIID",
    ),
)
