package conn_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestAConnTellsWhatItIsMadeOf(t *testing.T) {
	for _, role := range roles {
		near, far := tcpPair(t)
		defer far.Close()
		c := open(near, role, &setup{Negotiated: conn.Negotiated{Subprotocol: "echo.v1"}})
		require.Equal(t, "echo.v1", c.Subprotocol())
		require.Same(t, near, c.NetConn())
		require.Equal(t, near.LocalAddr(), c.LocalAddr())
		require.Equal(t, near.RemoteAddr(), c.RemoteAddr())
		require.NoError(t, c.CloseNow())
	}
}

func TestAConfigIsCopied(t *testing.T) {
	cfg := setup{Config: conn.Config{ReadLimit: 3}, Negotiated: conn.Negotiated{Subprotocol: "before"}}
	withDrivers(t, &cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		copied := cfg
		cfg = setup{Config: conn.Config{ReadLimit: 1}, Negotiated: conn.Negotiated{Subprotocol: "after"}}
		defer func() { cfg = copied }()
		require.Equal(t, "before", c.Subprotocol())
		peer.Send(text("abc"))
		_, _, err := receive(t.Context(), c)
		require.NoError(t, err)
	})
}

// TestTheReadLimitIsOfBytesInAMessage: exactly the limit is fine, in one frame or in many, and one byte more is not.
func TestTheReadLimitIsOfBytesInAMessage(t *testing.T) {
	for name, message := range map[string]func(n int) []wstest.Frame{
		"one frame": func(n int) []wstest.Frame { return []wstest.Frame{binary(string(make([]byte, n)))} },
		"fragments": func(n int) []wstest.Frame {
			return []wstest.Frame{wstest.Part(frame.Binary, false, ""), more(string(make([]byte, n-1))), ping(strings.Repeat("x", 125)), last("x")}
		},
	} {
		for limit, cfg := range map[int]setup{10: {Config: conn.Config{ReadLimit: 10}}, conn.DefaultReadLimit: {}} {
			t.Run(name, func(t *testing.T) {
				withDriversOver(t, &cfg, 4<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
					for range 2 { // it is of each message anew
						peer.Send(message(limit)...)
						_, data, err := receive(t.Context(), c)
						require.NoError(t, err)
						require.Len(t, data, limit)
					}
					peer.Send(message(limit + 1)...)
					halfClose(peer)
					_, _, err := receive(t.Context(), c)
					requireEnded(t, c, err, conn.CloseError{Code: conn.StatusMessageTooBig}, conn.ErrMessageTooBig)
				})
			})
		}
	}
}

func TestTheReadLimitMayChange(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{ReadLimit: 5}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		read := func(n int) error {
			peer.Send(binary(string(make([]byte, n))))
			_, _, err := receive(t.Context(), c)
			return err
		}
		require.NoError(t, read(5))
		c.SetReadLimit(10)
		require.NoError(t, read(10))
		c.SetReadLimit(-1)
		require.NoError(t, read(50_000))
		c.SetReadLimit(0)
		require.NoError(t, read(50_000), "the default")
		c.SetReadLimit(1)
		require.NoError(t, read(1))
		peer.Send(binary("xx"))
		halfClose(peer)
		_, _, err := receive(t.Context(), c)
		require.ErrorIs(t, err, conn.ErrMessageTooBig)
	})
}

// TestTheReadLimitMayChangeWhileACallReads: within a message, where it has begun to wait already.
func TestTheReadLimitMayChangeWhileACallReads(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		received := inBackground(func() error { _, _, err := receive(t.Context(), c); return err })
		peer.Send(begin("hello"))
		synctest.Wait()
		c.SetReadLimit(6)
		peer.Send(last("!!"))
		halfClose(peer)
		require.ErrorIs(t, <-received, conn.ErrMessageTooBig)
	})
}

func TestANegativeReadLimitIsNone(t *testing.T) {
	withDriversOver(t, &setup{Config: conn.Config{ReadLimit: -1}}, 8<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(binary(string(make([]byte, 3<<20))))
		_, data, err := receive(t.Context(), c)
		require.NoError(t, err)
		require.Len(t, data, 3<<20)
	})
}

func TestANegativeSendQueueIsBoundless(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{SendQueue: -1}}, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		message := make([]byte, conn.DefaultSendQueue)
		for range 4 { // and the peer reads nothing
			require.NoError(t, c.Send(conn.Binary, message))
		}
		require.Greater(t, c.BufferedAmount(), int64(3*conn.DefaultSendQueue))
	})
}

func TestANegativeCloseTimeoutIsNone(t *testing.T) {
	withDrivers(t, &setup{Config: conn.Config{CloseTimeout: -1}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "bye") })
		<-time.After(24 * time.Hour)
		require.Empty(t, closed)
		peer.Expect(bye)
		peer.Send(bye)
		require.NoError(t, <-closed)
		halfClose(peer)
	})
}

// TestOnlySmallFragmentsAreCounted: large ones are bounded by the read limit.
func TestOnlySmallFragmentsAreCounted(t *testing.T) {
	withDriversOver(t, &setup{Config: conn.Config{MaxFragments: 3}}, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		large := strings.Repeat("x", conn.SmallFragment)
		for range 2 { // the count is of each message anew
			peer.Send(begin(large), more("1"), more(large), more("2"), more(large), last("3"))
			_, _, err := receive(t.Context(), c)
			require.NoError(t, err)
		}
		peer.Send(begin("1"), more("2"), more("3"), more(large), last(large[1:]))
		halfClose(peer)
		_, _, err := receive(t.Context(), c)
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusPolicyViolation, Reason: "too many fragments"}, conn.ErrTooManyFragments)
	})
}

func TestEndlessFragmentsEnd(t *testing.T) {
	for _, part := range []string{"", "x"} {
		withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			ended := reading(c)
			peer.Send(begin(part))
			parts := peer.Encode(more(part))
			for range conn.DefaultMaxFragments {
				require.Empty(t, ended)
				peer.SendRaw(parts)
			}
			peer.Expect(closing(conn.StatusPolicyViolation, "too many fragments"))
			hangUp(peer)
			require.ErrorIs(t, <-ended, conn.ErrTooManyFragments)
		})
	}
	withDrivers(t, &setup{Config: conn.Config{MaxFragments: -1}}, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		go func() {
			peer.Send(begin(""))
			parts := bytes.Repeat(peer.Encode(more("x")), 1000)
			for range 2 * conn.DefaultMaxFragments / 1000 {
				peer.SendRaw(parts)
			}
			peer.Send(last(""))
		}()
		_, data, err := receive(t.Context(), c)
		require.NoError(t, err)
		require.Len(t, data, 2*conn.DefaultMaxFragments/1000*1000)
	})
}

func TestThousandsOfFramesMayComeInOneSegment(t *testing.T) {
	withDriversOver(t, nil, 1<<20, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		messages := numbered(2000)
		peer.Send(messages...)
		for n := range messages {
			_, data, err := receive(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, messages[n].Payload, data)
		}
	})
}

// lazyConn reads nothing, again and again, and says that all is well.
type lazyConn struct{ net.Conn }

func (lazyConn) Read([]byte) (int, error) { return 0, nil }

func TestANetConnThatReadsNothingForEverIsGivenUp(t *testing.T) {
	lazy := func(end *wstest.End) net.Conn { return lazyConn{end} }
	inBothRolesOver(t, nil, 0, lazy, func(t *testing.T, c *conn.Conn, _ *wstest.Peer) {
		_, _, err := c.Read(t.Context())
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure}, io.ErrNoProgress)
	})
}

// lastWords returns its last bytes together with io.EOF, as a net.Conn may.
type lastWords struct{ net.Conn }

func (c lastWords) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.Conn.(*wstest.End).Buffered() == 0 {
		err = io.EOF
	}
	return n, err
}

func TestBytesThatComeWithAnErrorAreNotLost(t *testing.T) {
	inBothRolesOver(t, nil, 0, func(end *wstest.End) net.Conn { return lastWords{end} }, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("last words"))
		halfClose(peer)
		_, data, err := c.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, "last words", string(data))
		_, _, err = c.Read(t.Context())
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure, Remote: true}, unwrapped(c))
	})
}

func TestABrokenRuleIsReportedAlsoIfThePeerVanishes(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(text("\xff"))
		hangUp(peer) // our close frame cannot be sent
		_, _, err := receive(t.Context(), c)
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusInvalidPayload, Reason: "text is not UTF-8"}, conn.ErrInvalidUTF8)
	})
}

func TestWhatTheirCloseFrameSaidIsKeptIfTheAnswerCannotBeSent(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(bye)
		hangUp(peer)
		_, _, err := receive(t.Context(), c)
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusNormalClosure, Reason: "bye", Remote: true, WasClean: true}, nil)
	})
}

func TestNothingIsLeftBehindByConnectionsOverTCP(t *testing.T) {
	wstest.NoLeaks(t)
	for n := range 30 {
		near, far := tcpPair(t)
		client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
		ended := inBackground(func() error { return server.Serve(t.Context(), echo) })
		require.NoError(t, client.Write(t.Context(), conn.Text, pattern(n*1000)))
		_, data, err := client.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, string(pattern(n*1000)), string(data))
		switch n % 3 {
		case 0:
			require.NoError(t, client.Close(conn.StatusNormalClosure, ""))
			require.Equal(t, conn.StatusNormalClosure, conn.CloseStatus(<-ended))
		case 1:
			require.NoError(t, server.CloseNow())
			_, _, err := client.Read(t.Context())
			require.Equal(t, conn.StatusAbnormalClosure, conn.CloseStatus(err))
		case 2:
			near.Close()
			require.Equal(t, conn.StatusAbnormalClosure, conn.CloseStatus(<-ended))
		}
		client.CloseNow()
		server.CloseNow()
	}
}
