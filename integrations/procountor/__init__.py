"""The HTTP client for Procountor: no Django, no models. See `errors` for what may go wrong."""

from .auth import AccessToken, Environment, MemoryTokenStore, TokenStore
from .client import ProcountorClient
from .errors import (
    CredentialRefused,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorError,
    Rejected,
    RemoteError,
)
from .schemas import (
    Company,
    CompanyBankAccount,
    CreatedInvoice,
    FiscalYear,
    FoundInvoice,
    InvoiceTransaction,
    RemoteInvoice,
    ServiceStatus,
    SessionInfo,
    TrackingPeriod,
    UserRights,
    VatDefaults,
)
from .transport import now, pooled_session

__all__ = [
    "AccessToken",
    "Company",
    "CompanyBankAccount",
    "CreatedInvoice",
    "CredentialRefused",
    "Environment",
    "FiscalYear",
    "FoundInvoice",
    "InvoiceTransaction",
    "MemoryTokenStore",
    "NotSubmitted",
    "OutcomeUnknown",
    "ProcountorClient",
    "ProcountorError",
    "Rejected",
    "RemoteError",
    "RemoteInvoice",
    "ServiceStatus",
    "SessionInfo",
    "TokenStore",
    "TrackingPeriod",
    "UserRights",
    "VatDefaults",
    "now",
    "pooled_session",
]
