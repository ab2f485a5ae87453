package websocket

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// notHosts are no names of hosts: the program's dialer may understand them, and nobody may take them for another host.
var notHosts = []string{"a..b", "example.com:", "my$backend", "x.example:99999", ".run.app.sock"}

func TestTheHostIsSentAsItIsInTheURL(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		hosts := make(chan string, 1)
		u := serve(t, func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host })
		there := dialing{NetDial: func(network, _ string) (net.Conn, error) {
			return net.Dial(network, strings.TrimPrefix(u, "ws://"))
		}}
		for _, host := range []string{"Example.com", "example.com:80", "[::1]:80", "example.com:8080"} {
			_, _, err := lib.dial(t.Context(), there, "ws://"+host+"/", nil)
			require.Equal(t, lib.badHandshake, err)
			require.Equal(t, host, <-hosts)
		}
	})
}

func TestAURLWithAHostThatIsNoneIsForTheDialer(t *testing.T) {
	for u, want := range map[string]struct{ address, host string }{
		"ws://.run.app.sock/path":      {".run.app.sock:80", ".run.app.sock"},
		"ws://.run.app.sock:8080/path": {".run.app.sock:8080", ".run.app.sock:8080"},
		"ws://_/path":                  {"_:80", "_"},
	} {
		t.Run(u, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				server := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if c, err := lib.upgrade(upgrading{}, w, r, http.Header{"X-Asked": {r.Host + r.URL.Path}}); err == nil {
						c.Close()
					}
				})
				dial := func(network, addr string) (net.Conn, error) {
					require.Equal(t, want.address, addr)
					return net.Dial(network, strings.TrimPrefix(server, "ws://"))
				}
				c, resp, err := lib.dial(t.Context(), dialing{NetDial: dial}, u, nil)
				require.NoError(t, err)
				defer c.Close()
				require.Equal(t, want.host+"/path", resp.Header.Get("X-Asked"))
			})
		})
	}
}

func TestAURLWithoutAHostIsForTheDialer(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{}, w, r, http.Header{"X-Path": {r.URL.Path}}); err == nil {
				c.Close()
			}
		})
		dial := func(network, addr string) (net.Conn, error) {
			require.Equal(t, ":80", addr)
			return net.Dial(network, strings.TrimPrefix(server, "ws://"))
		}
		c, resp, err := lib.dial(t.Context(), dialing{NetDial: dial}, "ws:///path", nil)
		require.NoError(t, err)
		defer c.Close()
		require.Equal(t, "/path", resp.Header.Get("X-Path"))
	})
}

func TestAHostThatIsNoneIsNotAskedOfAProxyAsLocalhost(t *testing.T) {
	for _, host := range notHosts {
		t.Run(host, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				asked := ""
				d := dialing{
					Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"}),
					NetDial: func(string, string) (net.Conn, error) {
						near, far := net.Pipe()
						go func() {
							defer far.Close()
							if r, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
								asked = r.RequestURI
							}
							io.WriteString(far, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
						}()
						return near, nil
					},
				}
				_, _, err := lib.dial(t.Context(), d, "ws://"+host+"/", nil)
				require.Error(t, err)
				require.NotContains(t, asked, "localhost")
			})
		})
	}
}

func TestAHostThatIsNoneIsTheNameInTLS(t *testing.T) {
	for u, want := range map[string]struct{ configured, name string }{
		"wss://a..b/":          {"", "a..b"},
		"wss://example.com:/":  {"", "example.com"},
		"wss://my$backend:99/": {"", "my$backend"},
		"wss://a..b/x":         {"name.example", "name.example"},
		"wss:///path":          {"name.example", "name.example"},
	} {
		t.Run(u, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				names := make(chan string, 1)
				err := dialTLS(lib, u, &tls.Config{ServerName: want.configured}, func(string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						defer far.Close()
						tls.Server(far, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
							names <- hello.ServerName
							return nil, errors.New("that is all")
						}}).Handshake()
					}()
					return near, nil
				})
				require.Error(t, err)
				require.Equal(t, want.name, <-names)
			})
		})
	}
}

func TestTLSWithoutANameIsRefused(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		err := dialTLS(lib, "wss:///path", nil, func(string, string) (net.Conn, error) {
			near, far := net.Pipe()
			far.Close()
			return near, nil
		})
		require.EqualError(t, err, "tls: either ServerName or InsecureSkipVerify must be specified in the tls.Config")
	})
}

func TestAHostThatIsNoneHasTheCookiesOfNobodyElse(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		server, asked := serveCookie(t, lib)
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		local := &url.URL{Scheme: "http", Host: "localhost", Path: "/"}
		jar.SetCookies(local, []*http.Cookie{{Name: "secret", Value: "of-localhost"}})
		d := dialing{Jar: jar, NetDial: func(network, _ string) (net.Conn, error) {
			return net.Dial(network, strings.TrimPrefix(server, "ws://"))
		}}
		c, resp, err := lib.dial(t.Context(), d, "ws://my$backend/", nil)
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Empty(t, <-asked)
		require.Len(t, jar.Cookies(local), 1)
		require.Equal(t, "http://my$backend/", resp.Request.URL.String())
	})
}
