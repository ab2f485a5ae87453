package h2stream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/nettest"
)

// Nothing of the contract of net.Conn is missing. What HTTP/2 has no way for is a server that ends its direction of the
// stream and reads on: there is no CloseWrite on that side.
func TestAStreamIsANetConn(t *testing.T) {
	for _, swapped := range []bool{false, true} {
		t.Run(map[bool]string{false: "client", true: "server"}[swapped], func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				x := newExchange(t)
				client, server, err := x.open(t.Context())
				if err != nil {
					return nil, nil, nil, err
				}
				stop = func() {
					client.Close()
					server.Close()
					x.stop()
				}
				if swapped {
					return server, client, stop, nil
				}
				return client, server, stop, nil
			})
		})
	}
}

func TestBytesAreReadInAnyPieces(t *testing.T) {
	for _, size := range []int{1, smallRead - 1, smallRead, smallRead + 1, largeRead, 3*largeRead + 7} {
		f, c := newFake()
		want := strings.Repeat("0123456789abcdef", size/16+1)[:size]
		go func() {
			io.WriteString(f.arriving, want)
			f.arriving.Close()
		}()
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, want, string(got))
		require.NoError(t, c.Close())
	}
}

func TestNothingIsReadAheadOfTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		taken := make(chan int, 100)
		go func() {
			defer close(taken)
			for range 3 {
				n, _ := f.arriving.Write(make([]byte, 100))
				taken <- n
			}
		}()
		synctest.Wait()
		require.Empty(t, taken)
		for i, n := range []int{60, 40} {
			got, err := c.Read(make([]byte, n))
			require.NoError(t, err)
			require.Equal(t, n, got)
			synctest.Wait()
			require.Len(t, taken, i+1, "there is one read ahead, and none while a part of it is left")
		}
		_, err := io.ReadFull(c, make([]byte, 200))
		require.NoError(t, err)
		require.NoError(t, c.Close())
	})
}

func TestWhatArrivedBeforeTheEndIsReadFirst(t *testing.T) {
	reset := http2.StreamError{StreamID: 1, Code: http2.ErrCodeCancel}
	for _, tc := range []struct {
		name string
		end  error
		want error
	}{
		{"END_STREAM", io.EOF, io.EOF},
		{"RST_STREAM", reset, syscall.ECONNRESET},
		{"the connection", net.ErrClosed, net.ErrClosed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, c := newFake()
			go func() {
				io.WriteString(f.arriving, "last words")
				f.arriving.CloseWithError(tc.end)
			}()
			b := make([]byte, 10)
			_, err := io.ReadFull(c, b)
			require.NoError(t, err)
			require.Equal(t, "last words", string(b))
			for range 2 {
				_, err = c.Read(b)
				require.ErrorIs(t, err, tc.want)
			}
			require.NoError(t, c.Close())
		})
	}
}

func TestAResetTellsItsCode(t *testing.T) {
	f, c := newFake()
	f.arriving.CloseWithError(http2.StreamError{StreamID: 1, Code: http2.ErrCodeCancel})
	_, err := c.Read(make([]byte, 1))
	var reset *ResetError
	require.ErrorAs(t, err, &reset)
	require.EqualValues(t, 8, reset.Code)
	require.ErrorAs(t, err, new(net.Error))
	require.ErrorContains(t, err, "0x8")
	require.NoError(t, c.Close())
}

func TestAWriteThatIsCutGoesOutAheadOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
		first := []byte("first")
		n, err := c.Write(first)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 5, n)
		copy(first, "XXXXX") // which is the caller's again
		n, err = c.Write([]byte("lost"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Zero(t, n)
		require.NoError(t, c.SetWriteDeadline(time.Time{}))
		go func() {
			_, err := c.Write([]byte("second"))
			assert.NoError(t, err)
			assert.NoError(t, c.Close())
		}()
		all, err := io.ReadAll(f.sent)
		require.NoError(t, err)
		require.Equal(t, "firstsecond", string(all))
		<-f.ended
	})
}

func TestWritesDoNotMix(t *testing.T) {
	f, c := newFake()
	const each, size = 8, 3*sendSize + 1
	done := make(chan error, each)
	for i := range each {
		go func() {
			_, err := c.Write([]byte(strings.Repeat(string(rune('a'+i)), size)))
			done <- err
		}()
	}
	for range each {
		b := make([]byte, size)
		_, err := io.ReadFull(f.sent, b)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat(string(b[:1]), size), string(b))
	}
	for range each {
		require.NoError(t, <-done)
	}
	require.NoError(t, c.Close())
}

func TestCloseEndsAStreamInGoodOrder(t *testing.T) {
	f, c := newFake()
	require.NoError(t, c.Close())
	<-f.ended
	require.ErrorIs(t, c.Close(), net.ErrClosed)
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = c.Write(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = f.arriving.Write(make([]byte, 1))
	require.ErrorIs(t, err, io.ErrClosedPipe, "the body is closed")
}

// gone is what is left of a response whose handler has returned while a write waits.
type gone struct {
	http.ResponseWriter
	over chan struct{}
}

func (g *gone) Write([]byte) (int, error)       { <-g.over; return 0, net.ErrClosed }
func (g *gone) SetReadDeadline(time.Time) error { return nil }
func (g *gone) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() {
		close(g.over)
		panic("the handler has returned")
	}
	return nil
}

func TestCloseDoesNotPanicWhenTheHandlerHasReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, "http://example.com/", strings.NewReader("body"))
		require.NoError(t, err)
		c, err := Serve(&gone{over: make(chan struct{})}, r)
		require.NoError(t, err)
		go c.Write([]byte("waits"))
		synctest.Wait()
		require.NoError(t, c.Close())
	})
}

func TestCloseResetsAStreamWhoseWriteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		written := make(chan error, 1)
		go func() {
			_, err := c.Write([]byte("that nobody takes"))
			written <- err
		}()
		synctest.Wait()
		require.NoError(t, c.Close())
		<-f.aborted
		require.ErrorIs(t, <-written, net.ErrClosed)
	})
}

func TestAnErrorOfSendingStays(t *testing.T) {
	broken := errors.New("broken")
	for err, want := range map[error]error{
		broken: broken,
		io.EOF: io.ErrUnexpectedEOF,
		http2.StreamError{StreamID: 1, Code: http2.ErrCodeInternal}: syscall.ECONNRESET,
	} {
		c := New(Stream{Body: io.NopCloser(strings.NewReader("")), Send: func([]byte) error { return err }})
		for range 2 {
			n, got := c.Write([]byte("x"))
			require.ErrorIs(t, got, want)
			require.Zero(t, n)
		}
		require.NoError(t, c.Close())
	}
}

func TestCloseWriteEndsOneDirectionAlone(t *testing.T) {
	f, c := newFake()
	half := HalfCloser{c}
	require.NoError(t, half.CloseWrite())
	<-f.ended
	require.ErrorIs(t, half.CloseWrite(), net.ErrClosed)
	_, err := c.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
	go io.WriteString(f.arriving, "still")
	b := make([]byte, 5)
	_, err = io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, "still", string(b))
	require.NoError(t, c.Close())
}

func TestCloseWriteWaitsNoLongerThanTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake()
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
		_, err := c.Write([]byte("that nobody takes"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.ErrorIs(t, HalfCloser{c}.CloseWrite(), os.ErrDeadlineExceeded)
		require.NoError(t, c.Close())
	})
}

func TestAStreamThatWaitsHoldsNoLargeBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		go func() {
			f.arriving.Write(make([]byte, 5*largeRead))
			f.arriving.Write(make([]byte, 10))
		}()
		_, err := io.ReadFull(c, make([]byte, 5*largeRead+10))
		require.NoError(t, err)
		synctest.Wait()
		c.in.mu.Lock()
		require.Nil(t, c.in.large)
		c.in.mu.Unlock()
		require.NoError(t, c.Close())
	})
}

func TestAReadThatNothingCutsNeedsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		go func() {
			f.arriving.Write([]byte("hello"))
			f.arriving.CloseWithError(io.EOF)
		}()
		all, err := io.ReadAll(uncut{c})
		require.NoError(t, err)
		require.Equal(t, "hello", string(all))
		_, err = c.ReadUncut(make([]byte, 1))
		require.Equal(t, io.EOF, err, "again")
		_, err = c.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "again")
		require.False(t, c.in.claimed)
		require.NoError(t, c.Close())
		_, err = c.ReadUncut(make([]byte, 1))
		require.Equal(t, net.ErrClosed, err)
	})
}

// uncut reads with ReadUncut.
type uncut struct{ *Conn }

func (u uncut) Read(p []byte) (int, error) { return u.ReadUncut(p) }

func TestWhatADirectReadGetsWithAnErrorComesFirst(t *testing.T) {
	c := New(Stream{Body: io.NopCloser(iotest.DataErrReader(strings.NewReader("last words")))})
	p := make([]byte, 100)
	n, err := c.ReadUncut(p)
	require.NoError(t, err)
	require.Equal(t, "last words", string(p[:n]))
	_, err = c.ReadUncut(p)
	require.Equal(t, io.EOF, err)
	require.NoError(t, c.Close())
}

func TestADirectReadTellsTheCodeOfAReset(t *testing.T) {
	c := New(Stream{Body: io.NopCloser(iotest.ErrReader(http2.StreamError{StreamID: 1, Code: http2.ErrCodeCancel}))})
	for range 2 {
		_, err := c.ReadUncut(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
	}
	require.NoError(t, c.Close())
}

func TestCloseEndsADirectReadAndWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newFake()
		read := make(chan error, 1)
		go func() {
			_, err := c.ReadUncut(make([]byte, 1))
			read <- err
		}()
		synctest.Wait()
		require.Empty(t, read)
		require.NoError(t, c.Close())
		require.Equal(t, net.ErrClosed, <-read)
	})
}

// Reading goes on with deadlines once that is asked for: behind a direct read, and while one is under way.
func TestReadsWithDeadlinesFollowDirectOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		go f.arriving.Write([]byte("1"))
		p := make([]byte, 1)
		_, err := io.ReadFull(uncut{c}, p)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = c.ReadUncut(p)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "one that was set before is heeded")
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		go f.arriving.Write([]byte("2"))
		_, err = c.ReadUncut(p)
		require.NoError(t, err)
		require.Equal(t, "2", string(p))
		require.NoError(t, c.Close())
	})
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		got := make(chan byte, 2)
		for _, read := range []func([]byte) (int, error){c.ReadUncut, c.Read} {
			go func() {
				p := make([]byte, 1)
				if _, err := read(p); err == nil {
					got <- p[0]
				}
			}()
			synctest.Wait()
		}
		for _, b := range []byte("12") {
			f.arriving.Write([]byte{b})
			require.Equal(t, b, <-got)
		}
		require.NoError(t, c.Close())
	})
}
