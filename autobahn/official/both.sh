#!/usr/bin/env bash
# Lets the original suite and ours judge this library's echo server and client, and compares the verdicts case by case:
#
#   both.sh
#
# Where the original comes from is told in run.sh; where it is not to be had, this ends with run.sh's status, 3. The
# status is 1 when a verdict differs. It takes the better part of an hour, nearly all of it the original's. Reports go to
# $OUT (default reports): servers, clients, official/servers and official/clients.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

out=$(realpath -m "${OUT:-reports}")
address=127.0.0.1:9001
url=ws://$address
bin=$(mktemp -d)
pids=()
trap 'stop "${pids[@]}"; rm -rf "$bin"' EXIT

# start COMMAND...: runs it beside us, until something listens.
start() {
  "$@" &
  pids+=($!)
  for _ in $(seq 600); do
    (exec 3<>"/dev/tcp/${address/:/\/}") 2>/dev/null && return
    kill -0 "${pids[-1]}" 2>/dev/null || { wait "${pids[-1]}"; return; }
    sleep 0.2
  done
  echo "nothing listens on $address" >&2
  return 1
}

# stop PID...: ends what start has started.
stop() {
  local pid
  for pid; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  pids=()
}

# compare DIRECTION: what both suites say of it.
compare() { "$bin/compare" "$out/official/$1/index.json" "$out/$1/index.json"; }

go build -o "$bin/" ./examples/echo ./examples/conformance ./autobahn/wstest ./autobahn/official/compare
same=0

echo "=== the server"
start "$bin/echo" -addr "$address" -compress takeover
OUT="$out/official" autobahn/official/run.sh client "$url" echo
"$bin/wstest" client -url "$url" -agent echo -out "$out/servers" || true
stop "${pids[@]}"
compare servers || same=1

echo "=== the client"
OUT="$out/official" start autobahn/official/run.sh server "$url"
"$bin/conformance" -url "$url" -agent conformance -compress
stop "${pids[@]}"
start "$bin/wstest" server -addr "$address" -out "$out/clients"
"$bin/conformance" -url "$url" -agent conformance -compress
stop "${pids[@]}"
compare clients || same=1
exit $same
