"""The project's settings with test keys: nothing is read from a developer's own .env."""

import os
import tempfile

from cryptography.fernet import Fernet

os.environ["ENV_FILE"] = os.devnull
os.environ.update(
    SECRET_KEY="test-secret-key",
    FERNET_KEYS=Fernet.generate_key().decode(),
    FINGERPRINT_KEY="test-fingerprint-key",
    PROCOUNTOR_TEST_CLIENT_SECRET="test-client-secret-8d1f",
    PROCOUNTOR_TEST_REDIRECT_URI="https://flashnode.example/callback",
    PROCOUNTOR_REQUESTS_PER_SECOND="2000",
    EXPORT_LINGER_SECONDS="0",
    STATIC_FROM_SOURCE="true",
    SECURE="false",
    LOG_LEVEL="WARNING",
)

from flashnode import settings as project

globals().update({name: value for name, value in vars(project).items() if name.isupper()})

STATIC_ROOT = tempfile.mkdtemp(prefix="flashnode-static-")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = project.STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
if project.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: worker threads open connections of their own.
    project.DATABASES["default"]["TEST"] = {
        "NAME": os.path.join(tempfile.mkdtemp(prefix="flashnode-test-"), "test.sqlite3")
    }
project.DATABASES["default"]["CONN_MAX_AGE"] = 0
