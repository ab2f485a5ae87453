#!/bin/sh
# Runs the original suite, where it is to be had, so that its verdicts can be
# held against ours:
#
#   run.sh client [URL [AGENT]]   tests the echo server at URL
#   run.sh server [URL]           tests the clients that connect to URL
#
# It takes $WSTEST, or wstest on the PATH when that is the original, or else the
# published image with docker or podman ($ENGINE, $IMAGE). Reports go to
# $OUT/servers and $OUT/clients (default reports/official). Then:
#
#   go run ./autobahn/official/compare reports/official/servers/index.json reports/servers/index.json
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mode=${1:-}
url=${2:-ws://127.0.0.1:9001}
agent=${3:-server}
out=${OUT:-reports/official}
image=${IMAGE:-crossbario/autobahn-testsuite}

case $mode in
client | server) ;;
*)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2
	exit 2
	;;
esac

mkdir -p "$out"
out=$(cd "$out" && pwd)

# spec OUTDIR: the spec with the URL, the agent and the directory put in.
spec() {
	sed -e "s|ws://127.0.0.1:9001|$url|" -e "s|\"agent\": \"server\"|\"agent\": \"$agent\"|" \
		-e "s|\./reports|$1|" "$here/fuzzing$mode.json"
}

# Ours goes by the same name: the original alone knows of modes.
original() {
	command -v "$1" >/dev/null 2>&1 && "$1" --help 2>&1 | grep -q -- --mode
}

for tool in "${WSTEST:-}" wstest; do
	if [ -n "$tool" ] && original "$tool"; then
		spec "$out" >"$out/fuzzing$mode.json"
		exec "$tool" --mode "fuzzing$mode" --spec "$out/fuzzing$mode.json"
	fi
done

for engine in "${ENGINE:-}" docker podman; do
	if [ -n "$engine" ] && "$engine" info >/dev/null 2>&1; then
		spec /reports >"$out/fuzzing$mode.json"
		exec "$engine" run --rm --network host -v "$out:/reports" "$image" \
			wstest --mode "fuzzing$mode" --spec "/reports/fuzzing$mode.json"
	fi
done

echo "run.sh: the original suite is not here: set WSTEST to its wstest, or start docker or podman" >&2
exit 3
