# PlainSight. `make help` lists the commands; each does all its set-up by itself.
#
# PYTHON         the Python (3.11 or newer) that .venv is made with
# HOST, PORT     where the app listens
# SECONDS        how long `make campaign` trains
# FILE           what `make talk` writes
# FOLDER         where `make static` writes
# FUZZ           how many inputs `make fuzz` gives each parser
# ARGS           more options for the command: make test ARGS="-k budget -x"
# TORCH_BACKEND  which build of torch, in uv's words: cpu, cu128, auto, ... Empty: the one already chosen, and at first the
#                registry's own. Once given it is remembered until `make clean`.

PYTHON ?= python3
PORT ?= 7860
TORCH_BACKEND ?=
# Not ?=, since csh and conda set a HOST of their own, and Bash counts SECONDS.
HOST = 127.0.0.1
SECONDS = 600
FILE = talk.pdf
FOLDER = static-edition
FUZZ = 10000
ARGS =
# Two test processes leave no processor for more threads, and each would compile all test files anew (4 s) without a cache.
TEST_ENV = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} PYTHONDONTWRITEBYTECODE=

.DEFAULT_GOAL := help
.PHONY: help app test test-fast test-machines lint format fuzz bench campaign results docs screenshots talk static clean env-app env-test env-bench env-docs env-export env-jod env-node

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { n = split($$1, names, " "); for (i = 1; i <= n; i++) printf "  make %-13s %s\n", names[i], $$2 }' Makefile

app: env-app ## start the app (PORT=7860 HOST=127.0.0.1)
	@.venv/bin/python -m app --host '$(HOST)' --port '$(PORT)' $(ARGS)

test: env-test ## run the tests (ARGS="-k budget" passes options to pytest)
	@$(TEST_ENV) .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: env-test ## run the quick tests: the engine's, without slow ones and real data (about a minute)
	@$(TEST_ENV) .venv/bin/python -m pytest -n 2 --dist loadfile -p no:logging -p no:anyio -m "not (slow or real_data)" tests/unit $(ARGS)

test-machines: env-test ## run what rests on numerics as on other processors (ARGS names one of the variants)
	@.venv/bin/python tests/machines.py $(ARGS)

lint: env-test env-node ## check style, formatting, types, import contracts, spelling and the Dockerfile
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/python -m mypy
	@.venv/bin/lint-imports
	@.venv/bin/codespell
	@! [ -x .venv/bin/hadolint ] || .venv/bin/hadolint Dockerfile
	@if command -v npm >/dev/null; then node_modules/.bin/biome check app/static; \
	else echo "No npm here: the CSS and JavaScript of app/static were not checked."; fi

format: env-test ## fix what can be fixed by machine
	@.venv/bin/ruff check --fix-only .
	@.venv/bin/ruff format .
	@! [ -x node_modules/.bin/biome ] || node_modules/.bin/biome check --write app/static

fuzz: env-test ## vary what comes from outside FUZZ=10000 times a parser: pictures, addresses, JSON, weights, deltas
	@PLAINSIGHT_FUZZ='$(FUZZ)' $(TEST_ENV) .venv/bin/python -m pytest -n 2 --timeout 0 tests/unit/test_fuzzing.py tests/app/test_fuzzed.py $(ARGS)

bench: env-bench ## compare speed and cost with other libraries (takes long)
	@.venv/bin/python -m benchmarks.attack_speed
	@.venv/bin/python -m benchmarks.training_cost
	@.venv/bin/python -m benchmarks.segmentation_cost
	@.venv/bin/python -m benchmarks.robustness_cost
	@.venv/bin/python -m benchmarks.sweep_cost
	@.venv/bin/python -m benchmarks.attack_strength

campaign: env-app ## train the queue of campaign.toml for SECONDS=600, on a GPU if there is one (ARGS="--root checkpoints")
	@.venv/bin/python -m core campaign campaign.toml --seconds '$(SECONDS)' $(ARGS)

results: env-docs ## write the results pages (claims, tables, figures) from the JSON in checkpoints/
	@.venv/bin/python -m core results $(ARGS)

docs: env-docs ## build the documentation into site/ (broken links fail); open site/index.html
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet $(ARGS)

screenshots: env-test ## make the pictures of README and documentation anew, with Chromium
	@PYTHONPATH=. .venv/bin/python docs/screenshots.py

talk: env-app ## print the talk with its notes to talk.pdf, with Chromium (FILE=talk.pdf)
	@.venv/bin/python -m app talk '$(FILE)' $(ARGS)

static: env-export env-node ## write the app as plain files, which need no server (FOLDER=static-edition)
	@.venv/bin/python -m app export '$(FOLDER)' $(ARGS)

clean: ## remove .venv and every cache in this folder
	rm -rf .venv build node_modules site ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------------------------------------------------
# Set-up, from any state of .venv. A stamp in it says what was installed, so that the next run has nothing to do; a mark
# stands there while something is being installed, so that an interrupted run is noticed.

env-app env-test env-bench env-docs env-export env-jod: ## only set up .venv for this purpose (env-jod: measure JOD)
	@extra='$(@:env-%=%)' python='$(PYTHON)' backend='$(TORCH_BACKEND)' sh -euc "$$SETUP"

env-node: ## only install what npm installs, where there is npm
	@! command -v npm >/dev/null || [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund

define SETUP
say() { printf '%s\n' "$$*" >&2; }
fail() { say "$$@"; exit 1; }

usable() { # its Python starts, is recent, belongs to this folder, and can install
    [ "$$(cat .venv/.folder 2>/dev/null || pwd -P)" = "$$(pwd -P)" ] &&
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)' &&
    { .venv/bin/uv --version || .venv/bin/python -m pip --version; }
}
whole() { # uv is there, and every file of every installed package
    .venv/bin/uv --version && .venv/bin/python -I -c 'import importlib.metadata as m; import sys; sys.exit(any(
        d.files is None or any(f.suffix != ".pyc" and not f.locate().exists() for f in d.files)
        for d in m.distributions()))'
}

if command -v flock >/dev/null; then # one installation at a time, where the machine can tell
    exec 9<Makefile
    flock -n 9 || { say "Waiting for another make that is at work in .venv ..."; flock 9; }
fi

chosen=$$(cat .venv/.torch-backend 2>/dev/null || true)
backend=$${backend:-$$chosen}
wanted="$$(cat requirements.txt requirements/*.txt pyproject.toml | cksum) $$backend"
if [ ! -e .venv/.installing ] && [ "$$(cat ".venv/.installed-$$extra" 2>/dev/null)" = "$$wanted" ] &&
    usable >/dev/null 2>&1; then
    exit 0
fi

if [ -e .venv/.installing ] && ! whole >/dev/null 2>&1; then
    say "The last installation was interrupted: making .venv anew."
    rm -rf .venv
fi
if ! usable >/dev/null 2>&1; then
    command -v "$$python" >/dev/null || fail "There is no '$$python' here. Name a Python 3.11 or newer: make PYTHON=/path/to/python3 ..."
    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "PlainSight needs Python 3.11 or newer, but '$$python' is $$("$$python" --version 2>&1). Name another one: make PYTHON=python3.12 ..."
    say "Making .venv with $$("$$python" --version) ..."
    rm -rf .venv
    mkdir .venv
    : > .venv/.installing
    "$$python" -m venv .venv || fail "'$$python -m venv' failed. On Debian and Ubuntu it needs: apt install python3-venv"
    pwd -P > .venv/.folder
    chosen=
fi
if ! .venv/bin/uv --version >/dev/null 2>&1; then
    # -qq: a machine's own pip settings can be chatty
    PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install -qq --constraint requirements/tools.txt uv ||
        fail "pip could not install uv into .venv. Is there a network? If so: make clean, and try again."
fi

set -- --python .venv/bin/python --build-constraint requirements/tools.txt
for pins in requirements.txt requirements/*.txt; do
    # Another build of torch brings other CUDA packages, in versions of its own.
    [ -n "$$backend" ] && [ "$$pins" = requirements/cuda.txt ] || set -- "$$@" --constraint "$$pins"
done
if [ -n "$$backend" ]; then
    set -- "$$@" --torch-backend "$$backend"
    [ "$$backend" = "$$chosen" ] || set -- "$$@" --reinstall-package torch --reinstall-package torchvision
fi
[ "$$extra" = app ] && what=. || what=".[$$extra]"
say "Installing what '$$extra' needs into .venv (the first time: minutes) ..."
uv() { # with a terminal: its own progress; without: silent, unless it fails
    if [ -t 2 ]; then .venv/bin/uv "$$@"; else
        .venv/bin/uv "$$@" >.venv/.log 2>&1 || { cat .venv/.log >&2; return 1; }
    fi
}
.venv/bin/uv pip install --dry-run "$$@" --editable "$$what" >.venv/.log 2>&1 ||
    { cat .venv/.log >&2; fail "Nothing was changed in .venv."; }
: > .venv/.installing
# Compiled at once, as pip does, on all processors: where PYTHONDONTWRITEBYTECODE is set no start would ever do it.
uv pip install "$$@" --compile-bytecode --editable "$$what" || fail "The installation stopped half-way; the next run repairs it."
[ -z "$$backend" ] || printf '%s\n' "$$backend" > .venv/.torch-backend
printf '%s\n' "$$wanted" > ".venv/.installed-$$extra"
printf '%s\n' "$$wanted" > .venv/.installed-app
rm -f .venv/.installing
endef
export SETUP
