# Two commands matter: `make run` and `make test`. Each does all the set-up it needs.
PY ?= python3
BIN := .venv/bin
export UV_PYTHON_DOWNLOADS := never

.PHONY: run test check format bench proof lock clean

run: .venv/run.done
	@$(BIN)/shinos up

test: .venv/openid.done
	@tests/debian-packages.sh
	@$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/python -m pytest -m alone $$(grep -rl "mark\.alone" tests)

check: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=tests:tests/house:tests/unit:tests/property:tests/contract:tests/journeys \
	    $(BIN)/mypy --no-error-summary $$(ls tests/*.py tests/*/*.py | grep -v conftest)

format: .venv/test.done
	$(BIN)/ruff check --fix-only -q . || true
	$(BIN)/ruff format .

bench: .venv/test.done
	@tests/debian-packages.sh
	$(BIN)/python -m bench

# Every drill at full size, one after the other, then var/proof.html and var/proof.json.
proof: .venv/test.done
	@tests/debian-packages.sh
	$(BIN)/python -m proof

lock: .venv/bin/uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --upgrade requirements/run.in -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header -c requirements/run.txt requirements/test.in -o requirements/test.txt

clean:
	rm -rf .venv var .mypy_cache .ruff_cache .hypothesis

.venv/bin/uv: requirements/uv.txt
	@$(PY) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PY) -m venv .venv 2>/dev/null || (test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y python3-venv && $(PY) -m venv .venv)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/run.done: .venv/bin/uv requirements/run.txt pyproject.toml
	@test -e .venv/test.done || $(BIN)/uv pip sync -q --compile-bytecode --require-hashes requirements/run.txt
	@$(MAKE) --no-print-directory .venv/own.done
	@touch $@

.venv/test.done: .venv/bin/uv requirements/test.txt pyproject.toml
	@$(BIN)/uv pip sync -q --compile-bytecode --require-hashes requirements/test.txt
	@$(MAKE) --no-print-directory .venv/own.done
	@touch $@

# The OpenID provider that the tests log in at; its Node and npm came with requirements/test.txt.
.venv/openid.done: .venv/test.done tests/openid/package.json tests/openid/package-lock.json
	@mkdir -p .venv/openid && cp tests/openid/package.json tests/openid/package-lock.json .venv/openid
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix .venv/openid --ignore-scripts --no-audit --no-fund --silent
	@touch $@

# The checkout itself is put on the path; nothing is built or copied.
.venv/own.done: .venv/bin/uv pyproject.toml
	@site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); echo "$(CURDIR)" > "$$site/shinos.pth"
	@printf '#!%s\nimport sys\nfrom shinos.__main__ import main\nif __name__ == "__main__":\n    sys.exit(main())\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/shinos && chmod +x $(BIN)/shinos
	@touch $@
