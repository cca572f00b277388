# Every command that a person types; CI calls the same recipes. `just --list` shows them.

# What builds and checks need beyond cargo and a C compiler
setup:
    cargo fetch --locked
    command -v python3 >/dev/null || echo "python3 is not there: the Python peers will be skipped"

# README's test command
test:
    cargo test --workspace --locked

# Formatting, clippy and documentation, warnings denied; typos and cargo-deny where they are installed
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
    if command -v typos >/dev/null; then typos; else echo "typos is not installed: skipped"; fi
    if command -v cargo-deny >/dev/null; then cargo deny --offline check bans licenses sources; else echo "cargo-deny is not installed: skipped"; fi

fmt:
    cargo fmt --all

# Seconds: every mechanism once
smoke:
    cargo run --release --locked -- bench smoke

# Criterion, then the standard plan, then the report with both side by side
bench:
    cargo bench --locked --bench roundtrip
    cargo run --release --locked -- bench standard --criterion target/criterion

# Render the reports of runs again, each by itself: `just report data/runs/*`
report +runs:
    for run in {{runs}}; do cargo run --release --locked -- report "$run"; done

# Measure the committed sample anew: Criterion and the standard plan, records and report
sample:
    cargo bench --locked --bench roundtrip
    rm -rf reports/sample
    cargo run --release --locked -- bench standard --criterion target/criterion --out reports/sample

# What the harness itself costs, against bare loops and other programs; minutes
overhead:
    cargo bench --locked --bench overhead

# Our file server against nginx, iperf3 and one in CPython, and the assignment's grid against the clock; minutes
peers:
    cargo bench --locked --bench peers

# Files over UDP against UFTP and iperf3, memory, 64 receivers; as root, minutes. `just fanout-peers "64 receivers"`: those rows
fanout-peers rows="":
    cargo bench --locked --bench fanout {{ if rows == "" { "" } else { "-- '" + rows + "'" } }}

# Every fuzz target for so many seconds, where cargo-fuzz is installed: `just fuzz 20`
fuzz seconds="20":
    #!/usr/bin/env bash
    set -euo pipefail
    cd harness
    if ! command -v cargo-fuzz >/dev/null; then
        # Checking links nothing, so libFuzzer need not be built; its name is all that its crate asks for.
        export CUSTOM_LIBFUZZER_PATH=none/libfuzzer.a CUSTOM_LIBFUZZER_STD_CXX=none
        cargo check --locked --manifest-path fuzz/Cargo.toml
        echo "cargo-fuzz is not installed: the targets were compiled, and not run"
        exit 0
    fi
    # A sanitizer is a flag of nightly compilers, and the stable one takes it when it is told that it may.
    export RUSTC_BOOTSTRAP=1
    for target in $(cargo fuzz list); do
        mkdir -p "fuzz/corpus/$target"
        cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- -max_total_time={{seconds}}
    done

# The dependencies that ask for the newest Rust
msrv:
    cargo metadata --format-version 1 --locked | python3 -c 'import json, sys; found = sorted(((p["rust_version"] or "?"), p["name"]) for p in json.load(sys.stdin)["packages"]); [print(*row) for row in found if row[0] != "?"][-1:]' | sort -V | tail -5

# A binary that needs no library beside it, for Alpine, containers and GNS3 nodes; its path is the last line
static profile="release":
    #!/usr/bin/env bash
    set -euo pipefail
    target=${CARGO_TARGET_DIR:-target}
    built={{ if profile == "dev" { "debug" } else { profile } }}
    # Only the binary itself is linked otherwise: everything under it is what any build of this profile makes.
    cargo rustc --profile {{profile}} --locked --package ferrybench --bin ferrybench -- -C target-feature=+crt-static
    mkdir -p "$target/static/$built"
    # Moved away: whoever builds next gets the usual binary again.
    mv -f "$target/$built/ferrybench" "$target/static/$built/ferrybench"
    echo "$target/static/$built/ferrybench"

# The dev profile here: the release profile links for minutes.

# A static binary, made and tried in an empty root folder: as root, or in a user namespace
static-check: (static "dev")
    .ci/static "${CARGO_TARGET_DIR:-target}/static/debug/ferrybench"

# Everything that must pass before a change lands
ci: lint test smoke
