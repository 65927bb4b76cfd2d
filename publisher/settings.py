"""Settings, read once from the environment (each also from `NAME_FILE`), typed, each with a line saying what for.

A wrong value stops the start with a sentence that says what to do. `docs/settings.md` lists them; a test compares.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from publisher import __version__
from publisher.paces import parse_pace, parse_plan, parse_starts

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()
_T = TypeVar("_T")


def _own_key(name: str, make: str) -> str:
    """A secret kept in OPSLAG_HOME/keys (0600), made at the first start of the embedded default only."""
    folder = OPSLAG_HOME / "keys"
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = Path(f"{path}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(make)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text().strip()


def _secret(name: str, make: str) -> str:
    given = env.str(name, default="")
    if given:
        return str(given)
    if not EMBEDDED:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE): with DATABASE_URL set, secrets are never made up.")
    return _own_key(name.lower(), make)


def _target_list(name: str) -> frozenset[str]:
    targets = frozenset(target.strip() for target in env.str(name, default="").split(",") if target.strip())
    for target in targets:
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit():
            raise ImproperlyConfigured(f"{name}: “{target}” is not host:port, for example intranet.example.org:443.")
    return targets


def _folder_list(name: str) -> tuple[Path, ...]:
    folders = tuple(Path(given.strip()) for given in env.str(name, default="").split(",") if given.strip())
    for folder in folders:
        if not folder.is_absolute() or folder == Path("/"):
            raise ImproperlyConfigured(f"{name}: “{folder}” is not the whole path of a folder, for example /srv/cms.")
        if folder.resolve().is_relative_to(OPSLAG_HOME) or OPSLAG_HOME.is_relative_to(folder.resolve()):
            raise ImproperlyConfigured(f"{name}: “{folder}” would open Opslag's own database and keys (OPSLAG_HOME).")
    return folders


def _addresses(name: str) -> dict[str, str]:
    given = [pair.strip() for pair in env.str(name, default="").split(",") if pair.strip()]
    found = {}
    for kind, _sign, origin in (pair.partition("=") for pair in given):
        parts = urlsplit(origin)
        if not kind or parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise ImproperlyConfigured(f"{name}: write platform=address, for example facebook=http://127.0.0.1:9001.")
        found[kind] = origin.rstrip("/")
    return found


def _bounce_address(name: str) -> str:
    """An address with a place for a token in its local part, short enough for RFC 5321 §4.5.3.1.1 (64 octets)."""
    given = env.str(name, default="").strip()
    local, _, domain = given.partition("@")
    # It goes into commands and headers: a line's end in it would begin another.
    plain = given.isascii() and given.isprintable() and not set(given) & set(' <>"(),;\\')
    sound = local.count("{token}") == 1 and domain and "@" not in domain and "{" not in domain
    if given and not (plain and sound and not set(local) & set(":[]") and len(local) <= 46):
        raise ImproperlyConfigured(f"{name} must look like bounce+{{token}}@nyt.example.org, with a short name.")
    return str(given)


def _imap_url(name: str) -> str:
    given = env.str(name, default="").strip()
    parts = urlsplit(given)
    if given and (parts.scheme not in {"imaps", "imap", "imap+plain"} or not parts.hostname or not parts.username):
        raise ImproperlyConfigured(f"{name} must look like imaps://user:password@mail.example.org/INBOX.")
    return str(given)


def _read(name: str, read: Callable[[str], _T]) -> _T:
    try:
        return read(env.str(name, default=""))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


# --- Where things are -------------------------------------------------------------------------------------------
# Folder for everything the embedded default writes: database, keys, pictures, journals, logs.
OPSLAG_HOME = Path(env.str("OPSLAG_HOME", default=str(BASE_DIR / "var"))).resolve()
# PostgreSQL address (postgres://user:password@host/name); empty means SQLite in OPSLAG_HOME.
DATABASE_URL = env.str("DATABASE_URL", default="")
EMBEDDED = not DATABASE_URL
# Redis address; empty means the embedded server that `opslag run` starts in OPSLAG_HOME.
REDIS_URL = env.str("REDIS_URL", default="")
# Address under which people reach this installation; links in mails and posts start with it.
OPSLAG_BASE_URL = env.str("OPSLAG_BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
# Folder of the pictures we host (shared by web and workers).
OPSLAG_MEDIA_DIR = Path(env.str("OPSLAG_MEDIA_DIR", default=str(OPSLAG_HOME / "media")))
# Folder of the sending journals: local disk of this host, kept across restarts.
OPSLAG_JOURNAL_DIR = Path(env.str("OPSLAG_JOURNAL_DIR", default=str(OPSLAG_HOME / "journals")))
# Folder in which the mail catcher keeps what it caught; empty means there is no catcher to look into.
OPSLAG_CATCHER_DIR = env.str("OPSLAG_CATCHER_DIR", default="")

# --- Secrets ----------------------------------------------------------------------------------------------------
# Signs sessions and links.
SECRET_KEY = _secret("OPSLAG_SECRET_KEY", secrets.token_urlsafe(50))
# Encrypts account credentials; comma-separated, the first encrypts, all decrypt.
OPSLAG_ENCRYPTION_KEYS = _secret("OPSLAG_ENCRYPTION_KEYS", Fernet.generate_key().decode()).split(",")
# Keys the hashes of e-mail addresses; belongs in backups, since suppressions are worthless without it.
OPSLAG_ADDRESS_KEY = _secret("OPSLAG_ADDRESS_KEY", secrets.token_urlsafe(32))

# --- Sending ----------------------------------------------------------------------------------------------------
# How e-mail leaves: a kind from publisher/transports (`smtp`, `esp` or `capture`).
OPSLAG_TRANSPORT = env.str("OPSLAG_TRANSPORT", default="smtp")
# Mail server: smtp://user:password@host:587 (STARTTLS), smtps://…:465, or smtp+plain://host:25 without TLS.
OPSLAG_SMTP_URL = env.str("OPSLAG_SMTP_URL", default="smtp+plain://127.0.0.1:1025")
# E-mail service (brevo, mailjet, …: docs/production.md) behind `smtp` or `esp`; empty means a mail server of your own.
OPSLAG_ESP = env.str("OPSLAG_ESP", default="").lower()
# Key of the e-mail service's API, for the transport `esp` and for doctor; its parts with a colon between them.
OPSLAG_ESP_KEY = env.str("OPSLAG_ESP_KEY", default="")
# Address of the e-mail service's API, where it is not the usual one (another region, a Postal server of your own).
OPSLAG_ESP_URL = env.str("OPSLAG_ESP_URL", default="")
# What proves that a webhook comes from the e-mail service: the signing key it shows, or user:password for basic auth.
OPSLAG_ESP_WEBHOOK_KEY = env.str("OPSLAG_ESP_WEBHOOK_KEY", default="")
# Domain of our Message-IDs and List-Ids; default the host of OPSLAG_BASE_URL.
OPSLAG_MAIL_DOMAIN = env.str("OPSLAG_MAIL_DOMAIN", default="") or urlsplit(OPSLAG_BASE_URL).hostname or "localhost"
# Seconds between “Send now” and the first message, during which Undo works.
OPSLAG_UNDO_SECONDS = env.int("OPSLAG_UNDO_SECONDS", default=60)
# How late (minutes) a missed send-out may still go out by itself; later ones are held for a person.
OPSLAG_ALLOWED_LATENESS_MINUTES = env.int("OPSLAG_ALLOWED_LATENESS_MINUTES", default=120)
# How many bulk lanes may run at once over all machines; a further one starts where mail would wait for the others.
OPSLAG_BULK_LANES = env.int("OPSLAG_BULK_LANES", default=2)
# How many connections to the mail server one lane keeps open while it sends.
OPSLAG_SMTP_CONNECTIONS = env.int("OPSLAG_SMTP_CONNECTIONS", default=8)
# How fast mail may leave, all lanes together: N/second, N/minute, N/hour, N/day, or a preset; empty for no limit.
OPSLAG_SMTP_PACE = _read("OPSLAG_SMTP_PACE", parse_pace)
# New sender domains, each with the first day of its warm-up: nyt.example.org=2026-12-01 (comma-separated).
OPSLAG_WARMUP_DOMAINS = _read("OPSLAG_WARMUP_DOMAINS", parse_starts)
# The most that a domain in its warm-up sends a day, day by day; after the last day there is no limit.
OPSLAG_WARMUP_PLAN = _read("OPSLAG_WARMUP_PLAN", parse_plan)
# How often a delivery is tried before it is failed.
OPSLAG_MAX_ATTEMPTS = env.int("OPSLAG_MAX_ATTEMPTS", default=6)
# This machine's name in leases and journals; must stay the same across restarts.
OPSLAG_HOST = env.str("OPSLAG_HOST", default=socket.gethostname())
# No delivery ever leaves while this is on (test environments, restored backups); every page says so.
OPSLAG_NEVER_SEND = env.bool("OPSLAG_NEVER_SEND", default=False)

# --- What comes back --------------------------------------------------------------------------------------------
# Address to which mails come back, with {token} where each mail's own goes: bounce+{token}@nyt.example.org; empty: off.
OPSLAG_BOUNCE_ADDRESS = _bounce_address("OPSLAG_BOUNCE_ADDRESS")
# Mailbox it leads to: imaps://user:password@host/INBOX, imap:// with STARTTLS, imap+plain:// without TLS.
OPSLAG_INBOUND_IMAP_URL = _imap_url("OPSLAG_INBOUND_IMAP_URL")
# Seconds between two looks into that mailbox.
OPSLAG_INBOUND_POLL_SECONDS = env.int("OPSLAG_INBOUND_POLL_SECONDS", default=60)

# --- Reaching out -----------------------------------------------------------------------------------------------
# host:port pairs that the address guard lets through although they are private (comma-separated, exact).
OPSLAG_ALLOWED_TARGETS = _target_list("OPSLAG_ALLOWED_TARGETS")
# Where platforms are called instead of their own addresses, to try them on a contract server: facebook=http://…, x=…
OPSLAG_PLATFORM_ADDRESSES = _addresses("OPSLAG_PLATFORM_ADDRESSES")
# Version of Meta's Graph API for Facebook and Instagram; each ends about two years after it came.
OPSLAG_META_VERSION = env.str("OPSLAG_META_VERSION", default="v26.0")
# Version of LinkedIn's API (YYYYMM); each ends about a year after it came.
OPSLAG_LINKEDIN_VERSION = env.str("OPSLAG_LINKEDIN_VERSION", default="202609")
# Folders whose SQLite files may be read as news sources (comma-separated, whole paths); empty means none.
OPSLAG_DATABASE_FILES = _folder_list("OPSLAG_DATABASE_FILES")
# Where the practice channel's own page is served for the workers; default OPSLAG_BASE_URL.
OPSLAG_PRACTICE_URL = env.str("OPSLAG_PRACTICE_URL", default="") or OPSLAG_BASE_URL

# --- Web --------------------------------------------------------------------------------------------------------
# Development pages and error details; never in production.
DEBUG = env.bool("OPSLAG_DEBUG", default=False)
# Host names the web server answers to (comma-separated); the host of OPSLAG_BASE_URL is always one.
ALLOWED_HOSTS = [
    *env.list("OPSLAG_ALLOWED_HOSTS", default=[]),
    urlsplit(OPSLAG_BASE_URL).hostname or "127.0.0.1",
    "127.0.0.1",
    "localhost",
    urlsplit(OPSLAG_PRACTICE_URL).hostname or "127.0.0.1",
]
# Whether cookies are for HTTPS only; default follows OPSLAG_BASE_URL.
SECURE = env.bool("OPSLAG_SECURE") if env.str("OPSLAG_SECURE", default="") else OPSLAG_BASE_URL.startswith("https://")
# Set when a reverse proxy in front sets X-Forwarded-Proto and strips it from outside.
BEHIND_PROXY = env.bool("OPSLAG_BEHIND_PROXY", default=False)
# Log level of all processes.
OPSLAG_LOG_LEVEL = env.str("OPSLAG_LOG_LEVEL", default="INFO").upper()
if OPSLAG_LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured("OPSLAG_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR.")

# --- Django -----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "publisher.apps.PublisherConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_prose_editor",
    "lucide",
    "axes",
    "csp",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "publisher.web.kept_words.SignInKeepingWords",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "publisher.web.middleware.CurrentOrganisation",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "publisher.urls"
WSGI_APPLICATION = "publisher.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "publisher.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "today"
LOGOUT_REDIRECT_URL = "sign-in"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "web/sign_in_locked.html"
AXES_USERNAME_FORM_FIELD = "username"
AXES_VERBOSE = False
SESSION_COOKIE_AGE = 8 * 3600
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-opslag" if SECURE else "opslag"
CSRF_COOKIE_NAME = "__Host-opslag-csrf" if SECURE else "opslag-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "publisher.web.errors.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "SAMEORIGIN"
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [SELF],
    }
}
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "publisher.web.frame.frame",
            ],
        },
    }
]

if DATABASE_URL:
    DATABASES = {"default": env.db_url_config(DATABASE_URL)}
    DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must be a postgres:// address; leave it empty for SQLite.")
    # A claim must survive a power cut whatever the server's, the database's or the role's own default is.
    _given = DATABASES["default"].setdefault("OPTIONS", {})
    _given["options"] = f"{_given.get('options', '')} -c synchronous_commit=on".strip()
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(OPSLAG_HOME / "opslag.sqlite3"),
            "CONN_MAX_AGE": None,
            # WAL and IMMEDIATE: without them writers meet “database is locked”. FULL: a claim must survive a power cut.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
            },
        }
    }
    OPSLAG_HOME.mkdir(parents=True, exist_ok=True)

USE_TZ = True
TIME_ZONE = "Europe/Copenhagen"
USE_I18N = True
LANGUAGE_CODE = "da"
LANGUAGES = [("da", "Dansk"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "opslag-language"
LOCALE_PATHS = [BASE_DIR / "publisher" / "locale"]

STATIC_URL = "/static/"
STATIC_ROOT = OPSLAG_HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = OPSLAG_MEDIA_DIR
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"hide_tokens": {"()": "publisher.web.log_filter.HideTokens"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "filters": ["hide_tokens"]}},
    "root": {"handlers": ["stderr"], "level": OPSLAG_LOG_LEVEL},
    "loggers": {
        # It names each call's whole address; a level set lower must not tell tokens.
        "httpx": {"level": "WARNING", "filters": ["hide_tokens"]},
        "httpcore": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # A line for each tick, several times a second.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        # aiosmtpd: a line for each command of each mail.
        "mail.log": {"level": "WARNING"},
    },
}
USER_AGENT = f"Opslag/{__version__} (+{OPSLAG_BASE_URL})"
