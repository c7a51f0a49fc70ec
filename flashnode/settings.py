"""Settings: the only reader of the environment. Fails at start, naming the variable that is wrong.

Every secret may also be given as NAME_FILE, the path of a file that holds it.
"""

import base64
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()
_env_file = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
if _env_file.is_file():
    env.read_env(_env_file)


def _required(name: str) -> str:
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE); .env.example explains each one.")
    return value


def _fernet_keys() -> list[str]:
    """Keys as a list, newest first. A single string would be read as one-character keys, and a
    missing setting falls back to SECRET_KEY in the field's library: both are refused here."""
    keys = [key.strip() for key in _required("FERNET_KEYS").split(",") if key.strip()]
    if not keys:
        raise ImproperlyConfigured("FERNET_KEYS holds no key.")
    for position, key in enumerate(keys, start=1):
        try:
            Fernet(key)
        except ValueError:
            raise ImproperlyConfigured(
                f"FERNET_KEYS: key {position} is not a Fernet key (32 bytes, url-safe base64)."
            ) from None
    return keys


#: Kept with every attempt; the same number as in pyproject.toml, which a test compares.
SOFTWARE_VERSION = "0.1.0"

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = _required("SECRET_KEY")
FERNET_KEYS = _fernet_keys()
#: The keys above are full-strength keys already, so they are used as they are.
FERNET_USE_HKDF = False
#: Keys the fingerprints of API keys: apart from FERNET_KEYS, so that rotating those keeps them.
FINGERPRINT_KEY = _required("FINGERPRINT_KEY")
#: When the secret of a key that another has replaced is destroyed.
SUPERSEDED_KEY_DAYS = env.int("SUPERSEDED_KEY_DAYS", default=30)
#: Files of the export history are deleted after so many days.
HISTORY_FILE_DAYS = env.int("HISTORY_FILE_DAYS", default=7)
#: Uploads that nobody took in or discarded are discarded after so many days.
UPLOAD_DAYS = env.int("UPLOAD_DAYS", default=7)
#: How long a key from a mail waits for somebody to file it.
RECEIVED_KEY_HOURS = env.int("RECEIVED_KEY_HOURS", default=24)
#: How long a customer's intake link works, and when it is reminded of.
INTAKE_LINK_DAYS = env.int("INTAKE_LINK_DAYS", default=7)
INTAKE_REMINDER_DAYS = env.int("INTAKE_REMINDER_DAYS", default=3)
#: Where customers reach us, for links in mails that no request leads to.
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
#: Who writes to customers. Empty: the program writes to nobody, support sends the texts itself.
SUPPORT_FROM_EMAIL = env.str("SUPPORT_FROM_EMAIL", default="")
if SUPPORT_FROM_EMAIL and not PUBLIC_URL:
    raise ImproperlyConfigured("SUPPORT_FROM_EMAIL needs PUBLIC_URL, for the links in the mails.")
#: Percent of the invoices that must pass a rehearsal before a tenant goes live, or its export
#: settings change, without anybody giving a reason.
GO_LIVE_SCORE = env.float("GO_LIVE_SCORE", default=95.0)
if not 0 <= GO_LIVE_SCORE <= 100:
    raise ImproperlyConfigured("GO_LIVE_SCORE is a percentage: a number from 0 to 100.")
#: A tenant for which nothing came in or went out for so long is called idle.
IDLE_DAYS = env.int("IDLE_DAYS", default=30)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- Procountor ------------------------------------------------------------------------------


def _procountor(name: str, default_base_url: str) -> dict[str, str]:
    prefix = f"PROCOUNTOR_{name.upper()}"
    return {
        "base_url": env.str(f"{prefix}_BASE_URL", default=default_base_url),
        "client_id": env.str(f"{prefix}_CLIENT_ID", default="flashnodeClient"),
        "client_secret": env.str(f"{prefix}_CLIENT_SECRET", default=""),
        "redirect_uri": env.str(f"{prefix}_REDIRECT_URI", default=""),
        # The `iss` claim of the environment's keys: the host that issues them.
        "key_issuer": env.str(
            f"{prefix}_KEY_ISSUER", default=default_base_url.removesuffix("/api")
        ),
        # Of our own company in Procountor: only it may read and decide activation requests.
        "integrator_api_key": env.str(f"{prefix}_INTEGRATOR_API_KEY", default="").strip(),
        # The link we share with customers, and how the callback's query names the number of the
        # request. The name is not documented: without it, staff enter the number by hand.
        "activation_link": env.str(f"{prefix}_ACTIVATION_LINK", default=""),
        "activation_parameter": env.str(f"{prefix}_ACTIVATION_PARAMETER", default=""),
        # Empty: {host}/keylogin of the base address.
        "key_login_url": env.str(f"{prefix}_KEY_LOGIN_URL", default=""),
    }


PROCOUNTOR = {
    "test": _procountor("test", "https://pts-api.procountor.com/api"),
    "production": _procountor("production", "https://api.procountor.com/api"),
}
#: All tenants, processes and machines together (design, section 5; documented limit: 60).
PROCOUNTOR_REQUESTS_PER_SECOND = env.float("PROCOUNTOR_REQUESTS_PER_SECOND", default=15.0)
PROCOUNTOR_CONNECT_TIMEOUT_SECONDS = env.float("PROCOUNTOR_CONNECT_TIMEOUT_SECONDS", default=10.0)
PROCOUNTOR_READ_TIMEOUT_SECONDS = env.float("PROCOUNTOR_READ_TIMEOUT_SECONDS", default=30.0)
PROCOUNTOR_TOTAL_TIMEOUT_SECONDS = env.float("PROCOUNTOR_TOTAL_TIMEOUT_SECONDS", default=60.0)

#: In an outage, how often Procountor is asked whether it is back.
PROCOUNTOR_PROBE_SECONDS = env.float("PROCOUNTOR_PROBE_SECONDS", default=120.0)

# --- Exports (design, section 5) -------------------------------------------------------------

EXPORT_RETRY_SECONDS = env.list(
    "EXPORT_RETRY_SECONDS", cast=int, default=[1, 60, 300, 1800, 7200, 18000, 36000, 36000]
)
EXPORT_LOOKUP_SECONDS = env.list("EXPORT_LOOKUP_SECONDS", cast=int, default=[30, 360])
#: When Procountor's copy of an accepted invoice is read again after it could not be read.
EXPORT_READ_AGAIN_SECONDS = env.list(
    "EXPORT_READ_AGAIN_SECONDS", cast=int, default=[5, 60, 300, 1800, 7200, 18000, 36000]
)
#: After a worker's death its lanes are another's. Only who works on them: see the claims' lease.
EXPORT_LANE_LEASE_SECONDS = env.float("EXPORT_LANE_LEASE_SECONDS", default=20)
#: How long a lane is served while others wait and the worker has its hands full.
EXPORT_LANE_SLICE_SECONDS = env.float("EXPORT_LANE_SLICE_SECONDS", default=2)
#: Longer than the longest submission, so that only a dead holder loses its claim: a POST and
#: its repeat after a 401, each with a token request, four times the total time-out.
EXPORT_LEASE_SECONDS = env.int("EXPORT_LEASE_SECONDS", default=600)
#: How long a worker waits for the next due export before it gives up its lanes.
EXPORT_LINGER_SECONDS = env.float("EXPORT_LINGER_SECONDS", default=3)
#: Requests one worker keeps under way, and of these for one tenant (REFERENCE section 7 advises
#: against many at once for one company).
EXPORT_REQUESTS_IN_FLIGHT = env.int("EXPORT_REQUESTS_IN_FLIGHT", default=16)
EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT = env.int("EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT", default=2)

# --- Watching (README, "Operating notes") ----------------------------------------------------

#: A due export that nobody took up for so long is a finding.
WATCH_EXPORT_WAIT_SECONDS = env.int("WATCH_EXPORT_WAIT_SECONDS", default=900)
#: Who is told of new alerts. Empty: they are shown in the admin and logged at ERROR only.
ALERT_EMAILS = env.list("ALERT_EMAILS", default=[])
#: Who is told of failed exports, and every Monday of all that are open.
FAILURE_EMAILS = env.list("FAILURE_EMAILS", default=ALERT_EMAILS)
ALERT_LANGUAGE = env.str("ALERT_LANGUAGE", default="fi")
if ALERT_LANGUAGE not in ("en", "fi"):
    raise ImproperlyConfigured("ALERT_LANGUAGE is neither en nor fi.")
DEFAULT_FROM_EMAIL = env.str("ALERT_FROM_EMAIL", default="flashnode@localhost")

_local_mail = "consolemail://" if DEBUG else "smtp://localhost:25"
try:
    globals().update(env.email_url("EMAIL_URL", default=_local_mail))
except ImproperlyConfigured:
    # The library names what it disliked, but not the variable.
    raise ImproperlyConfigured("EMAIL_URL has no scheme we know; smtp+tls:// is usual.") from None
#: Whoever raises an alert waits for the mail server at most this long.
EMAIL_TIMEOUT = 10

# --- Web shops (invoices/shops/README.md) ------------------------------------------------------

#: Whether shops at private addresses and without TLS may be asked: tests and the demo only.
SHOPS_ALLOW_LOCAL = env.bool("SHOPS_ALLOW_LOCAL", default=False)
#: How often a shop is asked what has changed there.
SHOPS_PULL_SECONDS = env.int("SHOPS_PULL_SECONDS", default=600)

# --- HTTP API and webhooks (README, "HTTP API") ----------------------------------------------

#: Of one token, over all processes and machines; a body costs one more for each 100 kB.
API_REQUESTS_PER_MINUTE = env.int("API_REQUESTS_PER_MINUTE", default=600)
if API_REQUESTS_PER_MINUTE < 1:
    raise ImproperlyConfigured("API_REQUESTS_PER_MINUTE is a number from 1.")
API_MAX_BODY_BYTES = env.int("API_MAX_BODY_BYTES", default=20_000_000)
#: How long a request that is repeated with its Idempotency-Key gets its first answer.
API_ANSWER_HOURS = env.int("API_ANSWER_HOURS", default=48)
if API_ANSWER_HOURS < 24:
    raise ImproperlyConfigured("API_ANSWER_HOURS is a number from 24: sources rely on a day.")
#: When a webhook that was not answered is tried again.
WEBHOOK_RETRY_SECONDS = env.list(
    "WEBHOOK_RETRY_SECONDS", cast=int, default=[5, 300, 1800, 7200, 18000, 36000, 36000]
)
WEBHOOK_TIMEOUT_SECONDS = env.float("WEBHOOK_TIMEOUT_SECONDS", default=15.0)
#: A webhook that has only failed for so long is paused, and an alert raised.
WEBHOOK_PAUSE_DAYS = env.int("WEBHOOK_PAUSE_DAYS", default=5)
#: Deliveries are deleted after so many days.
WEBHOOK_DAYS = env.int("WEBHOOK_DAYS", default=30)
#: For the demo and tests only: addresses without TLS, and networks that are not public.
WEBHOOK_ALLOW_HTTP = env.bool("WEBHOOK_ALLOW_HTTP", default=False)
WEBHOOK_ALLOWED_NETWORKS = env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])

# --- Evidence (invoices/README.md) -----------------------------------------------------------

#: Where the heads of the chains are published daily: people outside who keep the mails, and a file
#: on a disk that our administrators cannot rewrite. Without either nothing is published.
EVIDENCE_HEADS_EMAILS = env.list("EVIDENCE_HEADS_EMAILS", default=[])
EVIDENCE_HEADS_FILE = env.str("EVIDENCE_HEADS_FILE", default="")


def _signing_key() -> str:
    """32 bytes in base64, or "": then nothing is signed."""
    key: str = env.str("EVIDENCE_SIGNING_KEY", default="").strip()
    try:
        if key and len(base64.b64decode(key, validate=True)) != 32:
            raise ValueError
    except ValueError:
        raise ImproperlyConfigured(
            "EVIDENCE_SIGNING_KEY is not an Ed25519 key (32 bytes, base64): make one with "
            "manage.py make_signing_key."
        ) from None
    return key


#: The private key that signs evidence for auditors.
EVIDENCE_SIGNING_KEY = _signing_key()

# --- Django ----------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
    "integrations",
    "invoices",
    "flashnode.apps.SiteConfig",
]

MIDDLEWARE = [
    # First, so that a load balancer needs no host name, no TLS and no session.
    "flashnode.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "invoices.staff.remember_request",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "flashnode.urls"
WSGI_APPLICATION = "flashnode.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "flashnode" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def _database() -> dict[str, Any]:
    """SQLite is tuned for several writers: WAL, the write lock taken at BEGIN, and full
    synchronisation, because an attempt must be on disk before its request leaves."""
    config: dict[str, Any] = env.db_url(
        "DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'flashnode.sqlite3'}"
    )
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {
            "timeout": 30,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    config["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=600)
    config["CONN_HEALTH_CHECKS"] = True
    return config


DATABASES = {"default": _database()}

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # Fewer would let strangers push access tokens out.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    # What strangers may fill: of each process, and apart from everything else.
    "strangers": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "strangers",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
}

# Each value is explained by a measurement in the operations notes of the README.
Q_CLUSTER: dict[str, Any] = {
    "name": "flashnode",
    "workers": env.int("CLUSTER_WORKERS", default=4),
    "timeout": 900,
    "retry": 1200,
    # What one cluster has fetched, no other can take up meanwhile.
    "queue_limit": 1,
    "guard_cycle": 1,
    "save_limit": -1,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "recycle": 500,
    "label": "Background tasks",
}
if REDIS_URL:
    Q_CLUSTER["redis"] = REDIS_URL
else:
    Q_CLUSTER |= {"orm": "default", "poll": 0.2}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
CSRF_FAILURE_VIEW = "integrations.connect.connect_views.csrf_failure"
LOGIN_URL = reverse_lazy("admin:login")

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", _("English")), ("fi", _("Finnish"))]
#: Customers are written to in these, staff work in LANGUAGES.
LOCALE_PATHS = [BASE_DIR / "flashnode" / "locale"]
FORMAT_MODULE_PATH = ["flashnode.formats"]
TIME_ZONE = "Europe/Helsinki"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = env.bool("STATIC_FROM_SOURCE", default=DEBUG)

# Of anything but files, which go to the database piece by piece as they arrive (`uploads`).
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# --- Security --------------------------------------------------------------------------------

#: Off only where there is no TLS in front: the demo and tests on loopback.
SECURE = env.bool("SECURE", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SECURE_SSL_REDIRECT = SECURE
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "flashnode.logs.MaskingFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # urllib3 writes whole URLs at DEBUG.
    "loggers": {"urllib3": {"level": "WARNING"}, "django-q": {"level": "WARNING"}},
}


def _link(title: Any, icon: str, name: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{name}"),
        "permission": lambda request: request.user.has_perm(permission),
    }


UNFOLD = {
    "SITE_TITLE": "Flashnode",
    "SITE_HEADER": "Flashnode",
    "SITE_SUBHEADER": _("Invoices into Procountor"),
    "SITE_SYMBOL": "receipt_long",
    "SHOW_LANGUAGES": True,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SITE_URL": None,
    "STYLES": [lambda request: static("flashnode/admin.css")],
    "DASHBOARD_CALLBACK": "flashnode.site.home",
    "ENVIRONMENT": "flashnode.site.environment_badge",
    # Blue instead of the theme's purple, whose dark variant fails the contrast rules.
    "COLORS": {
        "primary": {
            "50": "#eff6ff",
            "100": "#dbeafe",
            "200": "#bfdbfe",
            "300": "#93c5fd",
            "400": "#60a5fa",
            "500": "#3b82f6",
            "600": "#2563eb",
            "700": "#1d4ed8",
            "800": "#1e40af",
            "900": "#1e3a8a",
            "950": "#172554",
        }
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": _("Work"),
                "items": [
                    {
                        "title": _("Home"),
                        "icon": "home",
                        "link": reverse_lazy("admin:index"),
                    },
                    _link(
                        _("Figures"),
                        "monitoring",
                        "invoices_rollup_changelist",
                        "invoices.view_rollup",
                    ),
                    _link(
                        _("Export history"),
                        "history",
                        "invoices_exportfact_changelist",
                        "invoices.view_rollup",
                    ),
                    _link(
                        _("What needs action"),
                        "assignment_late",
                        "invoices_invoiceexport_needs_action",
                        "invoices.view_invoiceexport",
                    ),
                    _link(
                        _("Exports"),
                        "upload",
                        "invoices_invoiceexport_changelist",
                        "invoices.view_invoiceexport",
                    )
                    | {"active": "flashnode.site.is_at_exports"},
                    _link(
                        _("Changed invoices"),
                        "difference",
                        "invoices_heldchange_changelist",
                        "invoices.view_heldchange",
                    ),
                    _link(
                        _("By cause"),
                        "rule",
                        "invoices_exportcause_changelist",
                        "invoices.view_exportcause",
                    ),
                    _link(
                        _("Bulk re-sends"),
                        "fast_forward",
                        "invoices_bulkplan_changelist",
                        "invoices.view_bulkplan",
                    ),
                    _link(
                        _("Closed periods"),
                        "event_busy",
                        "invoices_periods_waiting",
                        "invoices.view_invoiceexport",
                    ),
                    _link(
                        _("Reconciliation by day"),
                        "calendar_month",
                        "invoices_ledgerday_months",
                        "invoices.view_ledgerday",
                    ),
                    _link(
                        _("After the export"),
                        "fact_check",
                        "invoices_ledgerdifference_changelist",
                        "invoices.view_ledgerdifference",
                    ),
                    _link(
                        _("Invoices"),
                        "receipt_long",
                        "invoices_invoice_changelist",
                        "invoices.view_invoice",
                    ),
                    _link(
                        _("Received files"),
                        "inbox",
                        "invoices_receivedfile_changelist",
                        "invoices.view_receivedfile",
                    ),
                    _link(
                        _("Web shops"),
                        "storefront",
                        "invoices_shopconnection_changelist",
                        "invoices.view_shopconnection",
                    ),
                    _link(
                        _("Words of codes"),
                        "dictionary",
                        "invoices_wordingversion_changelist",
                        "invoices.view_wordingversion",
                    ),
                ],
            },
            {
                "title": _("Customers"),
                "items": [
                    _link(
                        _("Tenants"),
                        "apartment",
                        "integrations_tenant_changelist",
                        "integrations.view_tenant",
                    ),
                    _link(
                        _("Onboarding board"),
                        "view_kanban",
                        "integrations_tenant_onboarding",
                        "integrations.view_tenant",
                    ),
                    _link(
                        _("Activation requests"),
                        "add_link",
                        "integrations_activationrequest_changelist",
                        "integrations.view_activationrequest",
                    ),
                    _link(
                        _("Connection checks"),
                        "network_check",
                        "integrations_connectioncheck_changelist",
                        "integrations.view_connectioncheck",
                    ),
                    _link(
                        _("Rehearsals"),
                        "checklist",
                        "integrations_rehearsal_changelist",
                        "integrations.view_rehearsal",
                    ),
                    _link(
                        _("API tokens"),
                        "vpn_key",
                        "invoices_apitoken_changelist",
                        "invoices.view_apitoken",
                    ),
                    _link(
                        _("Webhooks"),
                        "webhook",
                        "invoices_webhookendpoint_changelist",
                        "invoices.view_webhookendpoint",
                    ),
                ],
            },
            {
                "title": _("Evidence"),
                "items": [
                    _link(
                        _("Audit trail"),
                        "history_edu",
                        "invoices_auditevent_changelist",
                        "invoices.view_auditevent",
                    ),
                    _link(
                        _("Chains of evidence"),
                        "link",
                        "invoices_evidencechain_changelist",
                        "invoices.view_evidencechain",
                    ),
                    _link(
                        _("Auditor's envelope"),
                        "mail_lock",
                        "invoices_historyfile_envelope",
                        "invoices.make_envelope",
                    ),
                    _link(
                        _("Ended financial years"),
                        "auto_delete",
                        "invoices_expiry_ended",
                        "invoices.view_expiry",
                    ),
                    _link(
                        _("Legal holds"),
                        "gavel",
                        "invoices_legalhold_changelist",
                        "invoices.view_legalhold",
                    ),
                    _link(
                        _("Alerts"),
                        "notifications",
                        "invoices_alert_changelist",
                        "invoices.view_alert",
                    ),
                ],
            },
            {
                "title": _("Administration"),
                "items": [
                    _link(_("Users"), "person", "auth_user_changelist", "auth.view_user"),
                    _link(_("Groups"), "groups", "auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
