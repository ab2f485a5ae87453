package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

// visit is a browser at the site, whose clock is the test's.
type visit struct {
	t      *testing.T
	url    string
	now    atomic.Int64 // seconds
	cookie *http.Cookie
}

func start(t *testing.T) *visit {
	v := &visit{t: t}
	s := newSite(func() time.Time { return time.Unix(v.now.Load(), 0) })
	server := httptest.NewServer(s.handler())
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nobody waits for clients that tests have left
		_ = s.connections.Shutdown(ctx)
	})
	v.url = server.URL
	return v
}

// post sends a form, with the cookie if there is one, and more fields of a header.
func (v *visit) post(path string, form url.Values, header ...string) (status int, body string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), "POST", v.url+path, strings.NewReader(form.Encode()))
	require.NoError(v.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(v.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(v.t, err)
	for _, c := range resp.Cookies() {
		v.cookie = c
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

func (v *visit) login(name string) {
	v.t.Helper()
	status, _ := v.post("/login", url.Values{"name": {name}})
	require.Equal(v.t, 200, status)
	require.True(v.t, v.cookie.HttpOnly)
	require.Equal(v.t, http.SameSiteStrictMode, v.cookie.SameSite)
}

// key returns what is given out to whoever has a session.
func (v *visit) key(path string) string {
	v.t.Helper()
	status, key := v.post(path, nil)
	require.Equal(v.t, 200, status)
	require.NotEmpty(v.t, key)
	return key
}

// dial opens a WebSocket. It returns the status if that is refused.
func (v *visit) dial(path, origin string, withCookie bool, subprotocols ...string) (c *websocket.Conn, status int) {
	v.t.Helper()
	o := &websocket.DialOptions{Header: http.Header{}, Subprotocols: subprotocols}
	if origin != "" {
		o.Header.Set("Origin", origin)
	}
	if withCookie {
		o.Header.Set("Cookie", v.cookie.Name+"="+v.cookie.Value)
	}
	c, resp, err := websocket.Dial(v.t.Context(), v.url+path, o)
	if err != nil {
		require.NotNil(v.t, resp, "%v", err)
		return nil, resp.StatusCode
	}
	v.t.Cleanup(func() { c.CloseNow() })
	for _, values := range resp.Header {
		for _, value := range values {
			require.NotContains(v.t, value, tokenPrefix, "nobody is told the token")
		}
	}
	return c, resp.StatusCode
}

// greeted requires that the server knows who it is.
func greeted(t *testing.T, c *websocket.Conn, name string) {
	t.Helper()
	require.NotNil(t, c)
	_, greeting, err := c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hello "+name, string(greeting))
}

func TestOnlyPagesOfTheSiteUseTheCookie(t *testing.T) {
	v := start(t)
	v.login("Ada")
	u, err := url.Parse(v.url)
	require.NoError(t, err)
	for origin, status := range map[string]int{
		v.url:                                 101,
		"":                                    101, // no browser: these always say
		"null":                                403,
		"https://evil.example":                403,
		"http://" + u.Host + ".example":       403,
		"http://evil." + u.Host:               403,
		"http://" + u.Hostname():              403, // another port
		"http://" + u.Hostname() + ":1":       403,
		"chrome-extension://abcdefghijklmnop": 403,
	} {
		c, got := v.dial("/by-cookie", origin, true)
		require.Equal(t, status, got, origin)
		if status == 101 {
			greeted(t, c, "Ada")
		}
	}
}

func TestWhoIsNotKnownIsRefused(t *testing.T) {
	v := start(t)
	for path, subprotocols := range map[string][]string{
		"/by-cookie": nil, "/by-ticket": nil, "/by-ticket?ticket=": nil, "/by-ticket?ticket=guess": nil,
		"/by-token": nil, "/by-token?": {"chat.v1"}, "/by-token?x": {"chat.v1", "token.guess"},
	} {
		_, status := v.dial(path, v.url, false, subprotocols...)
		require.Equal(t, 401, status, path)
	}
	for _, path := range []string{"/ticket", "/token"} {
		status, _ := v.post(path, nil)
		require.Equal(t, 401, status)
	}
	for _, name := range []string{"", " ", strings.Repeat("x", 41)} {
		status, _ := v.post("/login", url.Values{"name": {name}})
		require.Equal(t, 400, status)
	}
}

func TestATicketIsForOneWebSocketAndSoon(t *testing.T) {
	v := start(t)
	v.login("Ada")
	path := "/by-ticket?ticket=" + v.key("/ticket")
	c, _ := v.dial(path, v.url, false)
	greeted(t, c, "Ada")
	_, status := v.dial(path, v.url, false)
	require.Equal(t, 401, status, "it is used up")

	path = "/by-ticket?ticket=" + v.key("/ticket")
	v.now.Add(int64(lifetime[ticket] / time.Second))
	_, status = v.dial(path, v.url, false)
	require.Equal(t, 401, status, "it is too late")
	_, status = v.dial("/by-ticket?ticket="+v.key("/token"), v.url, false)
	require.Equal(t, 401, status, "it is no ticket")
	_, status = v.dial("/by-ticket?ticket="+v.cookie.Value, v.url, false)
	require.Equal(t, 401, status, "nor is a session")
}

func TestATokenTravelsAmongTheSubprotocolsAndIsNotChosen(t *testing.T) {
	v := start(t)
	v.login("Ada")
	offer := tokenPrefix + v.key("/token")
	for _, offered := range [][]string{{"chat.v1", offer}, {offer, "chat.v1"}} {
		c, _ := v.dial("/by-token", v.url, false, offered...)
		greeted(t, c, "Ada")
		require.Equal(t, "chat.v1", c.Subprotocol())
	}
	v.now.Add(int64(lifetime[token] / time.Second))
	_, status := v.dial("/by-token", v.url, false, "chat.v1", offer)
	require.Equal(t, 401, status)
}

func TestPagesOfOtherSitesGetNoKeys(t *testing.T) {
	v := start(t)
	v.login("Ada")
	for _, path := range []string{"/login", "/logout", "/ticket", "/token"} {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}} {
			status, _ := v.post(path, url.Values{"name": {"Eve"}}, header...)
			require.Equal(t, 403, status, path)
		}
	}
	c, _ := v.dial("/by-cookie", v.url, true)
	greeted(t, c, "Ada")
}

func TestTheEndOfASessionEndsWhatWasOpenedWithIt(t *testing.T) {
	v := start(t)
	v.login("Ada")
	token := tokenPrefix + v.key("/token")
	byCookie, _ := v.dial("/by-cookie", v.url, true)
	byTicket, _ := v.dial("/by-ticket?ticket="+v.key("/ticket"), v.url, false)
	byToken, _ := v.dial("/by-token", v.url, false, "chat.v1", token)
	old := *v.cookie
	status, _ := v.post("/logout", nil)
	require.Equal(t, 200, status)
	for _, c := range []*websocket.Conn{byCookie, byTicket, byToken} {
		greeted(t, c, "Ada")
		_, _, err := c.Read(t.Context())
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end)
		require.EqualValues(t, statusUnauthorized, end.Code)
		require.True(t, end.WasClean)
	}
	v.cookie = &old
	_, status = v.dial("/by-cookie", v.url, true)
	require.Equal(t, 401, status)
	_, status = v.dial("/by-token", v.url, false, "chat.v1", token)
	require.Equal(t, 401, status)
}
