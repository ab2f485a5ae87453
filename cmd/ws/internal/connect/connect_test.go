package connect

import (
	"bufio"
	"context"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/clitest"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
	"github.com/seed60239977/websocket/cmd/ws/internal/record"
	"github.com/seed60239977/websocket/cmd/ws/internal/show"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/websockettest"
)

func run(t *testing.T, stdin string, args ...string) clitest.Outcome {
	t.Helper()
	return clitest.Run(t.Context(), Command(), clitest.Words(stdin), args...)
}

func TestLinesAreSentAndMessagesPrinted(t *testing.T) {
	long := strings.Repeat("长", 100_000)
	url := clitest.Echoing(t).WS()
	got := run(t, "hello\n\n/stats\n//x\n你好 🚀\r\n"+long+"\nno end", url)
	require.Equal(t, clitest.Outcome{
		Stdout: "hello\n\n/stats\n//x\n你好 🚀\n" + long + "\nno end\n",
		Stderr: "ws: connected to " + url + "\n",
	}, got)
}

func TestBinaryIsPrintedAsAskedFor(t *testing.T) {
	url := clitest.Echoing(t).WS()
	dir := t.TempDir()
	for _, c := range []struct {
		args   []string
		stdout string
	}{
		{[]string{"-x", "\xff\x00"}, "\xff\x00"},
		{[]string{"-b", "-x", "ab", "-x", "cd"}, "abcd"},
		{[]string{"-b", "-x", "ab", "-binary", "base64"}, "YWI=\n"},
		{[]string{"-b", "-x", "ab", "-binary", "hex"},
			"binary, 2 bytes\n00000000  61 62                                             |ab|\n"},
		{[]string{"-b", "-x", "", "-binary", "hex"}, "binary, 0 bytes\n"},
		{[]string{"-b", "-x", "ab", "-binary", dir}, "binary, 2 bytes: " + filepath.Join(dir, "000001.bin") + "\n"},
		{[]string{"-0", "-x", "a\nb"}, "a\nb\x00"},
	} {
		require.Equal(t, clitest.Outcome{Stdout: c.stdout}, run(t, "", append(c.args, "-q", url)...), c.args)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "000001.bin"))
	require.NoError(t, err)
	require.Equal(t, "ab", string(kept))
}

func TestZeroBytesEndMessagesIfAskedFor(t *testing.T) {
	got := run(t, "a\nb\x00c\x00\x00end", "-0", "-q", clitest.Echoing(t).WS())
	require.Equal(t, clitest.Outcome{Stdout: "a\nb\x00c\x00\x00end\x00"}, got)
}

// telling is a server that sends some messages and then waits for the end.
func telling(t *testing.T, messages ...string) *clitest.Server {
	return clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		for _, m := range messages {
			c.Write(ctx, websocket.Text, []byte(m))
		}
		<-c.CloseRead(ctx).Done()
	})
}

func TestItEndsAfterSoManyMessages(t *testing.T) {
	s := telling(t, "a", "b", "c")
	stdin, _ := io.Pipe() // never ends
	got := clitest.Run(t.Context(), Command(), stdin, "-q", "-1", s.WS())
	require.Equal(t, clitest.Outcome{Stdout: "a\n"}, got)
	got = clitest.Run(t.Context(), Command(), stdin, "-q", "-count", "2", s.WS())
	require.Equal(t, clitest.Outcome{Stdout: "a\nb\n"}, got)
	require.Equal(t, clitest.Outcome{Stdout: "a\nb\nc\n"}, run(t, "", "-q", "-count", "3", s.WS()), "the end of the input does not matter")
}

func TestWhatIsWaitedForInVainHasAStatus(t *testing.T) {
	s := telling(t, "a")
	got := run(t, "", "-q", "-count", "2", "-w", "1ns", s.WS())
	clitest.RequireTry(t, got, cli.StatusTimeout, "did not come", "a longer -w")
	require.Equal(t, 0, run(t, "", "-q", "-w", "1ns", s.WS()).Status)
}

func TestAServerThatClosesTooEarlyHasAStatus(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Write(ctx, websocket.Text, []byte("a"))
		c.Close(websocket.StatusNormalClosure, "that was it")
	})
	got := run(t, "", "-q", "-count", "2", s.WS())
	require.Equal(t, "a\n", got.Stdout)
	got.Stdout = ""
	clitest.RequireTry(t, got, cli.StatusTimeout, "that was it", "-v")
	require.Equal(t, 0, run(t, "", "-q", "-1", s.WS()).Status)
}

// talking is a session on a connection in memory.
func talking(t *testing.T, o *options, lines ...string) (s *session, client, server *websocket.Conn) {
	s = &session{options: o, out: &show.Printer{Out: io.Discard, Notices: io.Discard}, in: given(lines)}
	s.enough, s.complete = context.WithCancel(t.Context())
	client, server = websockettest.Pair(t, &websockettest.Options{Buffer: 4 << 10})
	return s, client, server
}

func TestWhatTheServerDoesNotTakeIsCutWhenEnoughHasCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client, server := talking(t, &options{count: 1}, strings.Repeat("x", 1<<20))
		ended := make(chan error, 1)
		go func() { ended <- s.serve(t.Context(), client) }()
		synctest.Wait() // the server takes no more
		require.NoError(t, server.Write(t.Context(), websocket.Text, []byte("enough")))
		require.Error(t, <-ended)
		require.EqualValues(t, 1, s.received.Load())
	})
}

func TestAGreetingThatFailsIsNotSentTwice(t *testing.T) {
	s, client, _ := talking(t, &options{hello: []string{"hello"}}, "line")
	client.CloseNow()
	require.Error(t, s.serve(t.Context(), client))
	for _, e := range s.unsent {
		require.Equal(t, "line", string(e.data))
	}
}

func TestLinesAreCallsIfAskedFor(t *testing.T) {
	url := clitest.Echoing(t).WS()
	got := run(t, "eth_blockNumber\nadd 1, \"two\"\n/hex 01 fF 0\n list [1,2] \nm [1],[2]\nnamed {\"a\": 1}\n//\"q\n", "-jsonrpc", "-slash", "-q", url)
	require.Equal(t, `{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}
{"jsonrpc":"2.0","id":2,"method":"add","params":[1, "two"]}
{"jsonrpc":"2.0","id":3,"method":"list","params":[1,2]}
{"jsonrpc":"2.0","id":4,"method":"m","params":[[1],[2]]}
{"jsonrpc":"2.0","id":5,"method":"named","params":{"a": 1}}
{"jsonrpc":"2.0","id":6,"method":"/\"q","params":[]}
`, got.Stdout)
	require.Contains(t, got.Stderr, "odd length")
	require.Equal(t, 0, got.Status)
	for line, says := range map[string]string{"add one": "the parameters of add are not JSON: [one]", "": "the name of a method"} {
		clitest.RequireTry(t, run(t, "", "-jsonrpc", "-q", "-x", line, url), cli.StatusFailed, says, "METHOD 1")
	}
}

func TestBytesMayBeTyped(t *testing.T) {
	got := run(t, "/hex 00 fF7f\n/base64 AP8=\n/hex\n/base64 ?\n", "-slash", "-binary", "base64", "-q", clitest.Echoing(t).WS())
	require.Equal(t, "AP9/\nAP8=\n\n", got.Stdout)
	require.Contains(t, got.Stderr, "try /base64 Af8=")
}

func TestItStaysUntilTheServerClosesIfAskedFor(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		_, m, _ := c.Read(ctx)
		c.Write(ctx, websocket.Text, append([]byte("late "), m...))
		c.Close(4321, "enough")
	})
	got := run(t, "x\n", "-q", "-n", s.WS())
	require.Equal(t, "late x\n", got.Stdout)
	require.Equal(t, 4, got.Status)
	require.Contains(t, got.Stderr, "enough")
}

func TestTheExitStatusTellsTheCloseCode(t *testing.T) {
	for code, status := range map[websocket.StatusCode]int{1000: 0, 1001: 101, 1011: 111, 1013: 113, 3000: 3, 4999: 4} {
		s := clitest.Serve(t, (*httptest.Server).Start, nil, func(_ context.Context, c *websocket.Conn) { c.Close(code, "") })
		require.Equal(t, status, run(t, "", "-q", "-n", s.WS()).Status, code)
	}
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(_ context.Context, c *websocket.Conn) { c.CloseNow() })
	require.Equal(t, 106, run(t, "", "-q", "-n", s.WS()).Status)
}

func TestInterruptingGoesAway(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.Read(ctx) // the client has the connection, then
		interrupt()
		_, _, err := c.Read(ctx)
		ended <- err
	})
	stdin, typed := io.Pipe()
	go io.WriteString(typed, "x\n")
	require.Equal(t, clitest.Outcome{}, clitest.Run(ctx, Command(), stdin, "-q", s.WS()))
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(<-ended))
}

func TestFlagsShapeTheRequest(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).Start, &websocket.AcceptOptions{
		Subprotocols: []string{"b"}, Deflate: &websocket.DeflateOptions{}, AllowedOrigins: []string{"a.example"},
	}, clitest.Echo)
	got := run(t, strings.Repeat("x", 1000), s.WS()+"/path", "-H", "X-A: 1", "-H", "x-a:2", "-H", "Host: virtual.example", "-s", "a", "-s", "b",
		"-compress", "notakeover", "-cookie", "c=1", "-cookie", "d=2", "-u", "me:secret", "-origin", "https://a.example")
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Equal(t, strings.Repeat("x", 1000)+"\n", got.Stdout)
	require.Regexp(t, `^ws: connected to ws://[^,]+, subprotocol b, extensions permessage-deflate;[^\n]*no_context_takeover[^\n]*\n$`, got.Stderr)
	r := <-s.Requests
	require.Equal(t, []string{"1", "2"}, r.Header["X-A"])
	require.Equal(t, "virtual.example", r.Host)
	require.Equal(t, "/path", r.URL.Path)
	require.Equal(t, "a, b", r.Header.Get("Sec-WebSocket-Protocol"))
	require.Equal(t, "c=1; d=2", r.Header.Get("Cookie"))
	require.Equal(t, "Basic bWU6c2VjcmV0", r.Header.Get("Authorization"))
	require.Contains(t, r.Header.Get("Sec-WebSocket-Extensions"), "client_no_context_takeover")

	run(t, "", "-compress", "takeover", s.URL)
	r = <-s.Requests
	require.NotContains(t, r.Header.Get("Sec-WebSocket-Extensions"), "no_context_takeover")
	require.Empty(t, r.Header.Get("Authorization"))

	secrets := map[string]string{"WS_PASSWORD": "p:w", "WS_TOKEN": "tok"}
	clitest.RunWith(t.Context(), Command(), secrets, clitest.Words(""), "-u", "me", s.URL)
	require.Equal(t, "Basic bWU6cDp3", (<-s.Requests).Header.Get("Authorization"))
	clitest.RunWith(t.Context(), Command(), secrets, clitest.Words(""), "-bearer", "-", s.URL)
	require.Equal(t, "Bearer tok", (<-s.Requests).Header.Get("Authorization"))
	run(t, "", "-bearer", "given", s.URL)
	require.Equal(t, "Bearer given", (<-s.Requests).Header.Get("Authorization"))
}

func TestVerboseShowsTheHandshakeAndPings(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		c.SendPing([]byte("p"))
		c.SendPong([]byte("q"))
		c.Close(websocket.StatusNormalClosure, "")
	})
	got := run(t, "", "-v", "-n", s.WS())
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Contains(t, got.Stderr, "ws: Upgrade: websocket\n")
	require.Contains(t, got.Stderr, "ws: ping \"p\"\nws: pong \"q\"\n")
}

func TestCertificatesAreCheckedAndShown(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).StartTLS, nil, clitest.Echo)
	got := run(t, "", s.URL)
	clitest.RequireTry(t, got, cli.StatusFailed, "certificate", "-k to trust anybody")
	require.Equal(t, clitest.Outcome{Stdout: "hello\n"}, run(t, "hello", "-q", "-k", s.URL))

	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	require.NoError(t, os.WriteFile(file, block, 0o600))
	require.Equal(t, clitest.Outcome{Stdout: "hello\n"}, run(t, "hello", "-q", "-cacert", file, s.URL))
	require.Equal(t, clitest.Outcome{Stdout: "hello\n"}, run(t, "hello", "-q", "-cacert", file, "-sni", "example.com", s.URL))
	clitest.RequireTry(t, run(t, "", "-cacert", file, "-sni", "wrong.example", s.URL), cli.StatusFailed, "wrong.example", "-sni example.com")
	clitest.RequireTry(t, run(t, "", strings.Replace(s.URL, "https", "ws", 1)), cli.StatusFailed, "400", "wss://")
	plain := clitest.Echoing(t)
	clitest.RequireTry(t, run(t, "", strings.Replace(plain.URL, "http", "wss", 1)), cli.StatusFailed, "tls", "ws:// in place of wss://")
}

func TestKeysThatCannotBeReadAreExplained(t *testing.T) {
	dir := t.TempDir()
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: clitest.Serve(t, (*httptest.Server).StartTLS, nil, clitest.Echo).Certificate().Raw})
	for name, text := range map[string]string{
		"pkcs8.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"old.pem":   "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAA=\n-----END RSA PRIVATE KEY-----\n",
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, append([]byte(text), cert...), 0o600))
		clitest.RequireTry(t, run(t, "", "-cert", file, "ws://a"), cli.StatusUsage, "-cert", "openssl pkey -in "+file)
	}
	file := filepath.Join(dir, "c.p12")
	require.NoError(t, os.WriteFile(file, []byte("\x30"), 0o600))
	clitest.RequireTry(t, run(t, "", "-cert", file, "ws://a"), cli.StatusUsage, "-cert", "openssl pkcs12 -in "+file)
}

func TestUnixSocketsAreDialed(t *testing.T) {
	path := wstest.SocketPath(t)
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	asked := make(chan string, 2)
	upgrade := websocket.Handler(clitest.Echo, nil)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host + r.RequestURI
		upgrade.ServeHTTP(w, r)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	require.Equal(t, clitest.Outcome{Stdout: "a\n"}, run(t, "a", "-q", "-unix", path, "ws://name/x"))
	require.Equal(t, "name/x", <-asked)
	require.Equal(t, clitest.Outcome{Stdout: "a\n"}, run(t, "a", "-q", "ws+unix:"+path+":/y?z=1"))
	require.Equal(t, "localhost/y?z=1", <-asked)
	server.Close()
	<-served
	clitest.RequireTry(t, run(t, "a", "-q", "-unix", path, "ws://name/x"), cli.StatusFailed, "no such file", "the path is wrong")
}

func TestAProxyIsUsedWhenAskedFor(t *testing.T) {
	s := clitest.Echoing(t)
	asked := make(chan *http.Request, 1)
	var relays sync.WaitGroup
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		relays.Add(1)
		defer relays.Done()
		asked <- r
		there, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		relays.Go(func() {
			io.Copy(there, here)
			there.Close()
		})
		io.Copy(here, there)
		here.Close()
	}))
	defer relays.Wait()
	defer proxy.Close()
	via := strings.Replace(proxy.URL, "://", "://me:secret@", 1)
	require.Equal(t, clitest.Outcome{Stdout: "hello\n"}, run(t, "hello", "-q", "-proxy", via, "ws://far.example/"))
	r := <-asked
	require.Equal(t, "far.example:80", r.Host)
	require.Equal(t, "Basic bWU6c2VjcmV0", r.Header.Get("Proxy-Authorization"))
	require.Equal(t, clitest.Outcome{Stdout: "hello\n"}, run(t, "hello", "-q", "-proxy", "off", s.URL))
	require.Empty(t, asked)
}

func TestAnUnreadableInputAndAnUnwritableOutputAreErrors(t *testing.T) {
	s := clitest.Echoing(t)
	got := run(t, strings.Repeat("x", 101), "-q", "-max-message", "100", s.WS())
	clitest.RequireTry(t, got, cli.StatusFailed, "cannot read the input: a line is longer than 100 bytes", "-max-message")

	broken, write := io.Pipe()
	broken.Close()
	var stderr strings.Builder
	env := &cli.Env{Stdin: clitest.Words("a\nb\n"), Stdout: write, Stderr: &stderr, Getenv: func(string) string { return "" }}
	require.Equal(t, cli.StatusFailed, clitest.Program(Command()).Run(t.Context(), []string{"connect", "-q", s.WS()}, env))
	require.Contains(t, stderr.String(), "cannot write the output")
}

func TestARecordingHasEverything(t *testing.T) {
	s := clitest.Serve(t, (*httptest.Server).Start, &websocket.AcceptOptions{Subprotocols: []string{"p"}}, func(ctx context.Context, c *websocket.Conn) {
		c.SendPing([]byte("ping"))
		c.Write(ctx, websocket.Binary, []byte{0xff})
		typ, m, _ := c.Read(ctx)
		c.Write(ctx, typ, m)
		c.Close(4000, "done")
	})
	file := filepath.Join(t.TempDir(), "r.jsonl")
	url := strings.Replace(s.WS(), "://", "://me:secret@", 1)
	got := run(t, "", "-json", "-q", "-n", "-s", "p", "-record", file, "-x", "<hi>", url)
	require.Equal(t, 4, got.Status)
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, text := range []string{got.Stdout, string(kept)} {
		require.NotContains(t, text, "secret")
		require.Contains(t, text, "<hi>")
		all, err := record.Read(strings.NewReader(text))
		require.NoError(t, err)
		var said []string
		for i, e := range all {
			require.False(t, e.Time.IsZero())
			if i > 0 {
				require.False(t, e.Time.Before(all[i-1].Time))
			}
			_, data, err := e.Payload()
			require.NoError(t, err)
			said = append(said, strings.Join(strings.Fields(e.Type+" "+e.Dir+" "+string(data)+e.Subprotocol+e.Reason), " "))
		}
		require.ElementsMatch(t, []string{"open p", "ping in ping", "binary in \xff", "text out <hi>", "text in <hi>", "close done"}, said)
	}
}

func TestItComesBackAndGoesOnWhereItWas(t *testing.T) {
	heard := make(chan string, 10)
	s := clitest.Serve(t, (*httptest.Server).Start, nil, func(ctx context.Context, c *websocket.Conn) {
		_, hello, _ := c.Read(ctx)
		heard <- string(hello)
		if len(heard) == 1 {
			c.Write(ctx, websocket.Text, []byte(`{"no":"seq"}`))
			c.Write(ctx, websocket.Text, []byte(`{"at":{"seq":"a7"}}`))
			c.Close(websocket.StatusServiceRestart, "")
			return
		}
		c.Write(ctx, websocket.Text, []byte("bye"))
		c.Close(websocket.StatusNormalClosure, "")
	})
	stdin, _ := io.Pipe()
	got := clitest.Run(t.Context(), Command(), stdin, "-reconnect", "-resume", "at.seq", "-hello", `{"after":{{last}}}`, s.WS())
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Equal(t, "{\"no\":\"seq\"}\n{\"at\":{\"seq\":\"a7\"}}\nbye\n", got.Stdout)
	require.Regexp(t, `1012.*; connecting again in `, got.Stderr)
	require.Equal(t, `{"after":null}`, <-heard)
	require.Equal(t, `{"after":"a7"}`, <-heard)
}

func TestSlashCommandsWorkInAPipeIfAskedFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	got := run(t, "/ping\n/text "+file+"\n/binary "+file+"\n/stats\n/pong x\n/pnig\n/nonsense\n//slash\n/\n/binary\n/close nan\n/help\n",
		"-slash", clitest.Echoing(t).WS())
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Equal(t, "content\ncontent/slash\n/\n", got.Stdout)
	for _, says := range []string{
		"pong after ", "sending 7 bytes of " + file, "sent 2 messages, 14 bytes; received ", "no command is called /pnig; try /ping",
		"try /help, or //nonsense", "the name of a file is missing", `"nan" is no code`, "/stats", "/binary FILE",
	} {
		require.Contains(t, got.Stderr, says)
	}
	require.Equal(t, 0, run(t, "/close 4001 a reason\nnot sent\n", "-slash", "-q", "-n", clitest.Echoing(t).WS()).Status)
}

func TestHTTP2IsUsedWhenAskedFor(t *testing.T) {
	s := clitest.Serve(t, func(s *httptest.Server) {
		s.EnableHTTP2 = true
		s.StartTLS()
	}, nil, clitest.Echo)
	got := run(t, "hello", "-http2", "-k", s.URL)
	require.Equal(t, 0, got.Status, got.Stderr)
	require.Equal(t, "hello\n", got.Stdout)
	require.Contains(t, got.Stderr, ", HTTP/2")
	require.Equal(t, "HTTP/2.0", (<-s.Requests).Proto)
}

func TestAPortAloneIsOneOfThisMachine(t *testing.T) {
	for typed, want := range map[string]string{
		"8080": "ws://localhost:8080", ":8080": "ws://localhost:8080", "80/path?q": "ws://localhost:80/path?q", ":80/": "ws://localhost:80/",
		"8080.example": "ws://8080.example", "a:8080": "ws://a:8080", "[::1]:80": "ws://[::1]:80", "wss://a/8080": "wss://a/8080",
	} {
		got, _, err := dial.URL(typed)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestARedirectIsFollowedWhenAskedFor(t *testing.T) {
	s := clitest.Echoing(t)
	moved := httptest.NewServer(http.RedirectHandler(s.URL+"/there", http.StatusFound))
	defer moved.Close()
	clitest.RequireTry(t, run(t, "", moved.URL), cli.StatusFailed, "302", "-redirects 5")
	require.Equal(t, clitest.Outcome{Stdout: "a\n"}, run(t, "a", "-q", "-redirects", "1", moved.URL))
	require.Equal(t, "/there", (<-s.Requests).URL.Path)
}

func TestWrongCommandLinesAreExplained(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, c := range []struct {
		args      []string
		says, try string
	}{
		{nil, "URL is missing", "ws connect ws://localhost:8080/"},
		{[]string{"ws://a", "ws://b"}, `unexpected argument "ws://b"`, "quotes"},
		{[]string{"-nonsense", "ws://a"}, "no flag -nonsense", "ws connect -h"},
		{[]string{"-compres", "off", "ws://a"}, "no flag -compres", "-compress"},
		{[]string{"-H", "no colon", "ws://a"}, "there is no colon", ""},
		{[]string{"-cookie", "nothing", "ws://a"}, "there is no =", ""},
		{[]string{"-compress", "zip", "ws://a"}, `not "zip"`, "takeover"},
		{[]string{"-max-message", "0", "ws://a"}, "-max-message", "-max-message"},
		{[]string{"-ping", "-1s", "ws://a"}, "-ping", "-ping 30s"},
		{[]string{"-ping", "soon", "ws://a"}, "-ping", "ws connect -h"},
		{[]string{"-proxy", "somewhere", "ws://a"}, "-proxy", "-proxy off"},
		{[]string{"-proxy", "http://me:secret@a b", "ws://a"}, "-proxy", "-proxy off"},
		{[]string{"-cacert", "no/such/file", "ws://a"}, "no/such/file", ""},
		{[]string{"-cacert", empty, "ws://a"}, "no certificate", "BEGIN CERTIFICATE"},
		{[]string{"-cert", empty, "ws://a"}, "-cert", "openssl"},
		{[]string{"-key", empty, "ws://a"}, "-key needs -cert", "-cert FILE"},
		{[]string{"-count", "-2", "ws://a"}, "-count", "-count 1"},
		{[]string{"-w", "-2s", "ws://a"}, "-w", "-w 5s"},
		{[]string{"-n", "-w", "2s", "ws://a"}, "exclude", "one of them"},
		{[]string{"-color", "blue", "ws://a"}, "-color", "-color never"},
		{[]string{"-resume", "x", "ws://a"}, "-resume", "-reconnect"},
		{[]string{"-binary", "hax", "ws://a"}, "-binary", "./hax"},
		{[]string{"ftp://a"}, "scheme ftp", "ws:// or wss://"},
		{[]string{"ws+unix:"}, "no path", "ws+unix:/run"},
		{[]string{"ws://me:secret@a b"}, "no URL", "ws://localhost"},
	} {
		got := run(t, "", c.args...)
		if c.try == "" {
			require.Equal(t, cli.StatusUsage, got.Status)
			require.Contains(t, got.Stderr, c.says)
		} else {
			clitest.RequireTry(t, got, cli.StatusUsage, c.says, c.try)
		}
		require.Empty(t, got.Stdout)
		require.NotContains(t, got.Stderr, "secret")
	}
	clitest.RequireTry(t, run(t, "", "-record", "no/such/dir/x", "ws://a"), cli.StatusFailed, "no/such/dir", "-record with a file")
}

func TestRefusalsAreExplained(t *testing.T) {
	answer := func(status int, fields ...string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "members only\x1b[2J\nask at the door", status)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	for status, try := range map[int]string{
		200: "a page, not a WebSocket", 400: "-H and -s", 401: "-u user:password", 403: "-origin http://127.0.0.1", 404: "another path",
		405: "another path", 407: "-proxy http://", 426: "another path", 429: "again later", 500: "the log", 503: "again later",
	} {
		clitest.RequireTry(t, run(t, "", answer(status)), cli.StatusFailed, "members only␛[2J", try)
	}

	gone := httptest.NewServer(nil)
	gone.Close()
	clitest.RequireTry(t, run(t, "", gone.URL), cli.StatusFailed, "refused", "whether the server runs")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	dropped := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			bufio.NewReader(c).ReadString('\n')
			c.Close()
		}
		dropped <- err
	}()
	clitest.RequireTry(t, run(t, "", "ws://"+l.Addr().String()), cli.StatusFailed, "", "wss:// in place of ws://")
	require.NoError(t, <-dropped)
	clitest.RequireTry(t, run(t, "", "-timeout", "1ns", "ws://"+l.Addr().String()), cli.StatusFailed, "", "-timeout")
}
