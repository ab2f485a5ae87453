package pipe

import (
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPipeCarriesBytesUntilAnEndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(4)
		done := make(chan struct{})
		go func() {
			defer close(done)
			n, err := a.Write([]byte("more than fits"))
			assert.NoError(t, err)
			assert.Equal(t, 14, n)
			assert.NoError(t, a.CloseWrite())
		}()
		synctest.Wait()
		require.Equal(t, 4, b.Buffered())
		all, err := io.ReadAll(b)
		require.NoError(t, err)
		require.Equal(t, "more than fits", string(all))
		<-done
		_, err = a.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = b.Write([]byte("back"))
		require.NoError(t, err, "the other direction is still open")
		require.NoError(t, a.Close())
		_, err = a.Read(make([]byte, 4))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = b.Write([]byte("x"))
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.NoError(t, b.Close())
	})
}

func TestAPipeKeepsItsMemory(t *testing.T) {
	a, b := New(8)
	from, to := []byte("abcde"), make([]byte, 8)
	_, err := a.Write(from[:3])
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { // with something left over each time
		if n, err := a.Write(from); n != 5 || err != nil {
			panic("not written")
		}
		if n, err := b.Read(to[:5]); n != 5 || err != nil {
			panic("not read")
		}
	}))
	n, err := b.Read(to)
	require.NoError(t, err)
	require.Equal(t, "cde", string(to[:n]))
}

func TestDeadlinesOfAPipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := New(4)
		start := time.Now()
		require.NoError(t, a.SetDeadline(start.Add(time.Second)))
		_, err := a.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		n, err := a.Write(make([]byte, 9))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Zero(t, n, "a deadline that has passed lets nothing through")
		require.Equal(t, time.Second, time.Since(start))
		require.NoError(t, a.SetDeadline(time.Time{}))
		_, err = b.Write([]byte("x"))
		require.NoError(t, err)
		n, err = a.Read(make([]byte, 0))
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = a.Read(make([]byte, 4))
		require.NoError(t, err)
		require.Equal(t, 1, n)
		n, err = a.Read(make([]byte, 0))
		require.NoError(t, err)
		require.Zero(t, n)
		require.Equal(t, "pipe", a.LocalAddr().String())
		require.Equal(t, "pipe", a.RemoteAddr().Network())
	})
}
