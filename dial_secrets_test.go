package websocket

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/pipe"
)

// answersWith returns a NetDial to a server that answers one request with what answer returns.
func answersWith(t *testing.T, answer func(*http.Request) string) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := pipe.New(0)
		go func() {
			r, err := http.ReadRequest(bufio.NewReader(far))
			if err == nil {
				far.Write([]byte(answer(r)))
			}
		}()
		return near, nil
	}
}

func upgrade(r *http.Request) string {
	d := (&AcceptOptions{}).decisions()
	resp, err := d.Accept(r)
	if err != nil {
		panic(err)
	}
	return string(resp.AppendResponse(nil))
}

func TestCookiesOfTheCallerAreKeptBesidesThoseOfTheJar(t *testing.T) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	jar.SetCookies(&url.URL{Scheme: "http", Host: "server.test", Path: "/"}, []*http.Cookie{{Name: "jar", Value: "3"}})
	var got []*http.Cookie
	c, _, err := Dial(t.Context(), "ws://server.test/", &DialOptions{
		Jar:    jar,
		Header: http.Header{"Cookie": {"a=1", "b=2"}},
		NetDial: answersWith(t, func(r *http.Request) string {
			got = r.Cookies()
			return upgrade(r)
		}),
	})
	require.NoError(t, err)
	c.CloseNow()
	var names []string
	for _, c := range got {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"a", "b", "jar"}, names)
}

func TestNoTLSWithTheServerBehindAProxyWithTLS(t *testing.T) {
	server := newServer(t, newAccepting(nil))
	p := newFakeProxy(t, server, "")
	secure := httptest.NewTLSServer(p)
	t.Cleanup(secure.Close)
	c, resp, err := Dial(t.Context(), "ws://server.test/", &DialOptions{
		Proxy:          http.ProxyURL(p.url("https", secure.Listener.Addr().String(), "")),
		ProxyTLSConfig: secure.Client().Transport.(*http.Transport).TLSClientConfig,
	})
	require.NoError(t, err)
	defer c.CloseNow()
	require.Nil(t, resp.TLS, "the server has no TLS")
}

func TestThePasswordIsNotInTheError(t *testing.T) {
	for _, u := range []string{"ws://user:sec/ret@server.test/", "ws://user:secret/@server.test/"} {
		_, _, err := Dial(t.Context(), u, nil)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "sec")
	}
}

type cancelingJar struct{ cancel func() }

func (j cancelingJar) SetCookies(*url.URL, []*http.Cookie) { j.cancel() }
func (j cancelingJar) Cookies(*url.URL) []*http.Cookie     { return nil }

type writesAfterClose struct {
	net.Conn
	closed, after int
}

func (w *writesAfterClose) Close() error { w.closed++; return w.Conn.Close() }
func (w *writesAfterClose) Write(b []byte) (int, error) {
	if w.closed > 0 {
		w.after++
	}
	return w.Conn.Write(b)
}

func TestNothingIsLeftOfAConnectionThatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var nc *writesAfterClose
		dial := answersWith(t, upgrade)
		o := &DialOptions{
			Jar:    cancelingJar{cancel},
			Config: Config{PingInterval: time.Minute},
			NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := dial(ctx, network, address)
				nc = &writesAfterClose{Conn: c}
				return nc, err
			},
		}
		_, _, err := Dial(ctx, "ws://server.test/", o)
		require.ErrorIs(t, err, context.Canceled)
		<-time.After(time.Hour)
		require.Zero(t, nc.after, "pings of a connection that nobody has")
	})
}

type panickingJar struct{}

func (j panickingJar) SetCookies(*url.URL, []*http.Cookie) { panic("jar") }
func (j panickingJar) Cookies(*url.URL) []*http.Cookie     { return nil }

func TestAHookThatPanicsLeavesNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var nc *writesAfterClose
		dial := answersWith(t, upgrade)
		require.Panics(t, func() {
			Dial(t.Context(), "ws://server.test/", &DialOptions{
				Jar: panickingJar{},
				NetDial: func(ctx context.Context, network, address string) (net.Conn, error) {
					c, err := dial(ctx, network, address)
					nc = &writesAfterClose{Conn: c}
					return nc, err
				},
			})
		})
		<-time.After(time.Hour)
		require.Equal(t, 1, nc.closed, "and nobody comes back to it")
	})
}
