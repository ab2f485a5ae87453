package websocket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

// floods are header lines without end, or nearly.
func floods() map[string]string {
	const long = 64 << 10
	floods := map[string]string{
		"10,000 fields":      strings.Repeat("x: y\r\n", 10_000),
		"10,000 other names": manyNames(10_000),
		"20 MiB of fields":   strings.Repeat("x: "+strings.Repeat("y", 1017)+"\r\n", 20<<10),
		"20 MiB in a field":  "x: " + strings.Repeat("y", 20<<20) + "\r\n",
	}
	for _, name := range []string{"Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol", "Origin", "Connection", "X"} {
		floods["64 KiB of "+name] = name + ": " + strings.Repeat("a,", long/2) + "\r\n"
	}
	return floods
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x%d: y\r\n", i)
	}
	return b.String()
}

// sendAndHear writes all of it, as far as the other side takes it, and returns what that has to say.
func sendAndHear(nc net.Conn, all []byte) string {
	nc.SetDeadline(time.Now().Add(wstest.Patience))
	go func() {
		nc.Write(all)
		nc.(interface{ CloseWrite() error }).CloseWrite()
	}()
	heard, _ := io.ReadAll(nc) // a reset is an answer too
	return string(heard)
}

func TestAFloodOfHeadersTakesLittleOfAServer(t *testing.T) {
	wstest.NoLeaks(t)
	web := &http.Server{MaxHeaderBytes: 16 << 10, ReadHeaderTimeout: wstest.Patience, ErrorLog: log.New(io.Discard, "", 0),
		Handler: Handler(echo, nil)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go web.Serve(listener)
	defer web.Close()
	for name, flood := range floods() {
		request := []byte(strings.TrimSuffix(upgradeRequest(), "\r\n") + flood + "\r\n")
		t.Run("AcceptConn, "+name, func(t *testing.T) {
			address, result := listen(t, func(nc net.Conn) net.Conn { return nc })
			nc, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer nc.Close()
			start := time.Now()
			require.Less(t, wstest.Allocated(func() {
				sendAndHear(nc, request)
				requireRefused(t, (<-result).err, http.StatusRequestHeaderFieldsTooLarge)
			}), uint64(1<<20))
			require.Less(t, time.Since(start), wstest.Patience)
		})
		t.Run("net/http, "+name, func(t *testing.T) {
			nc, err := net.Dial("tcp", listener.Addr().String())
			require.NoError(t, err)
			defer nc.Close()
			start := time.Now()
			require.Less(t, wstest.Allocated(func() {
				require.NotContains(t, sendAndHear(nc, request), " 101 ")
			}), uint64(2<<20))
			require.Less(t, time.Since(start), wstest.Patience)
		})
	}
}

func TestAFloodOfHeadersTakesLittleOfAClient(t *testing.T) {
	wstest.NoLeaks(t)
	for name, flood := range floods() {
		t.Run(name, func(t *testing.T) {
			response := []byte(strings.TrimSuffix(upgraded, "\r\n") + flood + "\r\n")
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				nc, err := listener.Accept()
				if err != nil {
					return
				}
				defer nc.Close()
				sendAndHear(nc, response)
			}()
			start := time.Now()
			require.Less(t, wstest.Allocated(func() {
				_, _, err := Dial(t.Context(), "ws://"+listener.Addr().String(), nil)
				require.ErrorAs(t, err, new(*HandshakeError))
				<-done
			}), uint64(4<<20))
			require.Less(t, time.Since(start), wstest.Patience)
		})
	}
}

// TestASlowRequestIsCutByTheTimeoutsOfTheHTTPServer: before net/http has the whole header, nothing of this package is
// asked, so that its own timeouts do not help.
func TestASlowRequestIsCutByTheTimeoutsOfTheHTTPServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := pipe.Listen()
		server := &http.Server{Handler: Handler(echo, nil), ReadHeaderTimeout: time.Minute}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		drip := func() (slow []net.Conn) {
			for range 20 {
				nc, err := listener.Dial(t.Context(), "", "")
				require.NoError(t, err)
				_, err = io.WriteString(nc, upgradeRequest()[:40])
				require.NoError(t, err)
				slow = append(slow, nc)
			}
			return slow
		}
		requireCut := func(slow []net.Conn) {
			start := time.Now()
			for _, nc := range slow {
				_, err := io.ReadAll(nc)
				require.NoError(t, err, "the server closes it")
			}
			require.Equal(t, server.ReadHeaderTimeout, time.Since(start))
		}
		slow := drip()
		c, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: listener.Dial})
		require.NoError(t, err)
		defer c.CloseNow()
		requireEcho(t, c)
		requireCut(slow)
		requireCut(drip()) // in the meantime the server's timeout passes for the connection, too
		requireEcho(t, c)
		require.NoError(t, c.Close(StatusNormalClosure, ""))
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
}

// oneByOne is a net.Conn that reads one byte at a time, however many have arrived.
type oneByOne struct{ net.Conn }

func (c oneByOne) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(1, len(p))]) }

func (c oneByOne) CloseWrite() error { return c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// oneByOneListener makes connections read byte by byte.
type oneByOneListener struct{ net.Listener }

func (l oneByOneListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return oneByOne{nc}, nil
}

func TestAWholeSessionMayArriveByteByByte(t *testing.T) {
	wstest.NoLeaks(t)
	for name, compress := range map[string]*DeflateOptions{"plain": nil, "compressed": {MinSize: -1}} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(Handler(echo, &AcceptOptions{Deflate: compress}))
			server.Listener = oneByOneListener{server.Listener}
			server.Start()
			defer server.Close()
			c, _, err := Dial(t.Context(), server.URL, &DialOptions{Deflate: compress,
				NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
					nc, err := new(net.Dialer).DialContext(ctx, network, address)
					return oneByOne{nc}, err
				}})
			require.NoError(t, err)
			defer c.CloseNow()
			requireEcho(t, c)
			w, err := c.Writer(t.Context(), Binary)
			require.NoError(t, err)
			for range 10 {
				_, err = w.Write([]byte("a part"))
				require.NoError(t, err)
			}
			require.NoError(t, w.Close())
			_, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, strings.Repeat("a part", 10), string(data))
			idle := c.CloseRead(t.Context())
			ctx, cancel := context.WithTimeout(t.Context(), wstest.Patience)
			defer cancel()
			_, err = c.Ping(ctx)
			require.NoError(t, err)
			require.NoError(t, c.Close(StatusNormalClosure, "bye"))
			<-idle.Done()
		})
	}
}

// TestThousandsOfFramesMayComeWithTheHandshake: with the request to a server, with the response to a client.
func TestThousandsOfFramesMayComeWithTheHandshake(t *testing.T) {
	const frames = 2000
	session := func(role frame.Role) string {
		var b strings.Builder
		for i := range frames {
			b.WriteString(text(role, fmt.Sprint(i)))
		}
		return b.String()
	}
	read := func(t *testing.T, c *Conn) {
		t.Helper()
		defer c.CloseNow()
		for i := range frames {
			_, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(data))
		}
	}
	t.Run("server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client, _, result := acceptConn(t.Context(), nil)
			go io.WriteString(client, upgradeRequest()+session(frame.Client))
			got := <-result
			require.NoError(t, got.err)
			read(t, got.c)
		})
	})
	t.Run("client", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{NetDial: pretend(t, func(nc *wstest.End, r *http.Request) {
				io.WriteString(nc, answer(r)+session(frame.Server))
			})})
			require.NoError(t, err)
			read(t, c)
		})
	})
}

// ambiguous are requests that a proxy in front may understand in another way.
func ambiguous() map[string]string {
	without := func(line string) string { return strings.Replace(upgradeRequest(), line+"\r\n", "", 1) }
	key := "Sec-WebSocket-Key: " + testKey
	return map[string]string{
		"a length":                   upgradeRequest("Content-Length: 30"),
		"two lengths":                upgradeRequest("Content-Length: 0", "Content-Length: 30"),
		"a length and chunks":        upgradeRequest("Content-Length: 3", "Transfer-Encoding: chunked"),
		"chunks of unknown encoding": upgradeRequest("Transfer-Encoding: xchunked"),
		"two keys":                   upgradeRequest(key),
		"two keys in a line":         strings.Replace(upgradeRequest(), key, key+", "+testKey, 1),
		"a folded key":               strings.Replace(upgradeRequest(), key, key[:30]+"\r\n "+key[30:], 1),
		"a key with NUL":             strings.Replace(upgradeRequest(), key, key+"\x00", 1),
		"no key":                     without(key),
		"two versions":               upgradeRequest("Sec-WebSocket-Version: 8"),
		"two versions in a line":     strings.Replace(upgradeRequest(), "Version: 13", "Version: 13, 8", 1),
		"no version":                 without("Sec-WebSocket-Version: 13"),
		"no upgrade":                 without("Upgrade: websocket"),
		"no connection":              without("Connection: Upgrade"),
		"two hosts":                  upgradeRequest("Host: evil.example"),
		"a space before a colon":     upgradeRequest("X : y"),
		"a NUL in a name":            upgradeRequest("X\x00: y"),
		"a NUL in a value":           upgradeRequest("X: \x00"),
		"a bare CR in a value":       upgradeRequest("X: a\rY: b"),
		"a folded first field":       strings.Replace(upgradeRequest(), "Host:", " Host:", 1),
	}
}

// TestRequestsThatAreReadInTwoWaysAreRefused goes through net/http, which is more lenient than the parser of AcceptConn.
func TestRequestsThatAreReadInTwoWaysAreRefused(t *testing.T) {
	for name, request := range ambiguous() {
		t.Run(name, func(t *testing.T) {
			a := newAccepting(nil)
			heard := sendAndHear(rawConn(t, newServer(t, a)), []byte(request))
			require.Regexp(t, `^HTTP/1\.1 [45]\d\d `, heard)
			require.NotContains(t, heard, "HTTP/1.1 101")
			if len(a.err) > 0 { // net/http has let it through
				require.ErrorAs(t, <-a.err, new(*HandshakeError))
			}
		})
	}
}

// TestAcceptConnReadsNoOtherRequestBehindARefusal: a proxy that believes in the upgrade, because it does not look at the status,
// would hand on whatever a client sends, past its own rules about who may ask for what.
func TestAcceptConnReadsNoOtherRequestBehindARefusal(t *testing.T) {
	refused := strings.Replace(upgradeRequest(), "Version: 13", "Version: 7", 1)
	address, result := listen(t, func(nc net.Conn) net.Conn { return nc })
	nc, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer nc.Close()
	heard := sendAndHear(nc, []byte(refused+upgradeRequest()))
	requireRefused(t, (<-result).err, http.StatusUpgradeRequired)
	require.Equal(t, 1, strings.Count(heard, "HTTP/1.1 "))
	require.Contains(t, heard, "\r\nConnection: close\r\n")
}

func TestNothingThatACallerPassesBreaksALine(t *testing.T) {
	for _, bad := range []string{"\r\nSmuggled: x", "\nSmuggled: x", "\rSmuggled: x", "\x00Smuggled"} {
		evil := "a" + bad
		t.Run(fmt.Sprintf("Dial %q", bad), func(t *testing.T) {
			for name, c := range map[string]struct {
				url string
				o   DialOptions
			}{
				"scheme":       {"ws" + bad + "://example.com/", DialOptions{}},
				"host":         {"ws://" + evil + "/", DialOptions{}},
				"user":         {"ws://" + evil + "@example.com/", DialOptions{}},
				"port":         {"ws://example.com:80" + bad + "/", DialOptions{}},
				"path":         {"ws://example.com/" + evil, DialOptions{}},
				"query":        {"ws://example.com/?" + evil, DialOptions{}},
				"header name":  {"ws://example.com/", DialOptions{Header: http.Header{evil: {"x"}}}},
				"header value": {"ws://example.com/", DialOptions{Header: http.Header{"X": {"x", evil}}}},
				"Origin":       {"ws://example.com/", DialOptions{Header: http.Header{"Origin": {evil}}}},
				"Cookie":       {"ws://example.com/", DialOptions{Header: http.Header{"Cookie": {evil}}}},
				"Host":         {"ws://example.com/", DialOptions{Host: evil}},
				"subprotocol":  {"ws://example.com/", DialOptions{Subprotocols: []string{"x", evil}}},
			} {
				connected := false
				c.o.NetDial = func(context.Context, string, string) (net.Conn, error) {
					connected = true
					return nil, errors.New("connected")
				}
				_, _, err := Dial(t.Context(), c.url, &c.o)
				requireRefused(t, err, 0)
				require.False(t, connected, name)
			}
		})
		t.Run(fmt.Sprintf("AcceptConn %q", bad), func(t *testing.T) {
			refusal := &HandshakeError{Status: 403, Reason: evil, Header: http.Header{"X": {evil}, evil: {"x"}}}
			for name, o := range map[string]*AcceptOptions{
				"header name":  {Header: http.Header{evil: {"x"}}},
				"header value": {Header: http.Header{"X": {evil}}},
				"subprotocol":  {Subprotocols: []string{evil}},
				"a hook's choice": {SelectSubprotocol: func(*http.Request, []string) (string, error) {
					return evil, nil
				}},
				"a hook's error":    {SelectSubprotocol: func(*http.Request, []string) (string, error) { return "", refusal }},
				"an origin's error": {CheckOrigin: func(*http.Request) error { return refusal }},
			} {
				client, _, result := acceptConn(context.Background(), o)
				io.WriteString(client, upgradeRequest("Sec-WebSocket-Protocol: a"))
				heard := make(chan string)
				go func() { heard <- readHead(t, client) }()
				head := <-heard
				client.Close()
				require.ErrorAs(t, (<-result).err, new(*HandshakeError), name)
				require.NotContains(t, head, "Smuggled", name)
			}
		})
	}
}

// TestWhatIsEscapedStaysEscaped: what a URL may carry, but only in escapes, is not unescaped on the way.
func TestWhatIsEscapedStaysEscaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan *http.Request, 1)
		_, _, err := Dial(t.Context(), "ws://u%0d%0aX:p%0aY@example.com/%0d%0aSmuggled:%20x?%0d%0aSmuggled:x", &DialOptions{
			NetDial: pretend(t, func(nc *wstest.End, r *http.Request) { got <- r; nc.Close() })})
		requireRefused(t, err, 0)
		r := <-got
		require.Equal(t, "/%0d%0aSmuggled:%20x?%0d%0aSmuggled:x", r.RequestURI)
		require.Empty(t, r.Header["Smuggled"])
		user, password, ok := r.BasicAuth()
		require.True(t, ok)
		require.Equal(t, "u\r\nX p\nY", user+" "+password, "base64 hides line ends well enough")
	})
}

// stalledServer is a connection that a registry knows and whose writes have stopped for ever in the middle of a frame.
func stalledServer(t *testing.T, r *Registry) *Conn {
	near, client := wstest.Pipe(0)
	nc := wstest.Stall(near, len(upgraded)+100)
	io.WriteString(client, upgradeRequest())
	c, _, err := AcceptConn(context.Background(), nc, &AcceptOptions{Registry: r})
	require.NoError(t, err)
	readHead(t, client)
	require.NoError(t, c.Send(Binary, make([]byte, 1000)))
	<-nc.Stalled()
	return c
}

func TestAStalledWriterDoesNotHoldUpShutdown(t *testing.T) {
	for _, wait := range []time.Duration{time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			var r Registry
			for range 3 {
				stalledServer(t, &r)
			}
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
			require.Equal(t, wait, time.Since(start))
			require.Zero(t, r.Stats().Open)
		})
	}
}

func TestAStalledWriterHoldsUpNoPublisher(t *testing.T) {
	for _, policy := range []hub.Policy{hub.CloseSlow, hub.DropOldest, hub.DropNewest} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(&hub.Options{Policy: policy})
			stalled := stalledServer(t, nil)
			defer stalled.CloseNow()
			require.NoError(t, h.Subscribe(stalled, "news"))
			near, far := wstest.Pipe(0)
			client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
			defer client.CloseNow()
			defer server.CloseNow()
			require.NoError(t, h.Subscribe(server, "news"))
			start := time.Now()
			p := Prepare(Text, bytes.Repeat([]byte("n"), 1000))
			for range 2000 {
				require.NoError(t, h.Publish(t.Context(), "news", p))
				_, _, err := client.Read(t.Context())
				require.NoError(t, err)
			}
			require.Less(t, stalled.BufferedAmount(), int64(4*hub.Ahead))
			require.Less(t, time.Since(start), time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			h.Shutdown(ctx)
			require.LessOrEqual(t, time.Since(start), 2*time.Second)
		})
	}
}

// TestAcceptReadsNoOtherRequestBehindARefusal: a proxy that believes in the upgrade, because it does not look at the
// status, hands on whatever the client sends, past its own rules about who may ask for what.
func TestAcceptReadsNoOtherRequestBehindARefusal(t *testing.T) {
	for name, request := range map[string]string{
		"another version":  strings.Replace(upgradeRequest(), "Version: 13", "Version: 7", 1),
		"no key":           strings.Replace(upgradeRequest(), "Key", "Ke", 1),
		"a foreign origin": upgradeRequest("Origin: http://evil.example"),
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("/chat", Handler(echo, nil))
			mux.HandleFunc("/internal", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "secret") })
			heard := sendAndHear(rawConn(t, newServer(t, mux)), []byte(request+"GET /internal HTTP/1.1\r\nHost: a\r\n\r\n"))
			require.Equal(t, 1, strings.Count(heard, "HTTP/1.1 "), "%s", heard)
			require.NotContains(t, heard, "secret")
		})
	}
}
