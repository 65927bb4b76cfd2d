# What people type. bin/install fetches the rest: only make and Python 3 (with pip or venv) must be there.
.DEFAULT_GOAL := help
PY := .venv/bin/python
PO := $(wildcard publisher/locale/*/LC_MESSAGES/django.po)
MO := $(PO:.po=.mo)
# For `make run ARGS="--port 9000"` and `make bench ARGS="--recipients 100000"`.
ARGS ?=
# For `make test T=tests/items`.
T ?=

# Where it is set, each process would compile everything again: five seconds of a start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test browser-tests system-tests lint format lock messages translations bench bench-send bench-freeze \
	bench-marginal bench-postfix bench-fairness bench-collect bench-hostile bench-lateness chaos chaos-social contract screenshots environment dev-environment real-servers clean

help: ## show this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-24s %s\n", $$1, $$2 }'

run: environment translations ## run everything on this machine, with sample data; Ctrl-C stops it
	@exec $(PY) -m publisher run $(ARGS)

test: dev-environment real-servers translations ## format, lint, types, migrations, all tests on SQLite and PostgreSQL
	@exec bin/test $(T)

browser-tests: dev-environment translations ## only the tests in a real browser
	@exec $(PY) -m pytest -m browser $(T)

system-tests: dev-environment real-servers translations ## only the tests that start real processes
	@exec $(PY) -m pytest -m system $(T)

lint: dev-environment ## format, lint and types, without tests
	@exec bin/test --lint

format: dev-environment ## put the code into its format
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

lock: dev-environment ## write the lock files anew from pyproject.toml
	@bin/lock

messages: dev-environment ## collect new texts into the translations (needs xgettext)
	@$(PY) -m django makemessages --settings publisher.settings -l da -e html,txt,py,mjml --ignore tests --ignore var \
		--no-obsolete --no-wrap --add-location file

translations: $(MO)

# msgfmt may be missing where Opslag runs, so Babel does it.
%.mo: %.po | environment
	@$(PY) -m babel.messages.frontend --quiet compile --input-file $< --output-file $@

bench: dev-environment ## measure the whole path, ledger included (ARGS="--recipients 100000 --database postgresql")
	@exec $(PY) -m tests.bench.whole_path $(ARGS)

bench-send: dev-environment ## measure what a mail costs, all processor time counted (ARGS="--tls", "--smtp-sink", "--delay-ms 20", "--database sqlite")
	@exec $(PY) -m tests.bench.send $(ARGS)

bench-freeze: dev-environment ## measure how long it takes to freeze an audience of a million (ARGS="--subscribers 100000")
	@exec $(PY) -m tests.bench.freeze $(ARGS)

bench-marginal: dev-environment ## measure a mail's cost in a long list, beside five million old deliveries (20 minutes)
	@exec $(PY) -m tests.bench.marginal $(ARGS)

bench-postfix: dev-environment ## measure sending to a real Postfix over 1, 4 and 16 connections (Debian package, as root)
	@exec $(PY) -m tests.bench.postfix $(ARGS)

bench-fairness: dev-environment ## a small newsletter and notices while a million are being sent (ARGS="--recipients 100000")
	@exec $(PY) -m tests.bench.fairness $(ARGS)

bench-collect: dev-environment ## measure what looking at news sources costs, beside feedparser alone (ARGS="--database postgresql")
	@exec $(PY) -m tests.bench.collect $(ARGS)

bench-hostile: dev-environment ## read a hundred hostile feeds, each in a process of its own: time, memory, and how it ends
	@exec $(PY) -m tests.bench.hostile $(ARGS)

bench-lateness: dev-environment ## measure how late posts go out: 200 due over a minute, and 200 at one instant (ARGS="--database sqlite")
	@exec $(PY) -m tests.bench.lateness $(ARGS)

chaos: dev-environment ## kill, stop and take away everything in mid-send, then compare with the mail server's log (20 minutes)
	@exec $(PY) -m tests.chaos.kill_workers $(ARGS)

chaos-social: dev-environment ## publish to every platform while these misbehave and workers are killed; then count what is public (12 minutes)
	@exec $(PY) -m tests.chaos.social $(ARGS)

screenshots: dev-environment ## photograph what `make run` serves, for the README (ARGS="--all --folder /tmp/pages" for every page)
	@exec $(PY) -m tests.screenshots $(ARGS)

contract: dev-environment ## serve stand-ins for platforms' APIs, to try them without an account (ARGS=all; none lists them)
	@exec $(PY) -m tests.contract $(ARGS)

environment:
	@bin/install run

dev-environment:
	@bin/install dev

real-servers:
	@bin/install-pds

clean: ## remove what was installed and built here; the data in var/ stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis $(MO)
