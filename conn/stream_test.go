package conn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestStreamIsANetConn(t *testing.T) {
	pipes := map[string]func(t testing.TB) (net.Conn, net.Conn){
		"TCP":       tcpPair,
		"in memory": func(testing.TB) (net.Conn, net.Conn) { a, b := wstest.Pipe(0); return a, b },
	}
	for name, pipe := range pipes {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
				a, b := pipe(t)
				client, server := conn.Client(a, nil, nil), conn.Server(b, nil, nil)
				stop := func() {
					client.CloseNow()
					server.CloseNow()
				}
				return conn.Stream(context.Background(), client, conn.Binary), conn.Stream(context.Background(), server, conn.Binary), stop, nil
			})
		})
	}
}

// streamTest is a test of a stream over a connection.
type streamTest = func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer)

// inBothRolesAsStream runs f with a stream over a connection.
func inBothRolesAsStream(t *testing.T, size int, f streamTest) {
	inBothRolesOver(t, nil, size, nil, asStream(f))
}

// withDriversAsStream is the same with each driver. An event loop takes no reads.
func withDriversAsStream(t *testing.T, size int, f streamTest) {
	withDriversOver(t, nil, size, nil, asStream(f))
}

func asStream(f streamTest) test {
	return func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		f(t, conn.Stream(t.Context(), c, conn.Binary), c, peer)
	}
}

func TestAStreamDoesNotCareForTheEdgesOfMessages(t *testing.T) {
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(binary("ab"), text(""), begin("c"), ping(""), more(""), last("de"), text("fg"), bye)
		halfClose(peer)
		var all []byte
		for p := make([]byte, 3); ; {
			n, err := s.Read(p)
			all = append(all, p[:n]...)
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			require.Positive(t, n)
		}
		require.Equal(t, "abcdefg", string(all))
		n, err := s.Read(make([]byte, 3))
		require.Zero(t, n)
		require.Equal(t, io.EOF, err)
		require.NoError(t, s.Close(), "the peer closed first")
		require.Equal(t, c.LocalAddr(), s.LocalAddr())
		require.Equal(t, c.RemoteAddr(), s.RemoteAddr())
	})
}

func TestAStreamSendsAMessagePerWriteAndCutsLongOnes(t *testing.T) {
	withDriversAsStream(t, 1<<20, func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer) {
		const piece = 64 << 10
		for _, n := range []int{0, 1, piece, piece + 1, 2 * piece, 150_000} {
			data := pattern(n)
			wrote, err := s.Write(data)
			require.NoError(t, err)
			require.Equal(t, n, wrote)
			for first := true; first || len(data) > 0; first = false {
				k := min(piece, len(data))
				peer.Expect(wstest.Frame{Fin: true, Opcode: frame.Binary, Payload: data[:k]})
				data = data[k:]
			}
		}
	})
}

func TestOnlyANormalCloseIsTheEndOfAStream(t *testing.T) {
	for code, eof := range map[conn.StatusCode]bool{
		conn.StatusNormalClosure: true, conn.StatusGoingAway: true, conn.StatusNoStatus: true,
		conn.StatusInternalError: false, conn.StatusPolicyViolation: false, 3000: false,
	} {
		inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer) {
			peer.Send(closing(code, ""))
			halfClose(peer)
			_, err := s.Read(make([]byte, 1))
			if eof {
				require.Equal(t, io.EOF, err)
			} else {
				requireEnded(t, c, err, conn.CloseError{Code: code, Remote: true, WasClean: true}, nil)
			}
		})
	}
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer) {
		hangUp(peer)
		_, err := s.Read(make([]byte, 1))
		requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure, Remote: true}, unwrapped(c))
		_, err = s.Write(nil)
		require.Same(t, c.Err(), err)
		require.Error(t, s.Close())
		_, err = s.Read(make([]byte, 1))
		require.Equal(t, net.ErrClosed, err, "whoever closed first")
		_, err = s.Write(nil)
		require.Equal(t, net.ErrClosed, err)
	})
}

func TestADeadlineOfAStreamCutsAndMayBeMoved(t *testing.T) {
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, _ *conn.Conn, peer *wstest.Peer) {
		start := time.Now()
		require.NoError(t, s.SetReadDeadline(start.Add(time.Second)))
		_, err := s.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.Equal(t, time.Second, time.Since(start))

		require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Hour)))
		reads := inBackground(func() error { _, err := s.Read(make([]byte, 1)); return err })
		synctest.Wait()
		require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Second)), "moved while somebody waits")
		require.ErrorIs(t, <-reads, os.ErrDeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(start))

		require.NoError(t, s.SetDeadline(time.Time{}))
		go func() {
			<-time.After(time.Hour)
			peer.Send(binary("late"))
		}()
		p := make([]byte, 10)
		n, err := s.Read(p)
		require.NoError(t, err)
		require.Equal(t, "late", string(p[:n]))
	})
}

func TestAMessageGoesOnAfterADeadlineCutItsReading(t *testing.T) {
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, _ *conn.Conn, peer *wstest.Peer) {
		peer.Send(wstest.Part(frame.Binary, false, "ab"))
		p := make([]byte, 10)
		n, err := s.Read(p)
		require.NoError(t, err)
		require.Equal(t, "ab", string(p[:n]))
		require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = s.Read(p)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, s.SetReadDeadline(time.Time{}))
		peer.Send(last("cd"))
		n, err = s.Read(p)
		require.NoError(t, err)
		require.Equal(t, "cd", string(p[:n]))
	})
}

func TestAWriteThatADeadlineCutsCountsWhatWillBeSent(t *testing.T) {
	withDriversAsStream(t, 64, func(t *testing.T, s net.Conn, _ *conn.Conn, peer *wstest.Peer) {
		data := pattern(200_000)
		require.NoError(t, s.SetWriteDeadline(time.Now().Add(time.Second)))
		n, err := s.Write(data)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Positive(t, n)
		_, err = s.Write(data[n:])
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, s.SetWriteDeadline(time.Time{}))
		go s.Write(data[n:])
		var got []byte
		for len(got) < len(data) {
			got = append(got, peer.Receive().Payload...)
		}
		require.Equal(t, data, got, "nothing is lost and nothing is sent twice")
	})
}

func TestTheContextOfAStreamEndsItsCalls(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		s := conn.Stream(within(t, time.Second), c, conn.Text)
		_, err := s.Read(make([]byte, 1))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = s.Write([]byte("x"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = s.Read(make([]byte, 1))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, conn.StateOpen, c.State())
		require.NoError(t, c.Write(t.Context(), conn.Text, []byte("the connection goes on")))
		peer.Expect(text("the connection goes on"))
	})
}

func TestCloseOfAStreamEndsItsCalls(t *testing.T) {
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer) {
		reads := inBackground(func() error { _, err := s.Read(make([]byte, 1)); return err })
		synctest.Wait()
		closed := inBackground(s.Close)
		peer.Expect(closing(conn.StatusNormalClosure, ""))
		requireClosed(t, <-reads)
		requireStreamClosed(t, s)
		peer.Send(closing(conn.StatusNormalClosure, ""))
		halfClose(peer)
		require.NoError(t, <-closed)
		requireStreamClosed(t, s)
	})
}

// requireClosed requires the error that says that somebody has closed this end, and not that time was up.
func requireClosed(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, net.ErrClosed)
	var timeout net.Error
	require.False(t, errors.As(err, &timeout) && timeout.Timeout(), err)
}

func requireStreamClosed(t *testing.T, s net.Conn) {
	t.Helper()
	_, err := s.Read(make([]byte, 1))
	requireClosed(t, err)
	_, err = s.Write([]byte("x"))
	requireClosed(t, err)
	for _, set := range []func(time.Time) error{s.SetDeadline, s.SetReadDeadline, s.SetWriteDeadline} {
		requireClosed(t, set(time.Time{}))
	}
}

func TestOnlyAReadSaysThatAStreamIsAtItsEnd(t *testing.T) {
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(bye)
		halfClose(peer)
		_, err := s.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		_, err = s.Write([]byte("x"))
		require.Same(t, c.Err(), err)
	})
}

func TestReadersOfAStreamTakeTurns(t *testing.T) {
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, _ *conn.Conn, peer *wstest.Peer) {
		letters := make(chan string, 26)
		for range 26 {
			go func() {
				p := make([]byte, 1)
				if _, err := s.Read(p); err == nil {
					letters <- string(p)
				}
			}()
		}
		synctest.Wait()
		peer.Send(begin("abcdefghijklm"), last("nopqr"), text("stuvwxyz"))
		var all strings.Builder
		for range 26 {
			all.WriteString(<-letters)
		}
		require.Len(t, all.String(), 26)
		for _, r := range "abcdefghijklmnopqrstuvwxyz" {
			require.Contains(t, all.String(), string(r))
		}
		n, err := s.Read(nil)
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestNothingComesBetweenTheMessagesOfOneWriteToAStream(t *testing.T) {
	withDriversAsStream(t, 100, func(t *testing.T, s net.Conn, _ *conn.Conn, peer *wstest.Peer) {
		const size = 200 << 10
		wrote := inBackground(func() error { _, err := s.Write(bytes.Repeat([]byte("a"), size)); return err })
		synctest.Wait()
		wroteMore := inBackground(func() error { _, err := s.Write([]byte("b")); return err })
		synctest.Wait()
		var got []byte
		for len(got) <= size {
			got = append(got, peer.Receive().Payload...)
		}
		require.Equal(t, size, bytes.IndexByte(got, 'b'))
		require.NoError(t, <-wrote)
		require.NoError(t, <-wroteMore)
	})
}

func TestAWriteToAStreamGivesUpWaitingForAnother(t *testing.T) {
	withDriversAsStream(t, 100, func(t *testing.T, s net.Conn, c *conn.Conn, _ *wstest.Peer) {
		wrote := inBackground(func() error { _, err := s.Write(make([]byte, 1000)); return err })
		synctest.Wait()
		require.NoError(t, s.SetWriteDeadline(time.Now().Add(time.Second)))
		_, err := s.Write([]byte("b"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.ErrorIs(t, <-wrote, os.ErrDeadlineExceeded)
		c.CloseNow()
		require.NoError(t, s.SetWriteDeadline(time.Time{}))
		_, err = s.Write([]byte("b"))
		require.Same(t, c.Err(), err)
	})
}

func TestADeadlineThatIsMovedAsItPassesDoesNotPass(t *testing.T) {
	inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, _ *conn.Conn, peer *wstest.Peer) {
		for i := range 500 {
			require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Second)))
			<-time.After(time.Second)
			require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Hour)))
			peer.Send(binary("x"))
			_, err := s.Read(make([]byte, 1))
			require.NoError(t, err, i)
		}
	})
}

func TestOnesOwnCloseIsNoEndOfAStream(t *testing.T) {
	for name, end := range map[string]func(s net.Conn, c *conn.Conn) error{
		"of the stream":     func(s net.Conn, _ *conn.Conn) error { return s.Close() },
		"of the connection": func(_ net.Conn, c *conn.Conn) error { return c.Close(conn.StatusNormalClosure, "") },
	} {
		t.Run(name, func(t *testing.T) {
			inBothRolesAsStream(t, 0, func(t *testing.T, s net.Conn, c *conn.Conn, peer *wstest.Peer) {
				read := inBackground(func() error { _, err := s.Read(make([]byte, 1)); return err })
				synctest.Wait()
				closed := inBackground(func() error { return end(s, c) })
				peer.Expect(closing(conn.StatusNormalClosure, ""))
				peer.Send(closing(conn.StatusNormalClosure, ""))
				require.NoError(t, <-closed)
				require.True(t, c.Err().(*conn.CloseError).WasClean)
				require.ErrorIs(t, <-read, net.ErrClosed)
				_, err := s.Read(make([]byte, 1))
				require.ErrorIs(t, err, net.ErrClosed)
			})
		})
	}
}
