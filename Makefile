# Everything a person calls. Needs make, sh and Python 3.11 or newer; uv is used where it is found.

PYTHON ?= python3
BIN = .venv/bin
ARGS =

.PHONY: run test lint format check bench soak openapi broken
.DELETE_ON_ERROR:

run: .venv/runtime.stamp
	@TRELLIS_MAKE=$$PPID exec $(BIN)/python -m config.local

test: .venv/dev.stamp
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not soak" $(ARGS)

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/djlint --quiet --check templates
	$(BIN)/djlint --quiet --lint templates
	$(BIN)/lint-imports

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --quiet --reformat templates

# What is asked of production is asked with values as production has them.
check: lint
	TRELLIS_PRODUCTION=1 TRELLIS_BASE_URL=https://trellis.example ALLOWED_HOSTS=trellis.example \
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
	DATABASE_URL=postgres://trellis@database.example/trellis REDIS_URL=redis://redis.example \
	EMAIL_URL=smtp://mail.example DEFAULT_FROM_EMAIL=trellis@trellis.example \
	$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(MAKE) test

bench: .venv/dev.stamp
	$(BIN)/python -m bench $(ARGS)

soak: .venv/dev.stamp
	$(BIN)/python -m pytest -m soak $(ARGS)

openapi: .venv/dev.stamp
	$(BIN)/python manage.py spectacular --format openapi-json --file docs/openapi.json --fail-on-warn

# A .venv whose Python was removed, or belongs to an account whose files we may not read, is made anew.
BROKEN = $(shell test ! -e .venv || .venv/bin/python -c '' 2>/dev/null || echo broken)
broken:

# The running service needs less than the tests, and is there sooner.
.venv/runtime.stamp: requirements/runtime.txt $(BROKEN)
	@sh requirements/install.sh "$(PYTHON)" $<
	@touch $@

.venv/dev.stamp: .venv/runtime.stamp requirements/dev.txt
	@sh requirements/install.sh "$(PYTHON)" requirements/dev.txt
	@touch $@
