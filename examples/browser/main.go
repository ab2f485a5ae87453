// Command browser is the chat of examples/chat with a page that is a Go program: examples/browser/client, which talks to the
// server by this library in the browser.
//
//	go run ./examples/browser
//
// It compiles the page's program when it starts, so it needs the go command, and runs inside of this module.
package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed60239977/websocket/examples/internal/chat"
	"github.com/seed60239977/websocket/examples/internal/program"
)

// clientPackage is what runs in the browser.
const clientPackage = "github.com/seed60239977/websocket/examples/browser/client"

//go:embed page.html
var page []byte

func main() {
	c, err := compile()
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(program.StatusFailed)
	}
	server(c).Main()
}

// client is the page's program, and what Go needs to run in a browser.
type client struct {
	wasm, zipped []byte
	support      []byte // wasm_exec.js
}

// compile makes the client.
func compile() (*client, error) {
	dir, err := os.MkdirTemp("", "websocket-browser")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "client.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, clientPackage)
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling the page's program: %w: %s", err, bytes.TrimSpace(out))
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	c := &client{}
	if c.wasm, err = os.ReadFile(file); err != nil {
		return nil, err
	}
	c.support, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	c.zipped = zip(c.wasm)
	return c, err
}

// zip compresses as a web server would.
func zip(b []byte) []byte {
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // which there is
	w.Write(b)
	w.Close()
	return zipped.Bytes()
}

// server is the chat with another page.
func server(c *client) program.Program {
	p := chat.Program("browser", nil)
	open := p.Open
	p.Addr = "127.0.0.1:9014"
	p.Open = func() (http.Handler, func()) {
		rooms, closeAll := open()
		mux := http.NewServeMux()
		mux.Handle("/ws", rooms)
		mux.HandleFunc("GET /{$}", showPage)
		mux.HandleFunc("GET /wasm_exec.js", func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "wasm_exec.js", time.Time{}, bytes.NewReader(c.support))
		})
		mux.HandleFunc("GET /client.wasm", c.serve)
		return mux, closeAll
	}
	return p
}

// showPage shows the page, which may run what comes from here and connect to it, and nothing else.
func showPage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; "+
		"style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.Write(page)
}

// serve sends the program, compressed for those who take that.
func (c *client) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/wasm")
	w.Header().Set("Vary", "Accept-Encoding")
	body := c.wasm
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = c.zipped
	}
	w.Write(body)
}
