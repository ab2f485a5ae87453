// Package inbrowser has tests that run in a browser, compiled for js/wasm: those of websocket.Dial on a browser's own
// WebSocket, and of the Conn that it returns. The test InBrowser of package e2e compiles them once, runs them in Node, Chromium and
// Firefox, and is the server that they talk to. By hand, with a server as that is at URL:
//
//	WEBSOCKET_URL=URL GOOS=js GOARCH=wasm go test -exec "$(go env GOROOT)/lib/wasm/go_js_wasm_exec" -v .
package inbrowser
