package websocket

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// httpLog swallows what a server says about clients that hang up.
func httpLog() *log.Logger { return log.New(io.Discard, "", 0) }

// seen is a server that echoes, and tells what it was asked.
func seen(t *testing.T) (server *httptest.Server, requests chan *http.Request) {
	t.Helper()
	requests = make(chan *http.Request, 10)
	server = newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		newAccepting(nil).ServeHTTP(w, r)
	}))
	return server, requests
}

func redirectTo(location string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
		io.WriteString(w, "over there")
	}
}

func TestDialDoesNotFollowRedirectsUnlessAsked(t *testing.T) {
	target, requests := seen(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := newServer(t, redirectTo(target.URL, status))
		_, resp, err := Dial(t.Context(), server.URL, nil)
		requireRefused(t, err, status)
		location, err := resp.Location()
		require.NoError(t, err)
		require.Equal(t, target.URL, location.String())
		require.Empty(t, requests)

		c, resp, err := Dial(t.Context(), server.URL, &DialOptions{MaxRedirects: 1})
		require.NoError(t, err)
		require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
		requireEcho(t, c)
		c.CloseNow()
		<-requests
	}
	_, _, err := Dial(t.Context(), newServer(t, redirectTo(target.URL, http.StatusNotModified)).URL, &DialOptions{MaxRedirects: 1})
	requireRefused(t, err, http.StatusNotModified)
}

func TestDialFollowsARedirectWithoutItsFragment(t *testing.T) {
	target, requests := seen(t)
	mux := http.NewServeMux()
	mux.Handle("/", target.Config.Handler)
	mux.Handle("/relative", redirectTo("/x?q#login", http.StatusFound))
	mux.Handle("/absolute", redirectTo(target.URL+"/x?q#%23", http.StatusFound))
	mux.Handle("/empty", redirectTo("/x?q#", http.StatusFound))
	server := newServer(t, mux)
	for _, path := range []string{"/relative", "/absolute", "/empty"} {
		c, _, err := Dial(t.Context(), server.URL+path, &DialOptions{MaxRedirects: 1})
		require.NoError(t, err)
		c.CloseNow()
		require.Equal(t, "/x?q", (<-requests).RequestURI)
	}
}

func TestDialFollowsABoundedNumberOfRedirects(t *testing.T) {
	hits := 0
	server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		redirectTo("/again", http.StatusFound)(w, r)
	}))
	_, resp, err := Dial(t.Context(), server.URL, &DialOptions{MaxRedirects: 3})
	requireRefused(t, err, http.StatusFound)
	require.Equal(t, 4, hits)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "over there", string(body))
}

// credentials are options with everything that is between the caller and one origin.
func credentials() *DialOptions {
	return &DialOptions{
		MaxRedirects: 2,
		Host:         "virtual.example",
		Header: http.Header{"Authorization": {"Bearer x"}, "Cookie": {"a=b"}, "X-Api-Key": {"k"},
			"User-Agent": {"test"}, "Origin": {"http://virtual.example"}},
	}
}

func TestDialKeepsCredentialsWithinAnOrigin(t *testing.T) {
	target, requests := seen(t)
	mux := http.NewServeMux()
	mux.Handle("/", target.Config.Handler)
	mux.Handle("/old", redirectTo("/new?q", http.StatusFound))
	server := newServer(t, mux)
	c, _, err := Dial(t.Context(), server.URL+"/old", credentials())
	require.NoError(t, err)
	c.CloseNow()
	r := <-requests
	require.Equal(t, "/new?q", r.RequestURI)
	require.Equal(t, "virtual.example", r.Host)
	require.Equal(t, "Bearer x", r.Header.Get("Authorization"))
	require.Equal(t, "a=b", r.Header.Get("Cookie"))

	c, _, err = Dial(t.Context(), strings.Replace(server.URL, "http://", "ws://u:p@", 1)+"/old", &DialOptions{MaxRedirects: 1})
	require.NoError(t, err)
	c.CloseNow()
	user, password, _ := (<-requests).BasicAuth()
	require.Equal(t, "u:p", user+":"+password)
}

func TestDialTakesNoCredentialsToAnotherOrigin(t *testing.T) {
	requests := make(chan *http.Request, 10)
	allowed := &AcceptOptions{AllowedOrigins: []string{"*"}}
	away := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		if r.URL.Path == "/back" {
			redirectTo(r.URL.Query().Get("to"), http.StatusFound)(w, r)
			return
		}
		newAccepting(allowed).ServeHTTP(w, r)
	}))
	for _, c := range []struct {
		location string
		hops     int
	}{
		{away.URL, 1},
		{strings.Replace(away.URL, "http://", "http://x:y@", 1), 1},
		{away.URL + "/back?to=" + away.URL, 2},
	} {
		server := newServer(t, redirectTo(c.location, http.StatusTemporaryRedirect))
		ws, _, err := Dial(t.Context(), strings.Replace(server.URL, "http://", "ws://u:p@", 1), credentials())
		require.NoError(t, err)
		ws.CloseNow()
		for range c.hops {
			r := <-requests
			require.Equal(t, away.Listener.Addr().String(), r.Host)
			for _, name := range []string{"Authorization", "Cookie", "X-Api-Key"} {
				require.Empty(t, r.Header.Get(name), name)
			}
			require.Equal(t, "test", r.Header.Get("User-Agent"))
			require.Equal(t, "http://virtual.example", r.Header.Get("Origin"))
		}
	}
}

func TestDialDoesNotComeBackWithCredentials(t *testing.T) {
	requests := make(chan *http.Request, 10)
	var home, away *httptest.Server
	away = newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		redirectTo(home.URL+"/end", http.StatusFound)(w, r)
	}))
	home = newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/end" {
			redirectTo(away.URL, http.StatusFound)(w, r)
			return
		}
		requests <- r
		newAccepting(&AcceptOptions{AllowedOrigins: []string{"*"}}).ServeHTTP(w, r)
	}))
	c, _, err := Dial(t.Context(), home.URL, credentials())
	require.NoError(t, err)
	c.CloseNow()
	require.Empty(t, (<-requests).Header.Get("Authorization"))
}

func TestDialDoesNotFollowToWhereItMustNot(t *testing.T) {
	target, requests := seen(t)
	secure := httptest.NewTLSServer(redirectTo(target.URL, http.StatusFound))
	defer secure.Close()
	_, _, err := Dial(t.Context(), secure.URL, &DialOptions{MaxRedirects: 1, TLSConfig: &tls.Config{RootCAs: pool(secure)}})
	require.Contains(t, requireRefused(t, err, http.StatusFound).Reason, "from wss to ws")

	for _, location := range []string{"", "ftp://example.com", "http://", "http://a b/", "%zz", "mailto:a@b"} {
		server := newServer(t, redirectTo(location, http.StatusFound))
		_, resp, err := Dial(t.Context(), server.URL, &DialOptions{MaxRedirects: 1})
		requireRefused(t, err, http.StatusFound)
		require.Equal(t, http.StatusFound, resp.StatusCode)
	}
	require.Empty(t, requests)
}

func TestDialPresentsItsCertificateToTheFirstOriginOnly(t *testing.T) {
	own := tls.Certificate{Certificate: [][]byte{{1}}}
	d := dialer{DialOptions: DialOptions{TLSConfig: &tls.Config{
		Certificates:         []tls.Certificate{own},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil },
		ServerName:           "a.example",
	}}}
	original := d.TLSConfig
	d.strip()
	require.Empty(t, d.TLSConfig.Certificates)
	require.Nil(t, d.TLSConfig.GetClientCertificate)
	require.Equal(t, "a.example", d.TLSConfig.ServerName)
	require.Len(t, original.Certificates, 1)
}
