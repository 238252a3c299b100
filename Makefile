# make run     the dashboard on http://127.0.0.1:8501
# make test    every check, the browser's included
# Both install what they need into .venv.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-long check browser proxy office s3 messages screens bench bench-quick clean
.DEFAULT_GOAL := run

run: .venv/ready
	$(BIN)/python -m apom serve

# by name, since the modules with the fewest tests are the longest and would come last
test: check
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=40 -m "not long"

test-long: .venv/ready-dev browser proxy office
	$(BIN)/pytest --durations=20 -m long

check: .venv/ready-dev browser proxy office
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/ready: requirements.txt
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv; }
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt
	touch $@

# Playwright drives the system's Chromium; nothing downloads a browser of its own
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  echo "Installing Chromium for the browser tests"; \
	  $$(command -v sudo || true) apt-get update -qq && $$(command -v sudo || true) apt-get install -y -qq chromium; }

# the proxies of docs/deploy.md; nginx as Debian installs it would listen on port 80 at once
proxy:
	@{ command -v caddy && { command -v nginx || test -x /usr/sbin/nginx; }; } >/dev/null || { \
	  echo "Installing Caddy and nginx for the test of docs/deploy.md"; \
	  $$(command -v sudo || true) apt-get update -qq && $$(command -v sudo || true) apt-get install -y -qq --no-install-recommends caddy nginx-light; }

# opens what was exported; poppler-utils draws its pages, for who wants to look at them
office:
	@command -v soffice >/dev/null || { \
	  echo "Installing LibreOffice for the test of exports"; \
	  $$(command -v sudo || true) apt-get update -qq && $$(command -v sudo || true) apt-get install -y -qq --no-install-recommends \
	    libreoffice-writer-nogui poppler-utils; }

s3: .venv/ready-dev   # a real S3 server on loopback, its files in data/s3; prints what to export, Ctrl+C ends it
	@$(BIN)/python -m apom.testing.s3 data/s3

messages: .venv/ready-dev   # the catalogues of locale/ from the source; says what is to be translated
	$(BIN)/python -m tests.messages

screens: .venv/ready-dev browser   # the pictures of the README, taken by the newcomer's test
	APOM_SCREENS=docs/screens $(BIN)/pytest -q tests/test_newcomer.py

bench: .venv/ready-dev   # what it costs, beside others: an hour and more on a quiet machine, docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-quick: .venv/ready-dev
	$(BIN)/python -m benchmarks --quick

clean:
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
