package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
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

// dialTLS connects to a URL with a configuration of TLS.
func dialTLS(lib library, u string, cfg *tls.Config, dial func(network, addr string) (net.Conn, error)) error {
	if lib.closeSent == ErrCloseSent {
		_, _, err := (&Dialer{NetDial: dial, TLSClientConfig: cfg}).Dial(u, nil)
		return err
	}
	_, _, err := (&gorilla.Dialer{NetDial: dial, TLSClientConfig: cfg}).Dial(u, nil)
	return err
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
