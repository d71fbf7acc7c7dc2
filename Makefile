# What people type. The work is done by scripts/setup and by the program, .venv/bin/dmlbed.
# Emulating a network needs root: these targets ask for it with sudo, unless root calls them.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-torch experiment smoke bench check test test-vm lint clean

help: ## list all targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: Debian packages, and Python libraries in .venv
	@scripts/setup

setup-torch: ## add torch for CPUs, an extra (190 MB): training with real gradients, paced scripts
	@scripts/setup --torch

experiment: setup ## reproduce the published experiment (at most 5 minutes)
	$(SUDO) $(BIN)/dmlbed run experiments/published.yaml

smoke: setup ## a quick first look at an experiment (under a minute)
	$(SUDO) $(BIN)/dmlbed run experiments/smoke.yaml

bench: setup ## measure the transport beside iperf3, urgent tensors and CPU (some minutes)
	$(SUDO) $(BIN)/dmlbed bench experiments/bench.yaml

check: setup ## lint and unit tests, without root (under 3 minutes)
	@scripts/tests check

test: setup ## lint and all tests, real testbeds included
	@scripts/tests

test-vm: ## set-up and a choice of tests on a stock Debian 12, in virtual machines (15 minutes)
	$(SUDO) /usr/bin/python3 -B -m scripts.testvm

lint: setup ## style, types and import arrows
	@scripts/lint

clean: ## remove .venv and caches, never results
	$(SUDO) rm -rf .venv build dist dmlbed.egg-info
	$(SUDO) rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	$(SUDO) find orchestrator workloads tests -name __pycache__ -prune -exec rm -rf {} +
