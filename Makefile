# make run: the dashboard on http://127.0.0.1:8501     make test: every check
UV := $(shell command -v uv 2>/dev/null)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-long check browser clean
.DEFAULT_GOAL := run

