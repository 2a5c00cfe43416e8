"""Settings, top to bottom: environment, security, apps, database, tasks, API.

Everything that differs between two installations comes from the environment
(`.env.example` lists it). Without any, the embedded servers of `make run` are used.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from clinic import env
from clinic.embedded import addresses

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

environ.Env.read_env(BASE_DIR / ".env")  # variables already set win

# --- Where it runs ------------------------------------------------------------------

PRODUCTION = env.boolean("KINDWORK_PRODUCTION", default=False)
DEBUG = env.boolean("DEBUG", default=False)
VAR_DIR = addresses.var_dir()

if PRODUCTION:
    if DEBUG:
        raise ImproperlyConfigured("DEBUG must be off when KINDWORK_PRODUCTION is on.")
    SECRET_KEY = env.required(
        "SECRET_KEY", "a long random text that signs cookies; make one and keep it."
    )
    if len(SECRET_KEY) < 32:
        raise ImproperlyConfigured("SECRET_KEY is too short: 32 characters or more, at random.")
    KINDWORK_KEYS = env.required(
        "KINDWORK_KEYS",
        "the path of the key file that opens every sealed text; "
        "`python manage.py make_keys PATH` makes one. Keep a copy apart from the backups.",
    )
    ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
    if not ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS is not set: the host names that people type.")
    if "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts that people type, not '*'.")
    env.required("BROKER_URL", "the address of a Redis or Valkey of yours.")
else:
    SECRET_KEY = env.text("SECRET_KEY") or addresses.secret("secret_key")
    KINDWORK_KEYS = env.text("KINDWORK_KEYS") or str(VAR_DIR / "keys.json")
    ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")

ROOT_URLCONF = "clinic.urls"
WSGI_APPLICATION = "clinic.wsgi.application"

# --- Security -----------------------------------------------------------------------

SECURE_SSL_REDIRECT = PRODUCTION
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PRODUCTION else None
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-kindwork" if PRODUCTION else "kindwork"
SESSION_COOKIE_AGE = 12 * 60 * 60  # seconds; staff sign in anew each day (SP 800-63B, AAL3)
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "__Host-kindwork-csrf" if PRODUCTION else "kindwork-csrf"
CSRF_FAILURE_VIEW = "clinic.views.refusals.csrf_failure"

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: []
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
}

AUTH_USER_MODEL = "clinic.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

# Bodies are small: the longest thing a person writes here is a letter.
MAX_BODY_BYTES = 256 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# --- Apps ---------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "clinic.apps.ClinicConfig",
    "exercises.apps.ExercisesConfig",
    "sessions.apps.TherapySessionsConfig",
]

MIDDLEWARE = [
    "clinic.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "clinic.middleware.NoStoreMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "clinic.middleware.KnownLengthMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "clinic.tenancy.middleware.ActorMiddleware",
    "clinic.middleware.SignedInMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "api" / "templates"],  # the API has no models, and so is no app
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]  # those that every text is written in
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if PRODUCTION
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# --- Database: three roles on one PostgreSQL ------------------------------------------


def _database(name: str, role: str) -> dict[str, Any]:
    """The connection of one role: from the environment, else to the embedded server."""
    url = env.text(name)
    if not url:
        if PRODUCTION or env.text("DATABASE_URL"):
            raise ImproperlyConfigured(f"{name} is not set: the address of the database as {role}.")
        return {"ENGINE": "django.db.backends.postgresql", **addresses.postgres(role)}
    config: dict[str, Any] = environ.Env.db_url_config(url)
    if config["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured(f"{name} must be a postgres:// address.")
    if config.get("USER") != role:
        raise ImproperlyConfigured(f"{name} must sign in as {role}, not {config.get('USER')!r}.")
    return config


DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_database("DATABASE_URL", "kindwork_app"),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    },
    # Migrations, setup and tests only.
    "owner": _database("DATABASE_OWNER_URL", "kindwork_owner"),
    # pg_dump only; BYPASSRLS.
    "backup": _database("DATABASE_BACKUP_URL", "kindwork_backup"),
}
# Nothing that serves people may hold a connection or a lock for long (milliseconds).
_LIMITS = {
    "statement_timeout": 60_000,
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 120_000,
}
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "options": " ".join(f"-c {name}={value}" for name, value in _LIMITS.items()),
}
DATABASE_ROUTERS = ["clinic.tenancy.database.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Tasks --------------------------------------------------------------------------

CELERY_BROKER_URL = env.text("BROKER_URL") or addresses.broker()
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.integer("KINDWORK_WORKERS", default=2, least=1)
CELERY_TASK_SOFT_TIME_LIMIT = 10 * 60  # seconds
CELERY_TASK_TIME_LIMIT = 11 * 60
# A broker that is away must not hold up a request: the row is written, the tick finds it.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 4 * CELERY_TASK_TIME_LIMIT,
    "socket_connect_timeout": 1,
    "socket_timeout": 30,
    "max_retries": 1,
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
# The Django fixup would close the connection around every task (measured 3.5 times slower).
CELERY_DB_REUSE_MAX = 500
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
TICK_SECONDS = 20
TICK_LATE_SECONDS = 180
# A worker renews its hold on a job with each batch; past it, another worker takes the job up.
JOB_HOLD_SECONDS = env.integer("KINDWORK_JOB_HOLD_SECONDS", default=60, least=1)
CELERY_BEAT_SCHEDULE = {
    "tick": {
        "task": "clinic.tasks.tick",
        "schedule": timedelta(seconds=TICK_SECONDS),
        "options": {"expires": 10 * TICK_SECONDS},
    },
    "resume-jobs": {
        "task": "clinic.tasks.resume_jobs",
        "schedule": timedelta(seconds=TICK_SECONDS),
        "options": {"expires": 10 * TICK_SECONDS},
    },
    "forget-old-keys": {
        "task": "clinic.tasks.forget_old_keys",
        "schedule": timedelta(hours=1),
        "options": {"expires": 3600},
    },
    "write-due-summaries": {
        "task": "sessions.tasks.write_due_summaries",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 600},
    },
}

# --- API ----------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.ActorAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.DeclaredAccess"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.CarefulJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "api.pagination.NewestFirst",
    "DEFAULT_FILTER_BACKENDS": ["api.filters.DeclaredFilters"],
    "DEFAULT_SCHEMA_CLASS": "api.schema.KindworkSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_METADATA_CLASS": None,
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "api.errors.ProblemHandler",
    "EXCEPTION_FORMATTER_CLASS": "api.errors.ProblemFormatter",
}
KNOX_TOKEN_MODEL = "clinic.ApiToken"  # noqa: S105  (a model, no password)
REST_KNOX = {"TOKEN_TTL": timedelta(days=30), "TOKEN_PREFIX": "kw_"}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Kindwork API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": (
        "Session notes, compassion-focused practice between sessions, and summaries. "
        "The README walks through the main job, and `docs/api.md` tells the manners."
    ),
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.describe_problems",
    ],
    "SERVE_PERMISSIONS": ["api.permissions.DeclaredAccess"],
    "SERVE_AUTHENTICATION": [],
    "ENUM_NAME_OVERRIDES": {
        "CareStateEnum": "clinic.models.client.ClientState",  # an assignment's, too
        "JobStateEnum": "clinic.models.job.JobState",
        "CareTeamKindEnum": "clinic.models.care_team.CareTeamKind",
        "SummaryKindEnum": "sessions.models.summary.SummaryKind",
        "EntryStatusEnum": "exercises.codes.EntryStatus",
        "RoleEnum": "clinic.tenancy.actor.Role",
    },
}

# --- Logs: ids only, never what somebody wrote ----------------------------------------

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"ids_only": {"()": "clinic.log.IdsOnly"}},
    "formatters": {"line": {"()": "clinic.log.LineFormatter"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["ids_only"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "kindwork": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "celery": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}
