package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/websockettest"
)

// A program is a run of the server.
type program struct {
	t      *testing.T
	addr   string
	stop   context.CancelFunc // what SIGTERM does
	status chan int
	stderr bytes.Buffer // once there is a status
	says   string       // what stderr is to be
}

// starter runs the server with more flags.
type starter func(t *testing.T, args ...string) *program

// onBoth runs a test with each of the engines.
func onBoth(t *testing.T, test func(t *testing.T, start starter)) {
	for _, engine := range []string{"goroutine", "event"} {
		t.Run(engine, func(t *testing.T) {
			test(t, func(t *testing.T, args ...string) *program {
				t.Helper()
				return start(t, append([]string{"-engine", engine}, args...)...)
			})
		})
	}
}

// start runs the server on a free port until the end of the test.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &program{t: t, stop: stop, status: make(chan int, 1)}
	stdout, end := io.Pipe()
	go func() {
		p.status <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), end, &p.stderr)
		end.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^listening on 127\.0\.0\.1:[1-9][0-9]*\n$`, line)
	p.addr = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	if slices.Contains(args, "event") && slices.Contains(args, "-tls-cert") {
		p.says = "-engine event: with TLS each connection has a goroutine all the same\n"
	}
	t.Cleanup(p.terminate)
	return p
}

// terminate stops the server, which has to end well. It may be called more than once.
func (p *program) terminate() {
	p.t.Helper()
	p.stop()
	status := <-p.status
	p.status <- status
	require.Zero(p.t, status)
	require.Equal(p.t, p.says, p.stderr.String())
}

// dial connects to the server.
func (p *program) dial(o *websocket.DialOptions) (*websocket.Conn, *http.Response) {
	p.t.Helper()
	c, resp, err := websocket.Dial(p.t.Context(), "ws://"+p.addr+"/some/path?and=query", o)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { c.CloseNow() })
	return c, resp
}

// requireEcho sends messages and asks for the same to come back.
func requireEcho(t *testing.T, c *websocket.Conn) {
	t.Helper()
	for _, m := range []websocket.Message{
		{Type: websocket.Text, Data: []byte("hello")},
		{Type: websocket.Text, Data: []byte("你好 🚀")},
		{Type: websocket.Text, Data: []byte{}},
		{Type: websocket.Binary, Data: bytes.Repeat([]byte{0, 0xff}, 100_000)},
	} {
		require.NoError(t, c.Write(t.Context(), m.Type, m.Data))
		typ, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, m.Type, typ)
		require.True(t, bytes.Equal(m.Data, data), "%d bytes came back as %d others", len(m.Data), len(data))
	}
}

// closed reads c to its end.
func closed(t *testing.T, c *websocket.Conn) *websocket.CloseError {
	t.Helper()
	for _, err := range c.Messages(t.Context()) {
		if err != nil {
			var end *websocket.CloseError
			require.ErrorAs(t, err, &end)
			return end
		}
	}
	return nil
}

func TestMessagesComeBack(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		p := start(t)
		c, resp := p.dial(nil)
		require.Empty(t, resp.Header.Get("Sec-WebSocket-Extensions"))
		requireEcho(t, c)
		require.NoError(t, c.Close(3000, "that was it"))
	})
}

func TestAMessageInManyFramesComesBackInOne(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		c, _ := start(t).dial(nil)
		w, err := c.Writer(t.Context(), websocket.Binary)
		require.NoError(t, err)
		const length = 3 * websocket.DefaultFragmentSize
		_, err = w.Write(make([]byte, length))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		header := make([]byte, 10)
		_, err = io.ReadFull(c.NetConn(), header)
		require.NoError(t, err)
		require.Equal(t, []byte{0x82, 126, length >> 8, 0}, header[:4]) // FIN, binary, and all of the length
	})
}

func TestASubprotocolIsAgreedOnIfItIsOffered(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		p := start(t)
		for _, c := range []struct {
			offered []string
			agreed  string
		}{{nil, ""}, {[]string{"chat"}, ""}, {[]string{"echo.v1"}, "echo.v1"}, {[]string{"chat", "echo.v1"}, "echo.v1"}} {
			ws, _ := p.dial(&websocket.DialOptions{Subprotocols: c.offered})
			require.Equal(t, c.agreed, ws.Subprotocol())
		}
	})
}

func TestCompressionIsAgreedOnAsTheFlagSays(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		const both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
		for mode, answers := range map[string]map[string]string{
			"off": {"permessage-deflate": "", both: ""},
			"notakeover": {
				both:                 both,
				"permessage-deflate": both,
				"x-unknown, permessage-deflate; client_max_window_bits": both,
				"x-unknown": "",
			},
			"takeover": {
				"permessage-deflate":                              "permessage-deflate",
				"permessage-deflate; client_max_window_bits":      "permessage-deflate",
				"permessage-deflate; client_no_context_takeover":  "permessage-deflate; client_no_context_takeover",
				"permessage-deflate; server_no_context_takeover":  "permessage-deflate; server_no_context_takeover",
				"permessage-deflate; server_max_window_bits=7":    "",
				"permessage-deflate; server_max_window_bits=9":    "permessage-deflate; server_max_window_bits=9",
				"permessage-deflate; unknown, permessage-deflate": "permessage-deflate",
			},
		} {
			p := start(t, "-compress", mode)
			for offer, want := range answers {
				require.Equal(t, want, p.answerTo(offer), "%s: %s", mode, offer)
			}
			c, _ := p.dial(&websocket.DialOptions{Deflate: &websocket.DeflateOptions{}})
			requireEcho(t, c)
			require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
		}
	})
}

// answerTo returns which extensions the server agrees to when a client offers these.
func (p *program) answerTo(offer string) string {
	p.t.Helper()
	nc, err := net.Dial("tcp", p.addr)
	require.NoError(p.t, err)
	defer nc.Close()
	_, err = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: "+p.addr+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: "+offer+"\r\n\r\n")
	require.NoError(p.t, err)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	require.NoError(p.t, err)
	require.Equal(p.t, http.StatusSwitchingProtocols, resp.StatusCode)
	return resp.Header.Get("Sec-WebSocket-Extensions")
}

func TestAMessageThatIsTooLongIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		c, _ := start(t, "-max-message", "5").dial(nil)
		require.NoError(t, c.Write(t.Context(), websocket.Text, []byte("12345")))
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "12345", string(data))
		require.NoError(t, c.Write(t.Context(), websocket.Text, []byte("123456")))
		require.Equal(t, websocket.StatusMessageTooBig, closed(t, c).Code)
	})
}

func TestABroadcastReachesEverybody(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		p := start(t, "-mode", "broadcast")
		var all []*websocket.Conn
		for range 3 {
			c, _ := p.dial(nil)
			require.NoError(t, c.Write(t.Context(), websocket.Text, []byte("here"))) // it has joined once this comes back
			_, _, err := c.Read(t.Context())
			require.NoError(t, err)
			all = append(all, c)
		}
		for i, c := range all[:2] { // who joined early heard the others join
			for range 2 - i {
				_, data, err := c.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, "here", string(data))
			}
		}
		require.NoError(t, all[1].Write(t.Context(), websocket.Binary, []byte("to all")))
		for _, c := range all {
			typ, data, err := c.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, websocket.Binary, typ)
			require.Equal(t, "to all", string(data))
		}
	})
}

// TestABroadcastWaitsForNobody runs in fake time, since who is too slow has only so much of it to hear that.
func TestABroadcastWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(options{broadcast: true})
		join := func() *websocket.Conn {
			client, server := websockettest.Pair(t, nil)
			go s.serve(context.Background(), server)
			require.NoError(t, client.Write(t.Context(), websocket.Text, []byte("here"))) // it has joined once this comes back
			_, _, err := client.Read(t.Context())
			require.NoError(t, err)
			return client
		}
		stuck, talker := join(), join()
		start := time.Now()
		for range 300 { // far more than all buffers between the server and the one that is stuck
			require.NoError(t, talker.Write(t.Context(), websocket.Binary, make([]byte, 64<<10)))
			_, _, err := talker.Read(t.Context())
			require.NoError(t, err)
		}
		require.Less(t, time.Since(start), time.Second)
		end := closed(t, stuck)
		require.Equal(t, websocket.StatusPolicyViolation, end.Code)
		require.Equal(t, "too slow", end.Reason)
		go talker.Close(websocket.StatusNormalClosure, "")
		s.close()
	})
}

func TestEverybodyElseGetsThePage(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		p := start(t)
		for method, status := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "DELETE": 405} {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.addr+"/any/path", nil)
			require.NoError(t, err)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			resp.Body.Close()
			require.Equal(t, status, resp.StatusCode, method)
			switch method {
			case "GET":
				require.Equal(t, string(page), string(body))
				require.Contains(t, string(body), "new WebSocket(")
				require.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
			case "HEAD":
				require.Empty(t, body)
			default:
				require.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))
			}
		}
	})
}

func TestAnUpgradeThatIsNoneIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		p := start(t)
		for _, header := range []http.Header{{"Upgrade": {"h2c"}, "Connection": {"Upgrade"}}, {"Upgrade": {"websocket"}}} {
			req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.addr, nil)
			require.NoError(t, err)
			req.Header = header
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			resp.Body.Close()
			require.GreaterOrEqual(t, resp.StatusCode, 400)
		}
		_, resp, err := websocket.Dial(t.Context(), "ws://"+p.addr, &websocket.DialOptions{
			Header: http.Header{"Origin": {"https://elsewhere.example"}}})
		require.Error(t, err)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
	})
}

// certificate writes a certificate and its key to files.
func certificate(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(nil) // which comes with one for 127.0.0.1
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return file
	}
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return write("cert.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "PRIVATE KEY", key), roots
}

func TestTheServerSpeaksTLS(t *testing.T) {
	onBoth(t, func(t *testing.T, start starter) {
		cert, key, roots := certificate(t)
		p := start(t, "-tls-cert", cert, "-tls-key", key)
		c, _, err := websocket.Dial(t.Context(), "wss://"+p.addr, &websocket.DialOptions{TLSConfig: &tls.Config{RootCAs: roots}})
		require.NoError(t, err)
		requireEcho(t, c)

		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		resp, err := client.Get("https://" + p.addr)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, 1, resp.ProtoMajor, "there is no upgrade in HTTP/2")

		p.stop()
		require.Equal(t, websocket.StatusGoingAway, closed(t, c).Code)
		p.terminate()
	})
}
