# make          builds the release binary: target/release/haul
# make run      the main job on a real directory: compress, check, bring back, compare; then a sweep
# make test     all tests, quick
# make check    formatting, lints, documentation
# make bench    beside other people's tools; DIR=... names the tree to use
# make soak     random faults under two workers; SOAK=... says how long
# make install  the binary, its man pages and completions, below PREFIX

PREFIX ?= /usr/local
SOAK ?= 300
CARGO ?= cargo
HAUL := target/release/haul
SHELL := /bin/bash

.PHONY: all run test check bench soak install clean cargo tools $(HAUL)

all: $(HAUL)

# cargo knows best whether there is anything to do.
$(HAUL): | cargo
	$(CARGO) build --release --locked

# Nothing is installed behind anybody's back here: the line says what to do.
cargo:
	@command -v $(CARGO) >/dev/null || { echo "cargo is missing. Install Rust (and a C linker, such as gcc): https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "a C linker is missing. Install one: apt-get install gcc" >&2; exit 1; }

run: $(HAUL)
	@benches/first_run.sh $(abspath $(HAUL))

# Other people's tools that the tests check against. Without them those checks are skipped, each with a line.
tools:
	@benches/tools.sh strace pigz tabix

# The second command builds the library once more, with the faults in it, and nothing else.
test: cargo tools
	$(CARGO) test --locked
	$(CARGO) test --locked --features faults --test faults

check: cargo
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features faults -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

bench: $(HAUL)
	@benches/peers.sh $(abspath $(HAUL)) $(DIR)

soak: cargo
	HAUL_SOAK=$(SOAK) $(CARGO) test --release --locked --features faults --test faults -- --ignored --nocapture

install: $(HAUL)
	install -D -m 755 $(HAUL) $(DESTDIR)$(PREFIX)/bin/haul
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
