package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestANetConnIsAStreamOfBytes(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		from, to := lib.netConn(patient(t), near, binary), lib.netConn(patient(t), far, binary)
		sent := doing(func() error {
			for range 10 {
				if n, err := from.Write(make([]byte, 50000)); err != nil || n != 50000 { // beyond the read limit
					return errors.Join(err, io.ErrShortWrite)
				}
				if _, err := from.Write(nil); err != nil {
					return err
				}
			}
			return from.Close()
		})
		all, err := io.ReadAll(to)
		require.NoError(t, err)
		require.Len(t, all, 500000)
		require.NoError(t, <-sent)
		_, err = to.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		_, err = to.Write([]byte("late"))
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestOnlySomeCloseFramesAreTheEndOfTheStream(t *testing.T) {
	for code, eof := range map[int]bool{1000: true, 1001: true, 1005: false, 1011: false, 4000: false} {
		inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
			closed := doing(func() error { return far.Close(code, "") })
			_, err := lib.netConn(patient(t), near, binary).Read(make([]byte, 1))
			require.Equal(t, eof, err == io.EOF, err)
			if !eof {
				require.Equal(t, code, lib.status(err))
			}
			require.NoError(t, <-closed)
		})
	}
}

func TestAMessageOfTheOtherTypeIsUnsupportedData(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		const reason = "unexpected frame type read (expected MessageBinary): MessageText"
		result := reading(t, far)
		require.NoError(t, far.Write(patient(t), text, []byte("hello")))
		_, err := lib.netConn(patient(t), near, binary).Read(make([]byte, 1))
		require.EqualError(t, err, reason)
		code, said, _ := lib.closed(<-result)
		require.Equal(t, 1003, code)
		require.Equal(t, reason, said)
	})
}

func TestTheContextOfANetConnEndsIt(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		ctx, cancel := context.WithCancel(context.Background())
		nc := lib.netConn(ctx, near, binary)
		result := doing(func() error { _, err := nc.Read(make([]byte, 1)); return err })
		cancel()
		require.ErrorIs(t, <-result, context.Canceled)
		for err := error(nil); err == nil; { // the original may still take some
			_, err = nc.Write([]byte("x"))
		}
	})
}

func TestADeadlineThatHasPassedFailsCallsUntilItIsMoved(t *testing.T) {
	lib := libraries["ours"] // the original's passes a moment later, perhaps during a call
	client, server := pair(t, lib, lib, options{}, options{})
	nc, other := lib.netConn(patient(t), client, binary), lib.netConn(patient(t), server, binary)
	echoed := doing(func() error { _, err := io.Copy(other, other); return err })
	for _, set := range []func(time.Time) error{nc.SetReadDeadline, nc.SetWriteDeadline, nc.SetDeadline} {
		require.NoError(t, set(time.Now().Add(patience)))
		require.NoError(t, set(time.Time{}))
	}
	require.NoError(t, nc.SetWriteDeadline(time.Now().Add(-time.Second)))
	_, err := nc.Write([]byte("late"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, nc.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err = nc.Read(make([]byte, 1))
	require.ErrorIs(t, err, context.DeadlineExceeded)

	require.NoError(t, nc.SetDeadline(time.Time{}))
	_, err = nc.Write([]byte("x"))
	require.NoError(t, err)
	n, err := nc.Read(make([]byte, 10))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, nc.Close())
	require.NoError(t, <-echoed)
}

func TestADeadlineThatPassesDuringACallClosesTheConnection(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		nc, result := lib.netConn(patient(t), near, binary), reading(t, far)
		for {
			read := doing(func() error { _, err := nc.Read(make([]byte, 1)); return err })
			require.NoError(t, nc.SetReadDeadline(time.Now().Add(time.Millisecond)))
			require.Error(t, <-read)
			if err := near.Write(patient(t), text, nil); err != nil {
				require.ErrorIs(t, err, net.ErrClosed)
				break
			}
			require.NoError(t, nc.SetReadDeadline(time.Time{})) // it had passed before the call
		}
		require.ErrorIs(t, <-result, io.EOF)
	})
}

func TestClosingANetConnDuringAReadWaitsForNobody(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, role := range []string{"client", "server"} {
			t.Run(role, func(t *testing.T) {
				waiting := make(chan struct{})
				o := options{OnPingReceived: func(context.Context, []byte) bool { close(waiting); return false }}
				near, far := pair(t, lib, lib, o, o)
				if role == "server" {
					near, far = far, near
				}
				nc := lib.netConn(patient(t), near, binary)
				read := doing(func() error { _, err := nc.Read(make([]byte, 1)); return err })
				ping, cancel := context.WithCancel(patient(t))
				pinged := doing(func() error { return far.Ping(ping) })
				<-waiting
				require.NoError(t, nc.Close()) // although nobody reads at the other end
				require.ErrorIs(t, <-read, context.Canceled)
				require.ErrorIs(t, nc.Close(), net.ErrClosed)
				cancel()
				require.Error(t, <-pinged)
				if lib.tooBig == ErrMessageTooBig { // the original may or may not have sent its close frame
					_, err := lib.netConn(patient(t), far, binary).Read(make([]byte, 1))
					require.Equal(t, io.EOF, err)
				}
			})
		}
	})
}

func TestReadingNothingFromANetConnReturns(t *testing.T) {
	lib := libraries["ours"] // the original tries again and again
	client, server := pair(t, lib, lib, options{}, options{})
	require.NoError(t, server.Write(patient(t), binary, []byte("x")))
	n, err := lib.netConn(patient(t), client, binary).Read(nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestANetConnHasTheAddressesThatTheOriginalHas(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		client, server := pair(t, lib, lib, options{}, options{})
		dialed, accepted := lib.netConn(patient(t), client, text), lib.netConn(patient(t), server, text)
		require.Equal(t, "websocket", dialed.LocalAddr().Network())
		require.Equal(t, "websocket/unknown-addr", dialed.RemoteAddr().String())
		require.IsType(t, &net.TCPAddr{}, accepted.LocalAddr())
		require.IsType(t, &net.TCPAddr{}, accepted.RemoteAddr())
	})
}
