package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// scripted returns a dialing through a SOCKS5 proxy that reads something and gives an answer, one after the other. Then it reads
// once more, unless it is deaf, and hangs up.
func scripted(answers []string, deaf bool) dialing {
	return dialing{
		Proxy: http.ProxyURL(&url.URL{Scheme: "socks5", Host: "proxy.example:1080", User: url.UserPassword("me", "secret")}),
		NetDial: func(string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				said := make([]byte, 512) // more than the client says at a time
				for _, answer := range answers {
					far.Read(said)
					io.WriteString(far, answer)
				}
				if !deaf {
					far.Read(said)
				}
			}()
			return near, nil
		},
	}
}

func TestASOCKSProxyThatDoesNotConnectIsToldInTheSameWords(t *testing.T) {
	const asks, trusts, believes = "\x05\x02", "\x05\x00", "\x01\x00"
	for name, c := range map[string]struct {
		answers []string
		deaf    bool
		want    string
	}{
		"deaf":                   {nil, true, "failed to write greeting to SOCKS5 proxy at proxy.example:1080: io: read/write on closed pipe"},
		"silent":                 {nil, false, "failed to read greeting from SOCKS5 proxy at proxy.example:1080: EOF"},
		"half a greeting":        {[]string{"\x05"}, true, "failed to read greeting from SOCKS5 proxy at proxy.example:1080: unexpected EOF"},
		"another version":        {[]string{"\x04\x00"}, false, "SOCKS5 proxy at proxy.example:1080 has unexpected version 4"},
		"no method":              {[]string{"\x05\xff"}, false, "SOCKS5 proxy at proxy.example:1080 requires authentication"},
		"deaf to a password":     {[]string{asks}, true, "failed to write authentication request to SOCKS5 proxy at proxy.example:1080: io: read/write on closed pipe"},
		"a password, silent":     {[]string{asks}, false, "failed to read authentication reply from SOCKS5 proxy at proxy.example:1080: EOF"},
		"a wrong password":       {[]string{asks, "\x01\x01"}, false, "SOCKS5 proxy at proxy.example:1080 rejected username/password"},
		"deaf to the request":    {[]string{trusts}, true, "failed to write connect request to SOCKS5 proxy at proxy.example:1080: io: read/write on closed pipe"},
		"a request, silent":      {[]string{trusts}, false, "failed to read connect reply from SOCKS5 proxy at proxy.example:1080: EOF"},
		"silent behind a secret": {[]string{asks, believes}, false, "failed to read connect reply from SOCKS5 proxy at proxy.example:1080: EOF"},
		"failure":                {[]string{trusts, "\x05\x01\x00\x01"}, false, "SOCKS5 proxy at proxy.example:1080 failed to connect: general failure"},
		"not allowed":            {[]string{trusts, "\x05\x02\x00\x01"}, false, "SOCKS5 proxy at proxy.example:1080 failed to connect: connection forbidden"},
		"refused":                {[]string{trusts, "\x05\x05\x00\x01"}, false, "SOCKS5 proxy at proxy.example:1080 failed to connect: connection refused"},
		"no known reason":        {[]string{trusts, "\x05\x63\x00\x01"}, false, "SOCKS5 proxy at proxy.example:1080 failed to connect: unknown error"},
		"an unknown address":     {[]string{trusts, "\x05\x00\x00\x09"}, false, "got unknown address type 9 from SOCKS5 proxy at proxy.example:1080"},
	} {
		t.Run(name, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				_, resp, err := lib.dial(t.Context(), scripted(c.answers, c.deaf), "ws://example.com/", nil)
				require.EqualError(t, err, "proxy: "+c.want)
				require.Nil(t, resp)
			})
		})
	}
}

// lastWords is a net.Conn that reads answers, each in a call of its own, and the end of the network together with the last one, as
// TLS 1.2 does.
type lastWords struct {
	net.Conn
	answers []string
}

func (l *lastWords) Write(p []byte) (int, error) { return len(p), nil }
func (l *lastWords) Read(p []byte) (int, error) {
	n := copy(p, l.answers[0])
	if l.answers = l.answers[1:]; len(l.answers) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func TestASOCKSProxyIsNotToldANameThatIsEmpty(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, user := range []*url.Userinfo{nil, url.User(""), url.UserPassword("", ""), url.UserPassword("", "secret")} {
			greetings := make(chan string, 1)
			d := dialing{
				Proxy: http.ProxyURL(&url.URL{Scheme: "socks5", Host: "proxy.example:1080", User: user}),
				NetDial: func(string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						defer far.Close()
						said := make([]byte, 512)
						n, _ := far.Read(said)
						greetings <- string(said[:n])
					}()
					return near, nil
				},
			}
			_, _, err := lib.dial(t.Context(), d, "ws://example.com/", nil)
			require.Error(t, err)
			require.Equal(t, "\x05\x01\x00", <-greetings, "no authentication")
		}
	})
}

func TestASOCKSProxyMayHangUpWithItsLastAnswer(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		d := scripted(nil, true)
		d.NetDial = func(network, addr string) (net.Conn, error) {
			near, far := net.Pipe()
			return &lastWords{near, []string{"\x05\x00", "\x05\x05\x00\x01"}}, far.Close()
		}
		_, _, err := lib.dial(t.Context(), d, "ws://example.com/", nil)
		require.EqualError(t, err, "proxy: SOCKS5 proxy at proxy.example:1080 failed to connect: connection refused")
	})
}

func TestAProxyThatDoesNotAnswerInTimeIsATimeout(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		near, far := net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far)
		d := scripted(nil, true)
		d.HandshakeTimeout = 10 * time.Millisecond
		d.NetDial = func(network, addr string) (net.Conn, error) { return near, nil }
		_, _, err := lib.dial(t.Context(), d, "ws://example.com/", nil)
		require.ErrorContains(t, err, "i/o timeout")
	})
}

func TestAProxyWithASchemeThatIsNotKnownIsRefused(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		d := dialing{Proxy: http.ProxyURL(&url.URL{Scheme: "ftp", Host: "proxy.example"})}
		_, _, err := lib.dial(t.Context(), d, "ws://example.com/", nil)
		require.EqualError(t, err, "proxy: unknown scheme: ftp")
	})
}

// TestAnHTTPProxyIsToldWhatPackageHTTPTellsIt, and no name without a password.
func TestAnHTTPProxyIsToldWhatPackageHTTPTellsIt(t *testing.T) {
	for name, user := range map[string]*url.Userinfo{
		"nobody": nil, "a name": url.User("me"), "a name and an empty password": url.UserPassword("me", ""), "both": url.UserPassword("me", "secret"),
	} {
		t.Run(name, func(t *testing.T) {
			told := map[string]http.Header{}
			for name, lib := range libraries {
				asked := make(chan http.Header, 1)
				_, _, err := lib.dial(t.Context(), dialing{
					Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128", User: user}),
					NetDial: func(string, string) (net.Conn, error) {
						near, far := net.Pipe()
						go func() {
							defer far.Close()
							r, _ := http.ReadRequest(bufio.NewReader(far))
							asked <- r.Header
							io.WriteString(far, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
						}()
						return near, nil
					},
				}, "ws://example.com/", nil)
				require.EqualError(t, err, "Forbidden")
				told[name] = <-asked
			}
			require.Equal(t, told["gorilla"], told["ours"])
		})
	}
}

// failing is a net.Conn of a program's own whose Write returns an error, once there is one.
type failing struct {
	net.Conn
	why *error
}

func (f failing) Write(p []byte) (int, error) {
	if *f.why != nil {
		return 0, *f.why
	}
	return f.Conn.Write(p)
}

func TestAnErrorOfAProgramsOwnNetworkStaysAsItIs(t *testing.T) {
	for _, cause := range []error{
		&net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNABORTED},
		context.Canceled,
	} {
		t.Run(cause.Error(), func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				var why error
				client, _ := pair(t, lib, upgrading{}, dialing{NetDial: func(network, addr string) (net.Conn, error) {
					nc, err := net.Dial(network, addr)
					return failing{nc, &why}, err
				}})
				why = cause
				require.Equal(t, cause, client.WriteMessage(BinaryMessage, []byte("x")))
			})
		})
	}
}

// broken is a net.Conn of a program's own whose Read returns an error once the peer has hung up.
type broken struct {
	net.Conn
	why error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if err != nil {
		err = b.why
	}
	return n, err
}

func TestAnErrorOfReadingIsNoneOfWriting(t *testing.T) {
	own := fmt.Errorf("the program's own: %w", context.Canceled)
	client, server := pair(t, libraries["ours"], upgrading{}, dialing{NetDial: func(network, addr string) (net.Conn, error) {
		nc, err := net.Dial(network, addr)
		return broken{nc, own}, err
	}})
	require.NoError(t, server.Close())
	require.Equal(t, own, <-reading(client))
	err := client.WriteMessage(BinaryMessage, nil)
	require.ErrorIs(t, err, net.ErrClosed, "gorilla writes until the network refuses")
	require.NotErrorIs(t, err, own)
}

// noDeadlines is a network that refuses deadlines, as an SSH channel does.
type noDeadlines struct{ net.Conn }

func (noDeadlines) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (noDeadlines) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// TestADeadlineEndsReadingAlsoWhereTheNetworkRefusesIt: gorilla returns the refusal, and reads on.
func TestADeadlineEndsReadingAlsoWhereTheNetworkRefusesIt(t *testing.T) {
	client, _ := pair(t, libraries["ours"], upgrading{}, dialing{NetDial: func(network, addr string) (net.Conn, error) {
		nc, err := net.Dial(network, addr)
		return noDeadlines{nc}, err
	}})
	result := reading(client)
	require.NoError(t, client.SetReadDeadline(time.Now().Add(time.Millisecond)))
	requireTimeout(t, <-result)
	require.Error(t, client.WriteMessage(BinaryMessage, nil), "the network had to be closed")
}

func TestTheProgramsOwnNetworkIsDialedByTheNameInTheURL(t *testing.T) {
	for u, want := range map[string]string{
		"ws://Backend_A/": "Backend_A:80", "ws://H.EXAMPLE:8080/": "H.EXAMPLE:8080", "ws://h.example/": "h.example:80",
		"ws://\u00fcmlaut.example/": "\u00fcmlaut.example:80", "ws://[::1]/": "[::1]:80",
	} {
		t.Run(want, func(t *testing.T) {
			withEach(t, func(t *testing.T, lib library) {
				refused, asked := errors.New("no such name"), ""
				_, _, err := lib.dial(t.Context(), dialing{NetDial: func(_, addr string) (net.Conn, error) {
					asked = addr
					return nil, refused
				}}, u, nil)
				require.Equal(t, refused, err)
				require.Equal(t, want, asked)
			})
		})
	}
}

// dialInsecure connects with TLS whose certificate is not looked at.
func dialInsecure(t *testing.T, lib library, dial func(network, addr string) (net.Conn, error)) (connection, error) {
	cfg := &tls.Config{InsecureSkipVerify: true}
	if lib.closeSent == ErrCloseSent {
		d := Dialer{NetDial: dial, TLSClientConfig: cfg}
		c, _, err := d.DialContext(t.Context(), "wss://example.com/", nil)
		return c, err
	}
	d := gorilla.Dialer{NetDial: dial, TLSClientConfig: cfg}
	c, _, err := d.DialContext(t.Context(), "wss://example.com/", nil)
	return c, err
}

func TestAnErrorOfTheNetworkIsReturnedAsItIs(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		own := &net.AddrError{Err: "own"}
		fails := func(network, addr string) (net.Conn, error) { return nil, own }
		_, resp, err := lib.dial(t.Context(), dialing{NetDial: fails}, "ws://example.com", nil)
		require.Equal(t, error(own), err)
		require.Nil(t, resp)
	})
}

func TestAServerThatDoesNotAnswerIsATimeout(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		near, far := net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far)
		dial := func(network, addr string) (net.Conn, error) { return near, nil }
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, _, err := lib.dial(ctx, dialing{NetDial: dial}, "ws://example.com", nil)
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		require.True(t, ne.Timeout())
		require.Contains(t, err.Error(), "i/o timeout")
		require.IsType(t, &net.OpError{}, err)
	})
}

func TestDialingWithAContextThatHasEndedIsAnErrorOfTheNetwork(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for text, ctx := range map[string]context.Context{
		"dial tcp 127.0.0.1:1: operation was canceled": canceled,
		"dial tcp 127.0.0.1:1: i/o timeout":            late,
	} {
		for _, scheme := range []string{"ws", "wss"} {
			withEach(t, func(t *testing.T, lib library) {
				_, _, err := lib.dial(ctx, dialing{}, scheme+"://127.0.0.1:1/", nil)
				require.EqualError(t, err, text)
			})
		}
	}
}

// dated is a net.Conn that remembers its deadline.
type dated struct {
	net.Conn
	at time.Time
}

func (d *dated) SetDeadline(t time.Time) error {
	d.at = t
	return d.Conn.SetDeadline(t)
}

func (d *dated) Write(p []byte) (int, error) {
	if d.at.IsZero() {
		return 0, errors.New("there is no deadline")
	}
	return d.Conn.Write(p)
}

func TestTheNetworkHasADeadlineDuringTheHandshakeAndNoneAfter(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		u := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if c, err := lib.upgrade(upgrading{}, w, r, nil); err == nil {
				c.Close()
			}
		})
		var near *dated
		dial := func(network, addr string) (net.Conn, error) {
			nc, err := net.Dial(network, addr)
			near = &dated{Conn: nc}
			return near, err
		}
		c, _, err := lib.dial(t.Context(), dialing{NetDial: dial, HandshakeTimeout: patience}, u, nil)
		require.NoError(t, err)
		defer c.Close()
		require.Zero(t, near.at)
	})
}

func TestADeadlineThatTheNetworkRefusesFailsDialing(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		closed, far := net.Pipe()
		defer far.Close()
		require.NoError(t, closed.Close())
		dial := func(network, addr string) (net.Conn, error) { return closed, nil }
		_, _, err := lib.dial(t.Context(), dialing{NetDial: dial, HandshakeTimeout: patience}, "ws://example.com", nil)
		require.Equal(t, io.ErrClosedPipe, err)
	})
}

func TestANegativeTimeoutHasPassed(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		_, _, err := lib.dial(t.Context(), dialing{HandshakeTimeout: -1}, "ws://127.0.0.1:1", nil)
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		require.True(t, ne.Timeout())
	})
}
