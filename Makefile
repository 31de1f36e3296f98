# Everything that needs an environment makes it first: .venv/ready is as new as its causes, or set-up
# runs again.

# Neither MLflow nor the Hugging Face libraries report anything from here.
export MLFLOW_DISABLE_TELEMETRY := true
export HF_HUB_DISABLE_TELEMETRY := true

# The stages that DVC runs find the environment's own commands first.
demo lab lab-report: export PATH := $(CURDIR)/.venv/bin:$(PATH)

READY := .venv/ready
BIN := .venv/bin

.PHONY: help setup demo test check lab lab-report bench bench-speed bench-seeds bench-detectors \
	bench-validation bench-interruptions bench-bundle bench-lookup bench-interop \
	bench-checkpoints bench-prompts bench-exposure crate-validator clip-client clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 26

setup: $(READY) ## make .venv (the others do so themselves)

$(READY): pyproject.toml constraints.txt tools/setup.sh
	@sh tools/setup.sh

demo: $(READY) ## examine eight pictures whose truth is known, by two checkpoints; ends with reports
	@$(BIN)/python tools/demo_targets.py
	@$(BIN)/seedwitness run

test: $(READY) ## run the tests, on two cores; a file's tests stay together, for what they share
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(READY) ## format, lint, types, floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

lab-report: $(READY) ## measure the lab and write docs/lab.md
	@$(BIN)/seedlab measure --lab data/lab
	@$(BIN)/seedlab report --lab data/lab --out docs/lab.md

bench: bench-speed bench-seeds bench-detectors bench-validation bench-interruptions bench-bundle \
	bench-lookup bench-interop bench-checkpoints bench-prompts bench-exposure ## run all benchmarks (many hours)

bench-speed: $(READY) ## measure speed, the demonstration included, and write docs/benchmarks.md
	@$(BIN)/python -m benchmarks.speed docs/benchmarks.md docs/benchmarks.json

bench-seeds: $(READY) ## measure the seed scan and the search strategies and write docs/seeds.md
	@$(BIN)/python -m benchmarks.seeds docs/seeds.md docs/seeds.json

bench-detectors: $(READY) ## measure every detector on the lab and write docs/detectors.md
	@$(BIN)/python -m benchmarks.detectors docs/detectors.md docs/detectors.json

bench-exposure: $(READY) ## measure *exposed* on the lab and write docs/exposure.md; NEGATIVES=N for its size
	@$(BIN)/python -m benchmarks.exposure docs/exposure.md docs/exposure.json --negatives $(or $(NEGATIVES),400)

bench-validation: $(READY) ## judge images whose true answer is known and write docs/validation.md
	@$(BIN)/python -m benchmarks.validation docs/validation.md docs/validation.json

bench-interruptions: $(READY) ## kill runs at random moments and write docs/interruptions.md (an hour)
	@$(BIN)/python -m benchmarks.interruptions docs/interruptions.md docs/interruptions.json

bench-bundle: $(READY) ## tamper with a bundle at random and write docs/bundle.md (half an hour)
	@$(BIN)/python -m benchmarks.bundle docs/bundle.md docs/bundle.json

bench-lookup: $(READY) ## measure lookup in corpora of up to ten million rows and write docs/lookup.md (half an hour)
	@$(BIN)/python -m benchmarks.lookup docs/lookup.md docs/lookup.json

bench-checkpoints: $(READY) ## compare every family with its own pipeline and write docs/checkpoints.md
	@$(BIN)/python -m benchmarks.checkpoints docs/checkpoints.md docs/checkpoints.json

bench-interop: .venv/k-diffusion/ready ## compare the samplers with diffusers and k-diffusion and write docs/interop.md
	@$(BIN)/python -m benchmarks.interop docs/interop.md docs/interop.json

# A folder of its own, as a reference only: its package brings a training's requirements.
.venv/k-diffusion/ready: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .venv/k-diffusion \
		"k-diffusion>=0.1.1.post1" "torchdiffeq>=0.2.5"
	@touch $@

bench-prompts: $(READY) ## recover prompts of known captions and write docs/prompts.md (a quarter of an hour)
	@$(BIN)/python -m benchmarks.prompts docs/prompts.md docs/prompts.json

crate-validator: .venv/roc-validator/ready ## install roc-validator, by which tests check the crates of bundles

# An environment of its own, because roc-validator needs an older rich.
.venv/roc-validator/ready: $(READY)
	@$(BIN)/python -m venv .venv/roc-validator
	@.venv/roc-validator/bin/python -m pip install --quiet --disable-pip-version-check "roc-validator>=0.13"
	@touch $@

clip-client: .venv/clip-client/ready ## install the client of clip-retrieval, with which a test asks our server

# Only its client, which needs no more than requests; all of it needs an older numpy.
.venv/clip-client/ready: $(READY)
	@$(BIN)/python -m venv .venv/clip-client
	@.venv/clip-client/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "clip-retrieval==2.45.0"
	@.venv/clip-client/bin/python -m pip install --quiet --disable-pip-version-check requests
	@touch $@

lab: $(READY) ## train what is missing or out of date in the lab (hours)
	@cd data/lab && $(CURDIR)/$(BIN)/dvc repro

clean: ## remove caches; .venv, data and trained weights stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist build
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
