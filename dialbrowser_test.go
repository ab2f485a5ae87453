package websocket

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inBrowsers are options that a browser has a place for, or that are the connection's own, each with a value.
var inBrowsers = map[string]any{
	"DialOptions.Config":           Config{},
	"DialOptions.Subprotocols":     []string{"chat", "superchat"},
	"DialOptions.HandshakeTimeout": time.Second,
	"Config.ReadLimit":             int64(1),
	"Config.MaxFragments":          1,
	"Config.IdleTimeout":           time.Second,
	"Config.SendQueue":             1,
	"Config.SkipUTF8":              true,
	"Config.FragmentSize":          1,
	"Config.ReuseReader":           true,
	"Config.FailFast":              time.Second,
	"Config.NetDeadlines":          true,
	"Config.CloseTimeout":          time.Second,
	"Config.Observer":              &Observer{},
	"Config.OnClose":               func(_ *Conn, c StatusCode, r string) (StatusCode, string, error) { return c, r, nil },
}

// beyondBrowsers are the others.
var beyondBrowsers = map[string]any{
	"DialOptions.Deflate":            &DeflateOptions{},
	"DialOptions.Header":             http.Header{"Origin": {"http://there"}},
	"DialOptions.Host":               "there",
	"DialOptions.Lenient":            true,
	"DialOptions.TLSConfig":          &tls.Config{},
	"DialOptions.NetDial":            func(context.Context, string, string) (net.Conn, error) { return nil, nil },
	"DialOptions.NetDialTLS":         func(context.Context, string, string) (net.Conn, error) { return nil, nil },
	"DialOptions.Proxy":              http.ProxyFromEnvironment,
	"DialOptions.ProxyHeader":        http.Header{"X": {"y"}},
	"DialOptions.ProxyConnectHeader": func(context.Context, *url.URL, string, *http.Response) (http.Header, error) { return nil, nil },
	"DialOptions.ProxyTLSConfig":     &tls.Config{},
	"DialOptions.Jar":                &cookiejar.Jar{},
	"DialOptions.HTTP2":              &HTTP2Pool{},
	"DialOptions.MaxRedirects":       1,
	"Config.PingInterval":            time.Second,
	"Config.OnPing":                  func(*Conn, []byte) (bool, error) { return true, nil },
	"Config.OnPong":                  func(*Conn, []byte) error { return nil },
}

// dialsWith returns what a browser says to one option, which may be one of Config.
func dialsWith(t *testing.T, name string, value any) error {
	t.Helper()
	var o DialOptions
	of := map[string]any{"DialOptions": &o, "Config": &o.Config}
	for typ, options := range of {
		for f := range reflect.TypeOf(options).Elem().Fields() {
			if name == typ+"."+f.Name {
				reflect.ValueOf(options).Elem().FieldByName(f.Name).Set(reflect.ValueOf(value))
				d, u, err := newDialer("wss://example.com/chat", &o)
				require.NoError(t, err)
				return d.beyondBrowsers(u)
			}
		}
	}
	require.Fail(t, "there is no option "+name)
	return nil
}

func TestABrowserTakesOrRefusesEachOption(t *testing.T) {
	var all, known []string
	for typ, options := range map[string]reflect.Type{"DialOptions": reflect.TypeFor[DialOptions](), "Config": reflect.TypeFor[Config]()} {
		for f := range options.Fields() {
			all = append(all, typ+"."+f.Name)
		}
	}
	for name, value := range inBrowsers {
		known = append(known, name)
		require.NoError(t, dialsWith(t, name, value), name)
	}
	for name, value := range beyondBrowsers {
		known = append(known, name)
		err := dialsWith(t, name, value)
		var handshakeError *HandshakeError
		require.ErrorAs(t, err, &handshakeError, name)
		var browserError *BrowserError
		require.ErrorAs(t, err, &browserError, name)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.Contains(t, err.Error(), name)
	}
	require.ElementsMatch(t, all, known)
}

func TestABrowserIsAskedForNothingThatIsNotValid(t *testing.T) {
	for _, tc := range []struct {
		url    string
		o      DialOptions
		reason string
	}{
		{"ws://ada:secret@example.com/", DialOptions{}, "log in by the URL"},
		{"ws://example.com/", DialOptions{Subprotocols: []string{"not a token"}}, "is not a token"},
		{"ws://example.com/", DialOptions{Subprotocols: []string{"twice", "twice"}}, "is listed twice"},
		{"ws://example.com/", DialOptions{Config: Config{PingInterval: -1}, MaxRedirects: -1, Header: http.Header{}}, ""},
	} {
		d, u, err := newDialer(tc.url, &tc.o)
		require.NoError(t, err)
		if err = d.beyondBrowsers(u); tc.reason == "" {
			require.NoError(t, err)
		} else {
			var handshakeError *HandshakeError
			require.ErrorAs(t, err, &handshakeError)
			require.ErrorContains(t, err, tc.reason)
		}
	}
}
