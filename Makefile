# The two commands of the README, and the pieces they are made of.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all campaign coverage docs refresh-docs lint format clean

demo: .venv/installed
	$(BIN)/pet check --task reviews --train tasks/reviews/train.jsonl --unlabeled tasks/reviews/unlabeled.jsonl
	$(BIN)/pet train --task reviews --train tasks/reviews/train.jsonl \
	  --unlabeled tasks/reviews/unlabeled.jsonl --test tasks/reviews/test.jsonl -o runs/demo --force
	$(BIN)/pet predict runs/demo --input tasks/reviews/test.jsonl -o runs/demo/predictions.jsonl
	$(BIN)/pet explain runs/demo --text "The zip broke on the second day and nobody answered my mails."

# Two workers of one thread each; one that has nothing left takes tests from the other.
TEST := $(BIN)/pytest -n 2 --dist worksteal

test: .venv/installed lint
	$(TEST)

# With what takes long; on a GPU and on the labelled data sets where they are there.
test-all: .venv/installed lint
	$(TEST) --slow

# A million random inputs, 500 random kills, damaged files, full disks: about two hours. One part,
# or fewer cases: PYTHONPATH=tests:tests/support .venv/bin/python -m campaign kills --count 50
campaign: .venv/installed
	PYTHONPATH=tests:tests/support $(BIN)/python -m campaign

coverage: .venv/installed
	$(TEST) --cov=pet --cov-report=term:skip-covered

# The pages as a site, in build/site; a broken link or an undocumented public name fails.
docs: .venv/docs
	$(BIN)/pytest -q tests/whole/test_public_docs.py
	$(BIN)/mkdocs build --strict --config-file .ci/mkdocs.yml
	@echo "Open build/site/index.html"

# Run every block of README and docs/, and rewrite the outputs that have changed.
refresh-docs: .venv/installed
	$(BIN)/python tests/support/pages.py

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict pet

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pinned versions first, so that a plain `torch` does not pull what was never tested.
.venv/installed: setup.cfg constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test,datasets,files,plots,lora,gguf,serve]'
	touch $@

.venv/docs: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info runs .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
