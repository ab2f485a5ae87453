// Package e2e holds the end-to-end tests: the echo server and the library against programs that others wrote.
//
//   - Chromium, headless, driven by chromedp: the echo server's own page, and the browser's WebSocket API.
//   - Node with npm's ws, and Python with websockets, each as client of our server and as server of our client.
//   - Over HTTP/2: Chromium, Firefox (driven by WebDriver BiDi), Node's http2 with the frames of ws, and Python's h2 with wsproto as
//     clients of our server; Node's http2 and hypercorn as servers of our client; haproxy, Apache and Caddy with HTTP/2 in
//     front of our server. Apache 2.4.71 has a dozen WebSockets of a client open at a time. Debian 12's curl 7.88.1 is built without
//     WebSockets.
//   - In a browser: package inbrowser, compiled for js/wasm, in Node, Chromium and Firefox, against our server.
//   - Between them: the proxies tinyproxy and microsocks, the gateways nginx and haproxy, and links that die without a
//     word (a relay that goes silent, and a network interface that is taken down where that is permitted).
//   - Prometheus, with what package observe/otel reports: it evaluates each query of docs/grafana.json, and Chromium draws that.
//   - The command ws: on a pseudo-terminal, in scripts, in Chromium, and beside npm's wscat.
//
// What is not installed makes a test skip, and fail with CI=true. On Debian:
//
//	apt-get install chromium firefox-esr nodejs npm python3-websockets python3-h2 python3-wsproto python3-hypercorn \
//		tinyproxy microsocks nginx-light haproxy apache2 prometheus && npm ci && (cd caddy && go build -o caddy .)
//
// One test holds many connections with the heartbeat on and reports what they cost; 10,000 of them by
//
//	go test -v -run ManyConnections . -connections 10000 -interval 30s -hold 60s
//
// The pictures in docs are made anew by
//
//	go test -run 'TwoTabsChat|TickerNotices|PictureCanBeDrawn|PictureOfTheGame|PictureOfWSConnect|ReportOfWSLoad|TheDashboardShows' . -update-screenshots
//
// # The programs in peers
//
// Each client is run as `client URL SCENARIO` and prints one JSON value. Scenarios: `echo` (texts and binaries of many
// lengths; how many came back, and which came back different), `fragments` (a message in several frames, with a ping
// between them), `ping`, `close` (with code 3000 and a reason; what came back) and `wait` (prints a line when connected,
// then waits for the server to close).
//
// Each server prints `listening on HOST:PORT`, echoes messages, and takes the texts `fragments`, `ping` and `close` as
// orders to do that. It prints the code and the reason of each close as a line of JSON. Those whose names begin with h2 are
// for HTTP/2, and say themselves how they are used.
package e2e
