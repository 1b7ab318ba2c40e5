# What can be done here. CI runs the same commands from .ci/run, without just.

# list the recipes
default:
    @just --list

# play the shipped suite
run *arguments:
    cargo run --release -- run {{ arguments }}

# the tests of the README
test:
    cargo test

# format and lints, as CI wants them
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

# the documentation of the library
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# licences, sources and known faults of what others wrote; needs cargo-deny and its database
deny:
    cargo deny --locked check

# against the real Socket.IO server of npm; needs Node
interop:
    npm ci --prefix tests/interop --no-audit --no-fund
    cargo test --features interop --test main interop

# an official suite of socketio/socket.io for servers, from a folder outside this project; needs Node
official-suite folder:
    REHEARSAL_OFFICIAL_SUITE={{ quote(absolute_path(folder)) }} \
        cargo test --features official-suite --lib official_suite -- --nocapture

# the evasion corpus before Express and nginx; needs Node and nginx
evasion:
    npm ci --prefix tests/interop --no-audit --no-fund
    cargo test --features interop --test main evasion

# look for input that breaks a decoder; needs a nightly toolchain and cargo-fuzz
fuzz target seconds="240":
    mkdir -p fuzz/corpus/{{ target }}
    cargo +nightly fuzz run --dev {{ target }} fuzz/corpus/{{ target }} fuzz/seeds/{{ target }} -- \
        -dict=fuzz/words.dict -max_len=2048 -max_total_time={{ seconds }}

# keep what of that reaches something new
fuzz-keep target:
    cargo +nightly fuzz run --dev {{ target }} fuzz/seeds/{{ target }} fuzz/corpus/{{ target }} -- \
        -merge=1 -use_counters=0

# how fast it is, in a release build
bench:
    cargo bench

# hostile load against mock and proxy, so long against each: memory, and how long a good client waits
fortress seconds="60":
    cargo bench --bench fortress -- {{ seconds }}

# everything that CI does
ci:
    .ci/run
