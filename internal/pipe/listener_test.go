package pipe

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAListenerAcceptsWhoDialsUntilItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen()
		require.Equal(t, "pipe", l.Addr().Network())
		served := make(chan error)
		go func() {
			far, err := l.Accept()
			if err == nil {
				_, err = io.WriteString(far, "hello")
			}
			served <- err
		}()
		near, err := l.Dial(t.Context(), "tcp", "anywhere:80")
		require.NoError(t, err)
		require.NoError(t, <-served)

		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = l.Dial(ctx, "tcp", "anywhere:80")
		require.ErrorIs(t, err, context.DeadlineExceeded, "nobody accepts")
		require.Equal(t, time.Second, time.Since(start))

		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = l.Dial(t.Context(), "tcp", "anywhere:80")
		require.ErrorIs(t, err, net.ErrClosed)
		text := make([]byte, 5)
		_, err = io.ReadFull(near, text)
		require.NoError(t, err)
		require.Equal(t, "hello", string(text), "a connection outlives its listener")
	})
}
