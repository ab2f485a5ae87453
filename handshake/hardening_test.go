package handshake

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

// cost is how long f takes, and how many bytes it takes from the heap.
func cost(f func()) (took time.Duration, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}

// requireCheap requires f to be done soon and with little memory, once at least: a machine that does something else in
// between makes many calls slow, but quadratic work would take seconds each time.
func requireCheap(t *testing.T, f func()) {
	t.Helper()
	const soon, little = 100 * time.Millisecond, 8 << 20
	took, bytes := cost(f)
	for try := 1; try < 100 && (took >= soon || bytes >= little); try++ {
		took, bytes = cost(f)
	}
	require.Less(t, took, soon)
	require.Less(t, bytes, uint64(little))
}

// hostileLists are values whose length is n bytes and which are made of what is dear to a careless parser.
func hostileLists(n int) map[string]string {
	fill := func(unit string) string { return strings.Repeat(unit, n/len(unit)+1)[:n] }
	return map[string]string{
		"elements":                 fill("a,"),
		"empty elements":           fill(","),
		"white space":              fill(" "),
		"parameters":               "a" + fill(";b"),
		"the same offer":           strings.TrimSuffix(fill("permessage-deflate,"), ","),
		"offers that are declined": fill("permessage-deflate;x=1,"),
		"parameters of deflate":    "permessage-deflate" + fill(";server_no_context_takeover"),
		"quotes that do not end":   `a;b="` + fill("c"),
		"escapes":                  `a;b="` + fill(`\c`) + `"`,
		"many quoted values":       "a" + fill(`;b="\c"`),
		"quotes alone":             fill(`"`),
		"one long name":            fill("a"),
		"bytes that are no token":  fill("\xff"),
	}
}

func TestHostileListsCostLittle(t *testing.T) {
	o := &ServerOptions{
		Subprotocols: []string{"chat", "superchat"},
		Deflate:      &deflate.Options{},
		Extensions:   func([]Extension) ([]Extension, error) { return nil, nil },
	}
	client := &ClientOptions{Subprotocols: []string{"a", "b"}, Deflate: &deflate.Options{}}
	for _, n := range []int{maxList - 200, 64 << 10, 1 << 20} {
		for name, value := range hostileLists(n) {
			for _, field := range []string{extensionsField, protocolField} {
				t.Run(name, func(t *testing.T) {
					r := goodRequest()
					r.Header[field] = []string{value}
					u, err := ParseURL("ws://server.example.com/")
					require.NoError(t, err)
					req, err := client.NewRequest(u)
					require.NoError(t, err)
					resp := &http.Response{StatusCode: 101, ProtoMajor: 1, ProtoMinor: 1, Header: r.Header.Clone()}
					resp.Header["Sec-Websocket-Accept"] = []string{string(AppendAccept(nil, req.key))}
					requireCheap(t, func() {
						if _, err := o.Accept(r); err != nil {
							require.Contains(t, []int{400, 431}, err.(*Error).Status)
						}
						if n > maxList {
							_, err := o.Accept(r)
							requireError(t, err, http.StatusRequestHeaderFieldsTooLarge)
						}
						if _, err := req.Verify(resp); err != nil {
							require.ErrorAs(t, err, new(*Error))
						}
					})
				})
			}
		}
	}
}

// TestHostileFieldsCostLittle: with net/http, fields of a megabyte arrive here unless the server says otherwise.
func TestHostileFieldsCostLittle(t *testing.T) {
	const n = 1 << 20
	o := &ServerOptions{AllowedOrigins: []string{"https://*.example.com:*", "bücher.example", "null"}}
	for name, change := range map[string]func(h http.Header){
		"Connection":          func(h http.Header) { h["Connection"] = []string{strings.Repeat("a,", n/2) + "upgrade"} },
		"Connection in lines": func(h http.Header) { h["Connection"] = strings.Split(strings.Repeat("a ", n/64), " ") },
		"Upgrade":             func(h http.Header) { h["Upgrade"] = []string{strings.Repeat(" ,", n/2)} },
		"a key":               func(h http.Header) { h[keyField] = []string{strings.Repeat("A", n)} },
		"keys":                func(h http.Header) { h[keyField] = strings.Split(strings.Repeat(testKey+" ", n/64), " ") },
		"a version":           func(h http.Header) { h[versionField] = []string{strings.Repeat("13, ", n/4)} },
		"an origin":           func(h http.Header) { h["Origin"] = []string{"https://" + strings.Repeat("a.", n/2) + "example.com"} },
		"an origin of one label": func(h http.Header) {
			h["Origin"] = []string{"https://" + strings.Repeat("a", n) + ".example.com"}
		},
		"an origin with colons": func(h http.Header) { h["Origin"] = []string{"https://" + strings.Repeat(":", n)} },
		"an origin of IDN": func(h http.Header) {
			h["Origin"] = []string{"https://" + strings.Repeat("ü.", 64<<10/3) + "example.com"}
		},
		"an origin of one IDN label": func(h http.Header) {
			h["Origin"] = []string{"https://" + strings.Repeat("aü", 64<<10/3) + ".example.com"}
		},
		"many origins": func(h http.Header) { h["Origin"] = strings.Split(strings.Repeat("https://a ", n/64), " ") },
	} {
		t.Run(name, func(t *testing.T) {
			r := goodRequest()
			change(r.Header)
			requireCheap(t, func() {
				if _, err := o.Accept(r); err != nil {
					require.Less(t, len(err.(*Error).Reason), 1000)
				}
			})
		})
	}
}

func TestARequestThatDripsInIsReadInLinearTime(t *testing.T) {
	for name, head := range map[string]string{
		"one long field": requestOf(MaxRequest),
		"many fields":    "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a:\r\n", (MaxRequest-30)/4) + "\r\n",
		"one field":      "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("x: y\r\n", (MaxRequest-30)/6) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			requireCheap(t, func() {
				r, _, err := parseSlowly(head)
				require.NoError(t, err)
				require.NotNil(t, r)
			})
		})
	}
}
