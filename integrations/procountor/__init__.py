"""The HTTP client for Procountor: no Django, no models. See `errors` for what may go wrong."""

from .activation import (
    Activation,
    ActivationAnswer,
    ActivationCompany,
    ActivationKey,
    IntegrationCustomer,
)
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
from .integrator import IntegratorClient
from .keylogin import api_key_for_code, login_address
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
    "Activation",
    "ActivationAnswer",
    "ActivationCompany",
    "ActivationKey",
    "Company",
    "CompanyBankAccount",
    "CreatedInvoice",
    "CredentialRefused",
    "Environment",
    "FiscalYear",
    "FoundInvoice",
    "IntegrationCustomer",
    "IntegratorClient",
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
    "api_key_for_code",
    "login_address",
    "now",
    "pooled_session",
]
