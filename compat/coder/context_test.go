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

func TestAContextThatEndsWhileReadingClosesTheConnection(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		for _, role := range []string{"client", "server"} {
			t.Run(role, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.Background())
				// So it ends while a call waits for what comes next.
				during := options{OnPingReceived: func(context.Context, []byte) bool { cancel(); return false }}
				near, far := pair(t, lib, lib, during, during)
				if role == "server" {
					near, far = far, near
				}
				go far.Ping(patient(t))
				_, _, err := near.Read(ctx)
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, -1, lib.status(err))
				_, _, err = far.Read(patient(t))
				require.ErrorIs(t, err, io.EOF)
				_, _, err = near.Read(patient(t))
				require.ErrorIs(t, err, net.ErrClosed)
				require.ErrorIs(t, near.Write(patient(t), text, nil), net.ErrClosed)
				require.ErrorIs(t, near.Ping(patient(t)), net.ErrClosed)
				require.NoError(t, near.Close(1000, ""))
				require.ErrorIs(t, near.Close(1000, ""), net.ErrClosed)
			})
		}
	})
}

func TestAContextThatEndsCutsAReader(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		w, err := far.Writer(patient(t), text)
		require.NoError(t, err)
		go w.Write(make([]byte, 32000)) // more than is gathered, and perhaps more than fits until it is read
		ctx, cancel := context.WithCancel(context.Background())
		_, r, err := near.Reader(ctx)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 100))
		require.NoError(t, err)
		result := doing(func() error { _, err := io.Copy(io.Discard, r); return err })
		cancel()
		if err := <-result; lib.tooBig == ErrMessageTooBig || !errors.Is(err, net.ErrClosed) { // of what it closes, in the original
			require.ErrorIs(t, err, context.Canceled)
		}
	})
}

func TestAContextThatEndsBetweenCallsChangesNothing(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		ctx, cancel := context.WithCancel(context.Background())
		require.NoError(t, near.Write(ctx, text, []byte("a")))
		_, p, err := far.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, "a", string(p))
		cancel()
		require.NoError(t, near.Write(patient(t), text, []byte("b")))
		_, p, err = far.Read(patient(t))
		require.NoError(t, err)
		require.Equal(t, "b", string(p))
	})
}

func TestAContextThatHadEndedBeforeSendsNothingAndClosesNothing(t *testing.T) {
	lib := libraries["ours"] // the original may close, or send all the same
	near, far := pair(t, lib, lib, options{}, options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, near.Write(ctx, text, []byte("a")), context.Canceled)
	_, err := near.Writer(ctx, text)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, near.Write(patient(t), text, []byte("b")))
	_, p, err := far.Read(patient(t))
	require.NoError(t, err)
	require.Equal(t, "b", string(p))
}

func TestWaitingForAWriterInVainClosesNothing(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		w, err := near.Writer(patient(t), text)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, near.Write(ctx, text, []byte("no")), context.DeadlineExceeded)
		_, err = near.Writer(ctx, text)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = io.WriteString(w, "yes")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		_, p, err := far.Read(patient(t))
		require.NoError(t, err)
		require.Equal(t, "yes", string(p))
	})
}

func TestTheEndOfCloseReadsContextClosesTheConnection(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		parent, cancel := context.WithCancel(context.Background())
		ctx := near.CloseRead(parent)
		cancel()
		<-ctx.Done()
		_, _, err := far.Read(patient(t))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestAWriterWhoseContextHasEndedSendsNoMessage(t *testing.T) {
	lib := libraries["ours"] // with the original it may arrive
	for role, of := range map[string]func(client, server connection) (near, far connection){
		"client": func(c, s connection) (connection, connection) { return c, s },
		"server": func(c, s connection) (connection, connection) { return s, c },
	} {
		t.Run(role, func(t *testing.T) {
			near, far := of(pair(t, lib, lib, options{}, options{}))
			ctx, cancel := context.WithCancel(patient(t))
			w, err := near.Writer(ctx, text)
			require.NoError(t, err)
			_, err = io.WriteString(w, "half a")
			require.NoError(t, err)
			cancel()
			require.ErrorIs(t, w.Close(), context.Canceled)
			_, p, err := far.Read(patient(t))
			require.Error(t, err)
			require.Empty(t, p)
			require.ErrorIs(t, near.Write(patient(t), text, nil), net.ErrClosed)
		})
	}
}
