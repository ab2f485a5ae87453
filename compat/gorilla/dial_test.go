package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"testing"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// What is no name of a host is the program's dialer's to understand. Nobody may take it for another host.

var notHosts = []string{"a..b", "example.com:", "my$backend", "x.example:99999", ".run.app.sock"}

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

// dialTLS connects to a URL with a configuration of TLS.
func dialTLS(lib library, u string, cfg *tls.Config, dial func(network, addr string) (net.Conn, error)) error {
	if lib.closeSent == ErrCloseSent {
		_, _, err := (&Dialer{NetDial: dial, TLSClientConfig: cfg}).Dial(u, nil)
		return err
	}
	_, _, err := (&gorilla.Dialer{NetDial: dial, TLSClientConfig: cfg}).Dial(u, nil)
	return err
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

// serveCookie starts a server that sets a cookie, and returns its URL and the cookies that it is asked with.
func serveCookie(t *testing.T, lib library) (u string, asked <-chan []string) {
	cookies := make(chan []string, 1)
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		cookies <- r.Header["Cookie"]
		if c, err := lib.upgrade(upgrading{}, w, r, http.Header{"Set-Cookie": {"stored=1; Path=/"}}); err == nil {
			c.Close()
		}
	}), cookies
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

func TestCookiesOfTheHeaderReplaceThoseOfTheJar(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		server, asked := serveCookie(t, lib)
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		at, err := url.Parse("http" + strings.TrimPrefix(server, "ws"))
		require.NoError(t, err)
		jar.SetCookies(at, []*http.Cookie{{Name: "from", Value: "jar"}})
		c, _, err := lib.dial(t.Context(), dialing{Jar: jar}, server, http.Header{"Cookie": {"from=header"}})
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Equal(t, []string{"from=header"}, <-asked)
		require.Len(t, jar.Cookies(at), 2, "what the server has set is stored")
	})
}

func TestASubprotocolOfTheResponseHeaderMayHaveTheSpellingOfTheRFC(t *testing.T) {
	for _, name := range []string{"Sec-Websocket-Protocol", "Sec-WebSocket-Protocol"} {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				u := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if c, err := lib.upgrade(upgrading{}, w, r, http.Header{name: {"token"}}); err == nil {
						c.Close()
					}
				})
				c, _, err := lib.dial(t.Context(), dialing{Subprotocols: []string{"token"}}, u, nil)
				require.NoError(t, err)
				defer c.Close()
				require.Equal(t, "token", c.Subprotocol())
			})
		})
	}
}

// answering returns a dialer for a server that reads a request and does what it is told.
func answering(answer func(far *net.TCPConn)) func(network, addr string) (net.Conn, error) {
	return func(string, string) (net.Conn, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		near, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		far, err := l.Accept()
		if err != nil {
			return nil, err
		}
		go func() {
			http.ReadRequest(bufio.NewReader(far))
			answer(far.(*net.TCPConn))
		}()
		return near, nil
	}
}

func TestAServerThatSpeaksSomethingElseIsToldAtOnce(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, _, err := lib.dial(ctx, dialing{NetDial: answering(func(far *net.TCPConn) {
			defer far.Close()
			io.WriteString(far, "SSH-2.0-OpenSSH_9.6\r\n")
			io.Copy(io.Discard, far) // and waits
		})}, "ws://example.com/", nil)
		require.EqualError(t, err, `malformed HTTP response "SSH-2.0-OpenSSH_9.6"`)
	})
}

func TestAResetInsteadOfAResponseIsTold(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		_, _, err := lib.dial(t.Context(), dialing{NetDial: answering(func(far *net.TCPConn) {
			far.SetLinger(0)
			far.Close()
		})}, "ws://example.com/", nil)
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}
