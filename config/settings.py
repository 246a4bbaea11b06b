"""Every setting, read from the environment once; environments differ by values, not by code.

Without TRELLIS_PRODUCTION the service is local: it keeps its data under TRELLIS_DATA, makes its own
secret there, answers only to this machine's names and uses the PostgreSQL that `make run` starts.
"""

from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.local.paths import embedded_database_url, local_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

PRODUCTION = env.bool("TRELLIS_PRODUCTION", default=False)
DATA_DIR = Path(env.str("TRELLIS_DATA", default=str(BASE_DIR / "var"))).resolve()
DEBUG = env.bool("DEBUG", default=False)
PORT = env.int("PORT", default=8000)
BASE_URL = (
    env.str("TRELLIS_BASE_URL")
    if PRODUCTION
    else env.str("TRELLIS_BASE_URL", default=f"http://127.0.0.1:{PORT}")
).rstrip("/")
SECRET_KEY = (
    env.str("SECRET_KEY")
    if PRODUCTION
    else env.str("SECRET_KEY", default="") or local_secret_key(DATA_DIR)
)
# Former secrets, while what they signed or sealed is still about.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS") if PRODUCTION else ["127.0.0.1", "localhost", "[::1]"]
# Who may open an account: "open" to everyone, "first" until one exists, "closed".
SIGNUP = env.str("TRELLIS_SIGNUP", default="first" if PRODUCTION else "open")
if SIGNUP not in ("open", "first", "closed"):
    raise ImproperlyConfigured(f"TRELLIS_SIGNUP is {SIGNUP!r}; it is open, first or closed.")
# How many proxies in front of us write X-Forwarded-For; one number for every limit by address.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

INSTALLED_APPS = [
    "accounts",
    "environments",
    "hierarchy",
    "identities",
    "assignments",
    "onboarding",
    # Without its search for admin.py in other packages, whose pages would write past our services.
    "config.apps.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "config.apps.SignInConfig",
    "config.apps.SecondFactorsConfig",
    "csp",
    "rest_framework",
    "drf_standardized_errors",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "common.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.middleware.PagePolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.errors.ErrorPages",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "onboarding.web.context.local_service",
            ],
        },
    },
]
FORM_RENDERER = "config.forms.HouseRenderer"
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"

# Data -----------------------------------------------------------------------------------------

# Whether commands find the database by TRELLIS_DATA, where `make run` keeps it.
EMBEDDED_DATABASE = not PRODUCTION and not env.str("DATABASE_URL", default="")
DATABASES = {
    "default": env.db_url_config(embedded_database_url(DATA_DIR))
    if EMBEDDED_DATABASE
    else env.db_url("DATABASE_URL"),
}
DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=0)
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    # Prepared on first use: the decision's statement costs PostgreSQL a quarter of what it does unprepared.
    "server_side_binding": True,
    "prepare_threshold": 0,
    # An index is looked into rather than a table read through: what is asked for is in memory.
    "options": "-c lock_timeout=3000 -c random_page_cost=1.1 -c jit=off "
    f"-c statement_timeout={env.int('DATABASE_STATEMENT_TIMEOUT_MS', default=30_000)}",
}
if DATABASE_POOL_SIZE:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL_SIZE,
        "timeout": 5,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
    }
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
    },
}

# Mail -----------------------------------------------------------------------------------------

MAIL_DIR = DATA_DIR / "mail"
EMAIL_URL = env.str("EMAIL_URL") if PRODUCTION else env.str("EMAIL_URL", default="")
if EMAIL_URL:
    vars().update(env.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(MAIL_DIR)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Trellis <trellis@localhost>")
# The Mail page shows what a local service has sent; there is none where mail really leaves.
MAIL_PAGE = not PRODUCTION and not EMAIL_URL

# People ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "onboarding.adapter.SignUpAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
# Who mistypes the address notices where the code does not come.
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# One address a person: a change waits for its code, then replaces the former.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_FORMS = {
    "signup": "onboarding.web.forms.SignUpForm",
    "login": "onboarding.web.sign_in_forms.LoginForm",
    "add_email": "onboarding.web.sign_in_forms.AddEmailForm",
    "change_email": "onboarding.web.sign_in_forms.ChangeEmailForm",
    "change_password": "onboarding.web.sign_in_forms.ChangePasswordForm",
    "set_password": "onboarding.web.sign_in_forms.SetPasswordForm",
    "reset_password": "onboarding.web.sign_in_forms.ResetPasswordForm",
    "reset_password_from_key": "onboarding.web.sign_in_forms.ResetPasswordKeyForm",
    "reauthenticate": "onboarding.web.sign_in_forms.ReauthenticateForm",
    "confirm_email_verification_code": "onboarding.web.sign_in_forms.EmailCodeForm",
    "confirm_password_reset_code": "onboarding.web.sign_in_forms.PasswordCodeForm",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_ADAPTER = "onboarding.second_factors.SealedFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Trellis"
# Browsers take passkeys without TLS from localhost alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
MFA_FORMS = {
    "authenticate": "onboarding.web.second_factor_forms.AuthenticateForm",
    "reauthenticate": "onboarding.web.second_factor_forms.ReauthenticateForm",
    "activate_totp": "onboarding.web.second_factor_forms.ActivateTOTPForm",
    "add_webauthn": "onboarding.web.second_factor_forms.AddPasskeyForm",
}

# Jobs -----------------------------------------------------------------------------------------

CELERY_DIR = DATA_DIR / "celery"

# API ------------------------------------------------------------------------------------------

# Requests a minute that one key may make, over all processes together; and keys that open nothing which
# one address may send.
RATE_LIMITS = {
    "evaluate": env.int("RATE_LIMIT_EVALUATE", default=120_000),
    "others": env.int("RATE_LIMIT_OTHERS", default=6_000),
}
RATE_LIMIT_GUESSES = env.int("RATE_LIMIT_GUESSES", default=600)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["environments.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["environments.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["common.api.renderers.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["common.api.parsers.StrictJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "common.api.schema.ApiSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "common.api.renderers.JsonAnyway",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    # What stands under no field; a word here would be a field's name as well.
    "NON_FIELD_ERRORS_KEY": "",
    "NUM_PROXIES": TRUSTED_PROXY_COUNT,
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "common.api.handler.ApiExceptionHandler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Trellis API",
    "VERSION": "1",
    "DESCRIPTION": (
        "Send an API key with each request, as `X-API-Key` or as a Bearer token; a key belongs to one"
        " environment, and to it alone. Bodies are JSON. Wherever a node or an identity is meant, its id"
        " is taken, or `ext:` and your own id. A field or parameter that is not described is refused, and"
        " so is an address that ends with a slash."
    ),
    "OAS_VERSION": "3.1.0",
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "AssignmentState": "assignments.models.Assignment.State",
        "IdentityStatus": "identities.models.Identity.Status",
        "InvitationStatus": "identities.models.Invitation.Status",
        "NodeStatus": "hierarchy.models.Node.Status",
        "DecisionScope": ["node", "app_wide"],
        "RowStatus": ["success", "error"],
    },
}

# Pages and headers ----------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
# A local service serves the files from where they stand; in production they are collected first.
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=PRODUCTION)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Bulk routes take 20 MB; the parser holds the other API routes to 5 MB.
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "config.logs.LineFormatter",
            "fmt": "{asctime} {levelname} {name} {message}",
            "style": "{",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
