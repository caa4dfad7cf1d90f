# The two commands are `make demo` and `make test`; `make help` lists the rest.
PREFIX ?= /usr/local
BUILD ?= build

.PHONY: help setup build demo test test-forms test-processors install clean format lint asan tsan fuzz bench
help:
	@echo 'make demo      sets up, builds, runs the whole study on the embedded demo'
	@echo 'make test      sets up, builds, runs all tests (RESHIFT_DATA=DIR adds those on real data)'
	@echo 'make test-forms       all tests once in every form that this processor has (RESHIFT_ISA: sse41, avx2 ...)'
	@echo 'make test-processors  tests on an emulated Haswell and Nehalem (qemu-user, installed if missing; slow)'
	@echo 'make build     sets up, builds $(BUILD)/reshift'
	@echo 'make install   installs program, libraries, headers, pkg-config file below PREFIX=$(PREFIX)'
	@echo 'make format    clang-format over the sources'
	@echo 'make lint      clang warnings and clang-tidy (.clang-tidy says which checks, and why)'
	@echo 'make asan      all tests under AddressSanitizer and UBSan (clang, in $(BUILD)-asan)'
	@echo 'make tsan      threads and OpenMP loops under ThreadSanitizer (clang and libomp-dev, in $(BUILD)-tsan)'
	@echo 'make fuzz      every reader fuzzed for FUZZ_SECONDS=60 each (clang, in $(BUILD)-fuzz)'
	@echo 'make bench     rates and share of this machine'"'"'s limit'

setup:
	@tools/setup

$(BUILD)/build.ninja: | setup
	meson setup $(BUILD) --prefix=$(PREFIX) >/dev/null

build: setup $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

demo: build
	$(BUILD)/reshift demo

test: build
	@tools/run-tests $(BUILD)

test-forms: build
	@tools/run-forms $(BUILD)

test-processors: build
	@tools/run-processors $(BUILD)

install: build
	meson configure $(BUILD) --prefix=$(PREFIX)
	meson install -C $(BUILD) --quiet

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz $(BUILD)-clang

format:
	@tools/format

lint:
	CC=clang meson setup $(BUILD)-clang --reconfigure >/dev/null 2>&1 || CC=clang meson setup $(BUILD)-clang >/dev/null
	ninja -C $(BUILD)-clang --quiet
	git ls-files 'src/*.c' | xargs -P $$(nproc) -n 8 clang-tidy -p $(BUILD)-clang --quiet

asan:
	test -d $(BUILD)-asan || CC=clang meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
	ninja -C $(BUILD)-asan --quiet
	OMP_NUM_THREADS=1 tools/run-tests $(BUILD)-asan

tsan:
	test -d $(BUILD)-tsan || CC=clang meson setup $(BUILD)-tsan -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized >/dev/null
	ninja -C $(BUILD)-tsan --quiet
	tools/run-threads $(BUILD)-tsan

fuzz:
	@tools/fuzz $(BUILD)-fuzz

bench: build
	$(BUILD)/reshift bench
