#!/usr/bin/env bash
# Real programs on the compatibility packages: their own tests, first with the library that they import, then with one line in
# their go.mod, which puts ours in its place. Every test that passes with theirs must pass with ours.
#
#   compat/programs.sh             four small ones, in a minute or two
#   compat/programs.sh all         all of them
#   compat/programs.sh NAME...     these
#
#   LIMIT=60                       how many seconds the tests of one package may take
#   KEEP=DIR                       keep there the output of tests that were lost
#
# Programs come from Go's module proxy, and are built and tested in a temporary directory, one at a time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/websocket-compat.XXXXXX")
readonly here work limit=${LIMIT:-60}
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
export GOFLAGS=-mod=mod GOWORK=off GOTOOLCHAIN=local

# NAME SIZE MODULE@VERSION PACKAGE...
# Tests of melody take for granted that a server knows a client by the time that the client's Dial returns. With either library
# TestBroadcast hangs two times in three, because it waits for a message that was not sent to a listener not yet known. That of
# go-socket.io with the name TestEngineUpgrade hangs nine times in ten with either, where a poll of it comes behind the upgrade.
programs=(
  "melody   large github.com/olahol/melody@v1.1.4 ."
  "jsonrpc2 small github.com/sourcegraph/jsonrpc2@v0.2.3 . ./websocket"
  "mochi    small github.com/mochi-mqtt/server/v2@v2.7.9 ./listeners"
  "slack    small github.com/slack-go/slack@v0.35.0 . ./socketmode"
  "gqlgen   small github.com/99designs/gqlgen@v0.17.80 ./graphql/handler/transport"
  "wstest   large github.com/posener/wstest@v1.2.0 ."
  "filecoin large github.com/filecoin-project/go-jsonrpc@v0.8.0 ."
  "rancher  large github.com/rancher/remotedialer@v0.4.1 ."
  "nexus    large github.com/gammazero/nexus/v3@v3.2.2 ./transport ./router ./client"
  "comet    large github.com/cometbft/cometbft@v0.38.17 ./rpc/jsonrpc/client ./rpc/jsonrpc/server ./rpc/jsonrpc"
  "oxy      large github.com/vulcand/oxy/v2@v2.0.3 ./forward"
  "geth     large github.com/ethereum/go-ethereum@v1.17.10 ./rpc ./node"
  "clientgo large k8s.io/client-go@v0.37.2 ./transport/websocket ./tools/remotecommand ./tools/portforward"
  "gqlgen2  large github.com/99designs/gqlgen@v0.17.98 ./graphql/handler/transport"
  "goproxy  large github.com/elazarl/goproxy@v1.9.4 ."
  "nostr    large github.com/nbd-wtf/go-nostr@v0.51.12 ."
  "hasura   large github.com/hasura/go-graphql-client@v0.14.3 ."
  "libp2p   large github.com/libp2p/go-libp2p@v0.52.0 ./p2p/transport/websocket"
  "opamp    large github.com/open-telemetry/opamp-go@v0.23.0 ./client/internal ./server"
  "apisrv   large k8s.io/apiserver@v0.37.2 ./pkg/util/proxy"
  "btcd     large github.com/btcsuite/btcd@v0.26.2 ./rpcclient"
  "knative  large knative.dev/pkg@v0.0.0-20230612155445-74c4be5e935e ./websocket"
  "alpaca   large github.com/alpacahq/alpaca-trade-api-go/v3@v3.9.1 ./marketdata/stream"
  "gotd     large github.com/gotd/td@v0.93.0 ./transport"
  "gorcon   large github.com/gorcon/websocket@v1.1.2 ."
  "cdp      large github.com/mafredri/cdp@v0.35.0 . ./devtool ./rpcc"
  "chisel   large github.com/jpillora/chisel@v1.10.1 ./client ./server ./test/e2e"
  "socketio large github.com/googollee/go-socket.io@v1.7.0 . ./engineio ./engineio/transport/websocket"
  "xray     large github.com/xtls/xray-core@v1.260327.0 ./transport/internet/websocket"
  "expect   large github.com/gavv/httpexpect/v2@v2.16.0 . ./e2e"
  "firefly  large github.com/hyperledger/firefly-common@v1.5.5 ./pkg/wsclient ./pkg/wsserver"
  "ship     large github.com/enbility/ship-go@v0.6.0 ./ws ./hub"
  "mx       large github.com/multiversx/mx-chain-communication-go@v1.1.1 ./websocket/connection ./websocket/server ./websocket/transceiver ./websocket/client"
  "wsrpc    large github.com/smartcontractkit/wsrpc@v0.8.3 . ./internal/transport"
  "noaa     large github.com/cloudfoundry/noaa/v2@v2.5.0 ./consumer"
  "getty    large github.com/apache/dubbo-getty@v1.5.0 ."
  "bybit    large github.com/hirokisan/bybit/v2@v2.38.1 . ./testhelper"
  "polygon  large github.com/polygon-io/client-go@v1.16.4 ./websocket"
  "snowfl   large gitlab.torproject.org/tpo/anti-censorship/pluggable-transports/snowflake/v2@v2.9.2 ./common/websocketconn ./proxy/lib ./server/lib"
  "v2ray    large github.com/v2fly/v2ray-core/v5@v5.16.1 ./transport/internet/websocket"
  "genai    large google.golang.org/genai@v1.36.0 ."
  "tmint    large github.com/tendermint/tendermint@v0.35.9 ./rpc/jsonrpc/client ./rpc/jsonrpc/server ./rpc/jsonrpc"
  "neffos   large github.com/kataras/neffos@v0.0.24 . ./gorilla"
  "torrent  large github.com/anacrolix/torrent@v1.62.0 ./webtorrent ./tracker/... ./webseed"
  "optimism large github.com/ethereum-optimism/optimism@v1.13.0 ./op-service/client ./op-service/rpc"
  "gotify   large github.com/gotify/server/v2@v2.5.0 ./api/stream"
  "benthos  large github.com/redpanda-data/benthos/v4@v4.60.0 ./internal/impl/io"
  "openai   large github.com/openai/openai-go/v3@v3.99.0 ./packages/websocket ./internal/websockettest"
  "grpcweb  large github.com/improbable-eng/grpc-web@v0.15.0 ./go/grpcweb"
  "derp     large tailscale.com@v1.98.0 ./derp/... ./control/controlhttp/..."
  "graphql  large github.com/wundergraph/graphql-go-tools/v2@v2.0.0-rc.100 ./pkg/engine/datasource/graphql_datasource"
  "sockjs   large github.com/igm/sockjs-go/v3@v3.0.2 ./sockjs"
  "serving  large knative.dev/serving@v0.47.0 ./pkg/autoscaler/statforwarder ./pkg/autoscaler/statserver ./pkg/activator/handler"
  "k6       large go.k6.io/k6@v1.8.1 ./internal/js/modules/k6/ws ./internal/js/modules/k6/websockets"
  "centri   large github.com/centrifugal/centrifuge@v0.28.0 ."
  "livekit  large github.com/livekit/server-sdk-go/v2@v2.19.0 . ./signalling"
  "kamal    large github.com/basecamp/kamal-proxy@v0.9.2 ./internal/server"
  "twitch   large github.com/joeyak/go-twitch-eventsub/v3@v3.0.1 ."
  "gotd2    large github.com/gotd/td@v0.161.0 ./transport ./tgtest/... ./telegram ./telegram/dcs"
  "nostr2   large fiatjaf.com/nostr@v0.0.0-20260611214214-c4534c716026 . ./khatru"
  "d2       large oss.terrastruct.com/d2@v0.7.2 ./e2etests-cli"
  "statsviz large github.com/arl/statsviz@v0.8.2 ."
  "dcrdex   large decred.org/dcrdex@v1.0.4 ./dex/ws ./client/comms ./server/comms"
  "mmost    large github.com/mattermost/mattermost/server/public@v0.4.3 ./model"
  "outline  large github.com/Jigsaw-Code/outline-sdk/x@v0.0.8 ./websocket"
  "bee      large github.com/ethersphere/bee/v2@v2.7.0 ./pkg/api"
  "scs      large github.com/sylabs/scs-build-client@v0.9.21 ./client ./internal/app/buildclient"
  "sensu    large github.com/sensu/sensu-go@v0.0.0-20221027183945-cd8638430844 ./transport ./backend/agentd"
  "edge     large github.com/0xPolygon/polygon-edge@v1.3.3 ./jsonrpc"
  "bitfinex large github.com/bitfinexcom/bitfinex-api-go@v0.0.0-20210608095005-9e0b26f200fb ./tests/integration/v2"
  "gqlws    large github.com/graph-gophers/graphql-transport-ws@v0.0.2 ./graphqlws/..."
  "traefik  large github.com/traefik/traefik/v3@v3.1.0 ./pkg/server/service ./pkg/middlewares/retry"
  "tyk      large github.com/TykTechnologies/graphql-go-tools@v1.6.2-0.20260818151404-c416c52a2dd3 ./pkg/engine/datasource/graphql_datasource ./pkg/testing/subscriptiontesting ./pkg/subscription ./pkg/subscription/websocket ./pkg/http"
  "ably     large github.com/ably/ably-go@v1.4.1 ./ably"
  "paho     large github.com/eclipse/paho.golang@v0.23.0 ./autopaho"
  "inbucket large github.com/inbucket/inbucket/v3@v3.2.0 ./pkg/rest"
  "xmpp     large gosrc.io/xmpp@v0.5.1 ."
  "proxmox  large github.com/luthermonson/go-proxmox@v0.8.2 ."
  "surreal  large github.com/surrealdb/surrealdb.go@v1.3.0 ./..."
  "kubelet  large github.com/virtual-kubelet/virtual-kubelet@v1.14.1 ./internal/kubernetes/..."
  "goa      large goa.design/goa/v3@v3.25.3 ./http"
  "binance  large github.com/adshao/go-binance/v2@v2.8.7 . ./common/websocket ./futures ./portfolio"
  "gqlgen3  large github.com/99designs/gqlgen@v0.17.95 ./client ./graphql/handler/transport ./codegen/testserver/..."
  "slack2   large github.com/slack-go/slack@v0.12.5 . ./slacktest ./socketmode"
  "centri2  large github.com/centrifugal/centrifuge@v0.29.4 ."
  "comet2   large github.com/cometbft/cometbft@v0.40.0 ./rpc/jsonrpc/... ./rpc/client/..."
  "geth2    large github.com/ethereum/go-ethereum@v1.17.10 ./ethstats ./ethclient/gethclient ./graphql"
  "assembly large github.com/AssemblyAI/assemblyai-go-sdk@v1.3.0 ."
)

# passing FILE: the tests that passed, from the output of go test -json. An address in the name of one is not the same each time.
passing() {
  sed -n 's/.*"Action":"pass","Package":"\([^"]*\)","Test":"\([^"]*\)".*/\1 \2/p' "$1" | sed 's/(0x[0-9a-f]*)//g' | sort -u
}

# all_pass OUT: whether nothing is left to be tried: of OUT.want or, without that, of what there is.
all_pass() { [[ -f "$1.want" && -z "$(comm -23 "$1.want" "$1.pass")" ]]; }

# run_tests DIR OUT PACKAGE...: the tests of some packages, and what passes of them in OUT.pass. Programs have tests that fail
# now and then on a busy machine, or hang and take those behind them along. So whatever did not pass is tried once more by itself,
# and up to eight times if it is in OUT.want.
run_tests() {
  local dir=$1 out=$2 rc=0 path at test try tries=1
  shift 2
  [[ ! -f "$out.want" ]] || tries=8
  (cd "$dir" && timeout 600 nice go test -count=1 -vet=off -p 1 -timeout "${limit}s" -json "$@") >"$out.json" 2>"$out.err" || rc=$?
  passing "$out.json" >"$out.pass"
  if ((rc == 0)) || all_pass "$out"; then return; fi
  (cd "$dir" && go list -e -f '{{.ImportPath}} {{.Dir}}' "$@") >"$out.list" 2>>"$out.err" || true
  while read -r path at; do
    (cd "$dir" && go test -c -vet=off -o "$out.test" "$path") </dev/null 2>>"$out.err" || continue
    [[ -e "$out.test" ]] || continue # it has no tests
    for test in $(cd "$at" && "$out.test" -test.list '^(Test|Example|Fuzz)' </dev/null); do
      for ((try = 0; try < tries; try++)); do
        missing "$out" "$path" "$test" || break
        (cd "$at" && timeout 30 nice "$out.test" -test.run "^$test\$" -test.timeout 20s -test.v=test2json) </dev/null 2>&1 |
          go tool test2json -p "$path" >"$out.alone" || true
        cat "$out.alone" >>"$out.json"
        passing "$out.alone" | sort -u -o "$out.pass" - "$out.pass"
      done
    done
    rm -f "$out.test"
  done <"$out.list"
}

# missing OUT PACKAGE TEST: whether a test, or one below it, has not passed that should.
missing() {
  if [[ -f "$1.want" ]]; then
    comm -23 "$1.want" "$1.pass" | grep -E "^$2 $3(/|\$)" >/dev/null # to its end: else comm fails, and with it the pipe
  elif grep -qxF "$2 $3" "$1.pass"; then
    return 1
  fi
}

# defaults DIR: the version of Go whose defaults of GODEBUG a program has, by its go line: before 1.21, those of 1.20.
defaults() {
  local minor
  minor=$(cd "$1" && go mod edit -json | sed -n 's/^\t"Go": "1\.\([0-9]*\).*/\1/p')
  echo "go1.$((${minor:-20} < 20 ? 20 : ${minor:-20}))"
}

# compare NAME MODULE@VERSION PACKAGE...
compare() {
  local name=$1 module=$2 dir=$work/$1 source lost keep coder
  shift 2
  source=$(cd "$work" && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [[ -n "$source" ]] || { echo "$name: not compared, the module proxy does not have $module"; return 0; }
  cp -R "$source" "$dir"
  chmod -R u+w "$dir"
  run_tests "$dir" "$dir.theirs" "$@"
  keep=$(defaults "$dir")
  # The go line will be ours. What else of Go that would change has nothing to do with us.
  coder=github.com/coder/websocket
  grep -q "$coder " "$dir/go.mod" || coder=nhooyr.io/websocket # its old name; a module replaces only one other
  (cd "$dir" && go mod edit -go 1.26.0 -godebug "default=$keep" -replace "github.com/gorilla/websocket=$here/gorilla" \
    -replace "$coder=$here/coder" -replace "github.com/seed60239977/websocket=$here/..")
  cp "$dir.theirs.pass" "$dir.ours.want"
  run_tests "$dir" "$dir.ours" "$@"
  lost=$(comm -23 "$dir.theirs.pass" "$dir.ours.pass")
  printf '%-10s %-45s %5d tests pass with theirs, %5d with ours\n' "$name" "$module" \
    "$(wc -l <"$dir.theirs.pass")" "$(wc -l <"$dir.ours.pass")"
  if [[ ! -s "$dir.theirs.pass" ]]; then # it does not build here, or its tests do not run: that says nothing of ours
    echo "$name: not compared, no test of it passes here as it is"
    head -n 20 "$dir.theirs.err"
    return 0
  fi
  [[ -n "$lost" ]] || return 0
  echo "with ours no longer:"
  echo "$lost"
  head -n 20 "$dir.ours.err"
  [[ -z "${KEEP:-}" ]] || cp "$dir.ours.json" "$KEEP/$name.json"
  return 1
}

(($# > 0)) || set -- small
rc=0 found=0
for line in "${programs[@]}"; do
  read -r name size module packages <<<"$line"
  for wanted in "$@"; do
    [[ "$wanted" == "$name" || "$wanted" == "$size" || "$wanted" == all ]] || continue
    found=1
    # shellcheck disable=SC2086 # one argument each
    compare "$name" "$module" $packages || rc=1
    chmod -R u+w "${work:?}/$name" && rm -rf "${work:?}/$name"
    break
  done
done
((found)) || { echo "no such program; there are:" && printf '%s\n' "${programs[@]}"; exit 2; }
exit $rc
