# make          builds the release binary: target/release/haul
# make run      the main job on a real directory: compress, check, bring back, compare; then a sweep
# make test     all tests, quick
# make check    formatting, lints, documentation
# make bench    the codecs alone, in memory; FILES=... names what to compress
# make bench-peers   beside other people's tools; DIR=... names the tree to use, JOBS="gzip copy" the jobs
# make bench-sweep   the five tables of haul sweep, sweeps compared, dd beside it; RESULTS=... a directory for the reports
# make bench-disk    haul disk beside fio, compared with itself and with a throttled disk; RESULTS=... a directory for the reports
# make soak     every fault at every call, under each scheduler; random faults under two workers, SOAK=... says how long; all tests in every way;
#               20,000 runs of gzip that have to make the same bytes; a minute of each fuzz target
# make install  the binary (without symbols, by STRIP), its man pages and completions, below PREFIX

PREFIX ?= /usr/local
SOAK ?= 300
CARGO ?= cargo
# STRIP=true installs the symbols, too.
STRIP ?= strip
HAUL := target/release/haul
SHELL := /bin/bash
# Level 1 by ISA-L, which is built from its source with these: installed where that can be done, else it is left out.
ISAL_TOOLS := autoconf automake libtool nasm
FEATURES = $(shell command -v autoconf >/dev/null && command -v automake >/dev/null && \
	command -v libtoolize >/dev/null && command -v nasm >/dev/null && echo --features isal)

.PHONY: all run test check bench bench-peers bench-sweep bench-disk soak install clean cargo isal tools $(HAUL)

all: $(HAUL)

# cargo knows best whether there is anything to do. ISA-L is built by a make of its own, which would take a DESTDIR that
# was given here for its own and leave its library where cargo does not find it.
$(HAUL): | cargo isal
	env -u MAKEFLAGS -u DESTDIR $(CARGO) build --release --locked $(FEATURES)

isal:
	@benches/tools.sh $(ISAL_TOOLS)

# Nothing is installed behind anybody's back here: the line says what to do.
cargo:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing. Install Rust (and a C compiler, such as gcc): https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "a C compiler is missing. Install one: apt-get install gcc" >&2; exit 1; }

run: $(HAUL)
	@benches/first_run.sh $(abspath $(HAUL))

# Other people's tools that the tests check against. Without them those checks are skipped, each with a line.
tools:
	@benches/tools.sh strace pigz tabix attr acl libcap2-bin e2fsprogs fuse3 python3-fusepy bindfs

# A sample of the same tests under the schedulers that no other test uses by default; make soak runs all of them.
SAMPLE_uring := --test copy --test hard_links --test special --test resume --test signals
SAMPLE_processes := --test copy --test gzip --test one_file --test routes --test signals
SAMPLE_faults := a_file_that_replaces_a_file_survives a_part_that_is_continued a_file_that_is_compressed_survives \
	a_file_that_is_decompressed_survives

# The last commands build the library once more, with the faults in it, and nothing else.
test: cargo isal tools
	benches/in_scratch.sh $(CARGO) test --locked $(FEATURES)
	for scheduler in uring processes; do \
		HAUL_TEST_SCHEDULER=$$scheduler benches/in_scratch.sh $(CARGO) test --locked $(FEATURES) \
			$$(test $$scheduler = uring && echo $(SAMPLE_uring) || echo $(SAMPLE_processes)) || exit 1; \
	done
	benches/in_scratch.sh $(CARGO) test --locked $(FEATURES) --features faults --test faults
	for scheduler in uring processes; do \
		HAUL_TEST_SCHEDULER=$$scheduler benches/in_scratch.sh $(CARGO) test --locked $(FEATURES) --features faults \
			--test faults -- $(SAMPLE_faults) || exit 1; \
	done

check: cargo isal
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features faults $(FEATURES) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items $(FEATURES)

bench: cargo isal
	$(CARGO) bench --locked $(FEATURES) --bench codec -- $(FILES)

bench-peers: $(HAUL)
	$(CARGO) bench --locked $(FEATURES) --bench codec --no-run
	@benches/peers.sh $(abspath $(HAUL)) $(DIR)

bench-sweep: $(HAUL)
	$(CARGO) build --release --locked $(FEATURES) --features faults --target-dir target/faults
	SLOWED=$(abspath target/faults/release/haul) benches/laboratory.sh $(abspath $(HAUL)) $(or $(RESULTS),.) $(FILE) $(DIR)

bench-disk: $(HAUL)
	@benches/disk.sh $(abspath $(HAUL)) $(RESULTS)

soak: cargo isal
	HAUL_SOAK=$(SOAK) HAUL_THOROUGH=1 benches/in_scratch.sh $(CARGO) test --release --locked $(FEATURES) --features faults --test faults -- \
		--include-ignored --nocapture
	HAUL_THOROUGH=1 benches/in_scratch.sh $(CARGO) test --release --locked $(FEATURES)
	for scheduler in uring processes; do \
		export HAUL_TEST_SCHEDULER=$$scheduler HAUL_THOROUGH=1; \
		benches/in_scratch.sh $(CARGO) test --release --locked $(FEATURES) || exit 1; \
		benches/in_scratch.sh $(CARGO) test --release --locked $(FEATURES) --features faults --test faults || exit 1; \
	done
	$(CARGO) test --release --locked $(FEATURES) --test same_bytes -- --ignored --nocapture
	fuzz/run.sh 60

# Symbols and line numbers are of use to debuggers and in backtraces only. Where there is no strip they stay.
install: $(HAUL)
	install -D -m 755 $(HAUL) $(DESTDIR)$(PREFIX)/bin/haul
	if command -v $(STRIP) >/dev/null; then $(STRIP) $(DESTDIR)$(PREFIX)/bin/haul; fi
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	$(HAUL) generate man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -d $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -d $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(HAUL) generate bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/haul
	$(HAUL) generate zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_haul
	$(HAUL) generate fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/haul.fish

clean: cargo
	$(CARGO) clean
