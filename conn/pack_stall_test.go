package conn_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// standing is a connection on which the compression of a message stands still until moveOn is called.
type standing struct {
	*conn.Conn
	peer    *wstest.Peer
	message []byte
	moveOn  func()
	written <-chan error // of the call that compresses
}

// inBothRolesStanding runs f with such a connection, once for each call that compresses.
func inBothRolesStanding(t *testing.T, f func(t *testing.T, s *standing)) {
	inBothRolesStandingWith(t, conn.Config{PingInterval: time.Minute}, f)
}

func inBothRolesStandingWith(t *testing.T, c conn.Config, f func(t *testing.T, s *standing)) {
	cfg := &setup{Config: c, Negotiated: conn.Negotiated{Deflate: &deflate.Params{}, DeflateOptions: &deflate.Options{Level: deflate.Smallest}}}
	for name, write := range map[string]func(c *conn.Conn, p *conn.Prepared) error{
		"Write": func(c *conn.Conn, p *conn.Prepared) error { return c.WritePrepared(context.Background(), p) },
		"Send":  (*conn.Conn).SendPrepared,
	} {
		t.Run(name, func(t *testing.T) {
			withDrivers(t, cfg, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				s := &standing{Conn: c, peer: peer, message: []byte(strings.Repeat("compressed slowly ", 1000))}
				p := conn.Prepare(conn.Text, s.message)
				s.moveOn = p.HoldCompression()
				s.written = inBackground(func() error { return write(c, p) })
				synctest.Wait()
				require.Empty(t, s.written)
				f(t, s)
			})
		})
	}
}

// expectMessage requires the message to come that stood still.
func (s *standing) expectMessage(t *testing.T) {
	f := s.peer.Receive()
	require.Equal(t, frame.RSV1, f.RSV)
	require.Equal(t, protocol.Form{WindowBits: 15, Level: deflate.Smallest}.Pack(nil, s.message), f.Payload)
}

func TestWhileAMessageIsCompressedNothingElseWaits(t *testing.T) {
	inBothRolesStanding(t, func(t *testing.T, s *standing) {
		start := time.Now()
		require.Equal(t, conn.StateOpen, s.State())
		require.Zero(t, s.BufferedAmount())
		require.NoError(t, s.Send(conn.Text, []byte("sent")))
		require.NoError(t, s.SendPrepared(conn.Prepare(conn.Text, []byte("prepared"))))
		require.Positive(t, s.BufferedAmount())

		require.NoError(t, s.SendPing([]byte("a ping")))
		require.NoError(t, s.SendPong([]byte("a pong")))
		require.NoError(t, s.Pong(t.Context(), []byte("another")))
		s.peer.Expect(ping("a ping"), pong("a pong"), pong("another"))

		ended := reading(s.Conn)
		s.peer.Send(ping("?"), text("a message"), ping("!"))
		s.peer.Expect(pong("?"), pong("!"))
		asked := inBackground(func() error { _, err := s.Ping(t.Context()); return err })
		s.peer.Send(pong(string(s.peer.Receive().Payload)))
		require.NoError(t, <-asked)
		require.Zero(t, time.Since(start))

		beat := s.peer.Receive()
		require.Equal(t, frame.Ping, beat.Opcode)
		require.LessOrEqual(t, time.Since(start), time.Minute)
		require.Empty(t, s.written, "it still stands still")
		require.Empty(t, ended)

		s.moveOn()
		s.expectMessage(t)
		s.peer.Expect(text("sent"), text("prepared"))
		require.NoError(t, <-s.written)
	})
}

func TestWhileAMessageIsCompressedPublishingGoesOn(t *testing.T) {
	inBothRolesStanding(t, func(t *testing.T, s *standing) {
		start := time.Now()
		h := hub.New(nil)
		require.NoError(t, h.Subscribe(s.Conn, "news"))
		var healthy []*wstest.Peer
		for range 3 {
			c, peer := newConn(t, frame.Server, nil)
			defer c.CloseNow()
			require.NoError(t, h.Subscribe(c, "news"))
			healthy = append(healthy, peer)
		}
		for range 2 {
			require.NoError(t, h.Publish(t.Context(), "news", conn.Prepare(conn.Text, []byte("published"))))
			for _, peer := range healthy {
				peer.Expect(text("published"))
			}
		}
		require.Empty(t, s.written, "it still stands still")
		s.moveOn()
		s.expectMessage(t)
		s.peer.Expect(text("published"), text("published"))
		require.NoError(t, <-s.written)
		require.Zero(t, time.Since(start))
	})
}

func TestCloseSendsWhatWasAcceptedBehindAMessageThatIsCompressed(t *testing.T) {
	inBothRolesStanding(t, func(t *testing.T, s *standing) {
		start := time.Now()
		require.NoError(t, s.Send(conn.Text, []byte("sent")))
		closed := inBackground(func() error { return s.Close(conn.StatusNormalClosure, "bye") })
		synctest.Wait()
		require.Empty(t, closed)
		require.Equal(t, conn.StateClosing, s.State())
		require.ErrorIs(t, s.Send(conn.Text, nil), conn.ErrCloseSent)
		s.moveOn()
		s.expectMessage(t)
		s.peer.Expect(text("sent"), closing(conn.StatusNormalClosure, "bye"))
		require.NoError(t, <-s.written)
		s.peer.Send(closing(conn.StatusNormalClosure, "bye"))
		require.NoError(t, <-closed)
		require.Zero(t, time.Since(start))
	})
}

func TestCloseNowDoesNotWaitForCompression(t *testing.T) {
	inBothRolesStanding(t, func(t *testing.T, s *standing) {
		start := time.Now()
		require.NoError(t, s.CloseNow())
		s.peer.ExpectEOF()
		require.Empty(t, s.written)
		s.moveOn()
		require.Same(t, s.Err(), <-s.written)
		require.Zero(t, time.Since(start))
	})
}

// TestFailFastDoesNotBoundWhatThisSideCompresses: the peer cannot make that quicker.
func TestFailFastDoesNotBoundWhatThisSideCompresses(t *testing.T) {
	inBothRolesStandingWith(t, conn.Config{FailFast: time.Second, CloseTimeout: time.Minute}, func(t *testing.T, s *standing) {
		require.NoError(t, s.Send(conn.Text, []byte("sent")))
		ended := reading(s.Conn) // where there is no event loop
		s.peer.Send(closing(conn.StatusNormalClosure, "bye"))
		<-time.After(10 * time.Second)
		s.moveOn()
		s.expectMessage(t)
		s.peer.Expect(text("sent"), closing(conn.StatusNormalClosure, "bye"))
		require.NoError(t, <-s.written)
		hangUp(s.peer)
		<-s.Done()
		require.Error(t, <-ended)
		require.Equal(t, conn.StatusNormalClosure, conn.CloseStatus(s.Err()))
	})
}
