package websocket

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/handshake"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestDialSendsAProxyTheHeaderForIt(t *testing.T) {
	server := newServer(t, Handler(echo, nil))
	for name, c := range map[string]struct {
		header, more, want http.Header
	}{
		"none": {nil, nil, http.Header{
			"User-Agent": {handshake.DefaultUserAgent}, "Proxy-Authorization": {"Basic bWU6c2VjcmV0"}}},
		"fields": {http.Header{"X-Tenant": {"a", "b"}, "user-agent": {"mine"}}, nil, http.Header{
			"User-Agent": {"mine"}, "Proxy-Authorization": {"Basic bWU6c2VjcmV0"}, "X-Tenant": {"a", "b"}}},
		"other credentials": {http.Header{"Proxy-Authorization": {"Bearer x"}, "User-Agent": {""}}, nil, http.Header{
			"Proxy-Authorization": {"Bearer x"}}},
		"a hook": {http.Header{"X": {"1"}, "Y": {"1"}}, http.Header{"y": {"2"}, "Z": {"2"}}, http.Header{
			"User-Agent": {handshake.DefaultUserAgent}, "Proxy-Authorization": {"Basic bWU6c2VjcmV0"},
			"X": {"1"}, "Y": {"2"}, "Z": {"2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFakeProxy(t, server, "")
			p.anyUser = true
			address, _ := proxyKinds["http"](t, p)
			via := p.url("http", address, "me:secret")
			o := &DialOptions{Proxy: http.ProxyURL(via), ProxyHeader: c.header}
			if c.more != nil {
				o.ProxyConnectHeader = func(ctx context.Context, proxy *url.URL, target string, challenge *http.Response) (http.Header, error) {
					require.Equal(t, via, proxy)
					require.Equal(t, "example.com:80", target)
					require.Nil(t, challenge)
					return c.more, nil
				}
			}
			ws, _, err := Dial(t.Context(), "ws://example.com", o)
			require.NoError(t, err)
			require.NoError(t, ws.Close(StatusNormalClosure, ""))
			require.Equal(t, c.want, (<-p.requests).Header)
		})
	}
}

func TestDialRefusesAHeaderForAProxyThatCannotBeSent(t *testing.T) {
	for name, h := range map[string]http.Header{
		"CRLF":      {"X": {"a\r\nY: z"}},
		"LF":        {"X": {"a\nY: z"}},
		"NUL":       {"X": {"\x00"}},
		"a name":    {"X\r\nY": {"a"}},
		"no name":   {"": {"a"}},
		"a host":    {"host": {"a"}},
		"a body":    {"Content-Length": {"1"}},
		"an option": {"Connection": {"close"}},
	} {
		t.Run(name, func(t *testing.T) {
			via := http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"})
			_, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{Proxy: via, NetDial: never, ProxyHeader: h})
			require.NotContains(t, requireRefused(t, err, 0).Error(), "connected")
			require.NotContains(t, err.Error(), "\n")
			_, _, err = Dial(t.Context(), "ws://example.com", &DialOptions{Proxy: via, NetDial: never,
				ProxyConnectHeader: func(context.Context, *url.URL, string, *http.Response) (http.Header, error) { return h, nil }})
			require.NotContains(t, requireRefused(t, err, 0).Error(), "connected")
		})
	}
}

// challenging is a proxy's end of a network of pipes: it answers each CONNECT with the next answer, and counts connections.
type challenging struct {
	t      *testing.T
	dialed int

	mu      sync.Mutex // an end that the client has left may still be at work
	answers []string
	asked   []string // Proxy-Authorization of each CONNECT
}

// left reports whether there are more answers.
func (p *challenging) left() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.answers) > 0
}

// next returns the answer to a CONNECT.
func (p *challenging) next(r *http.Request) (answer string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, r.Header.Get("Proxy-Authorization"))
	answer, p.answers = p.answers[0], p.answers[1:]
	return answer
}

func (p *challenging) dial(context.Context, string, string) (net.Conn, error) {
	p.dialed++
	near, far := wstest.Pipe(0)
	go func() {
		defer far.Close()
		br := bufio.NewReader(far)
		for p.left() {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			next := p.next(r)
			io.WriteString(far, next)
			if strings.Contains(next, "close") {
				return
			}
		}
		if r, err := http.ReadRequest(br); err == nil {
			io.WriteString(far, answer(r))
			io.Copy(io.Discard, br)
		}
	}()
	return near, nil
}

const (
	needsAuth  = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate abc\r\n"
	tunnelOpen = "HTTP/1.1 200 OK\r\n\r\n"
)

func TestDialAnswersTheChallengesOfAProxy(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		dialed  int
		body    string
	}{
		"on the same connection":   {[]string{needsAuth + "Content-Length: 2\r\n\r\nno", tunnelOpen}, 1, "no"},
		"behind chunks":            {[]string{needsAuth + "Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", tunnelOpen}, 1, "no"},
		"more than once":           {[]string{needsAuth + "Content-Length: 0\r\n\r\n", needsAuth + "Content-Length: 0\r\n\r\n", tunnelOpen}, 1, ""},
		"that closes":              {[]string{needsAuth + "Connection: close\r\nContent-Length: 2\r\n\r\nno", tunnelOpen}, 2, "no"},
		"whose body ends with it":  {[]string{needsAuth + "X: close\r\n\r\nno", tunnelOpen}, 2, "no"},
		"whose body is too long":   {[]string{needsAuth + "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000), tunnelOpen}, 2, strings.Repeat("x", 64<<10)},
		"whose body just fits":     {[]string{needsAuth + "Content-Length: 65536\r\n\r\n" + strings.Repeat("x", 64<<10), tunnelOpen}, 1, strings.Repeat("x", 64<<10)},
		"after one of HTTP/1.0":    {[]string{"HTTP/1.0 407 No\r\nProxy-Authenticate: Negotiate abc\r\nX: close\r\n\r\nno", tunnelOpen}, 2, "no"},
		"with a hint in between":   {[]string{"HTTP/1.1 102 Processing\r\n\r\n" + needsAuth + "Content-Length: 2\r\n\r\nno", tunnelOpen}, 1, "no"},
		"and then reads the frame": {[]string{needsAuth + "Content-Length: 2\r\n\r\nno", tunnelOpen}, 1, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &challenging{t: t, answers: c.answers}
				rounds := 0
				ws, _, err := Dial(t.Context(), "ws://example.com", &DialOptions{
					NetDial: p.dial,
					Proxy:   http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"}),
					ProxyConnectHeader: func(_ context.Context, _ *url.URL, _ string, challenge *http.Response) (http.Header, error) {
						rounds++
						if challenge == nil {
							return nil, nil
						}
						require.Equal(t, "Negotiate abc", challenge.Header.Get("Proxy-Authenticate"))
						body, err := io.ReadAll(challenge.Body)
						require.NoError(t, err)
						require.Equal(t, c.body, string(body))
						return http.Header{"Proxy-Authorization": {"Negotiate def"}}, nil
					},
				})
				require.NoError(t, err)
				ws.CloseNow()
				synctest.Wait()
				require.Equal(t, len(c.answers), rounds)
				require.Equal(t, c.dialed, p.dialed)
				require.Empty(t, p.asked[0])
				require.Equal(t, "Negotiate def", p.asked[1])
			})
		})
	}
}

func TestDialGivesUpOnAProxyThatIsNeverContent(t *testing.T) {
	refusal := errors.New("no ticket")
	for name, c := range map[string]struct {
		answer http.Header
		err    error
		asked  int
	}{
		"the same answer":  {http.Header{"Proxy-Authorization": {"Negotiate def"}}, nil, 5},
		"without a header": {nil, nil, 1},
		"with an error":    {nil, refusal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &challenging{t: t}
				for range 10 {
					p.answers = append(p.answers, needsAuth+"Content-Length: 0\r\n\r\n")
				}
				_, resp, err := Dial(t.Context(), "ws://example.com", &DialOptions{
					NetDial: p.dial,
					Proxy:   http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"}),
					ProxyConnectHeader: func(_ context.Context, _ *url.URL, _ string, challenge *http.Response) (http.Header, error) {
						if challenge == nil {
							return nil, nil
						}
						return c.answer, c.err
					},
				})
				require.Nil(t, resp)
				synctest.Wait() // the proxy's end is closed
				require.Len(t, p.asked, c.asked)
				if c.err != nil {
					requireRefused(t, err, 0)
					require.ErrorIs(t, err, refusal)
					return
				}
				e := requireRefused(t, err, http.StatusProxyAuthRequired)
				require.Equal(t, "Negotiate abc", e.Header.Get("Proxy-Authenticate"))
			})
		})
	}
}
