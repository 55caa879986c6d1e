#!/usr/bin/env bash
# Runs every fuzz target for some seconds (120 when not said): fuzz/run.sh [SECONDS]. What a target found stands in fuzz/artifacts;
# exit status 1 when there was something.
set -uo pipefail
cd "$(dirname "$0")"
seconds=${1:-120} failed=0
export RUSTC_BOOTSTRAP=1
for target in $(cargo fuzz list); do
    # What is new goes beside the seeds, which stay as they are.
    mkdir -p "target/found/$target"
    cargo fuzz run --sanitizer none "$target" "target/found/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 || failed=1
done
exit $failed
