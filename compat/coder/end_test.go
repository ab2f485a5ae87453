package websocket

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// byHand returns a server's connection, and the client's end of its network.
func byHand(t *testing.T, lib library) (c connection, far net.Conn) {
	near, far := net.Pipe()
	return over(t, lib, near, far), far
}

// over returns a server's connection over one end of a network.
func over(t *testing.T, lib library, near, far net.Conn) connection {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(name, value)
	}
	c, err := lib.accept(hijackable{http.Header{}, near}, r, options{})
	require.NoError(t, err)
	t.Cleanup(func() {
		far.Close()
		c.CloseNow()
	})
	return c
}

// overAPipe runs a test against both libraries, as the server of a client that is written by hand, in fake time.
func overAPipe(t *testing.T, test func(t *testing.T, lib library, c connection, far net.Conn)) {
	withEach(t, func(t *testing.T, lib library) {
		synctest.Test(t, func(t *testing.T) {
			c, far := byHand(t, lib)
			test(t, lib, c, far)
		})
	})
}

// Frames of a client, whose mask is 0.
const (
	closes4000 = "\x88\x82\x00\x00\x00\x00\x0f\xa0"
	closes1000 = "\x88\x82\x00\x00\x00\x00\x03\xe8"
	reserved   = "\x83\x80\x00\x00\x00\x00"
	hello      = "\x82\x85\x00\x00\x00\x00hello"
)

// send has c find a frame when it reads, or wherever it waits.
func send(far net.Conn, frame string) { go io.WriteString(far, frame) }

func TestACloseFrameThatCameIsToldAlsoIfTheAnswerCannotBeSent(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		blocked := doing(func() error { return c.Write(t.Context(), binary, []byte("nobody reads this")) })
		synctest.Wait()
		send(far, closes4000)
		_, _, err := c.Read(t.Context())
		require.Equal(t, 4000, lib.status(err), err)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "there was none")
		require.Error(t, <-blocked)
	})
}

func TestCloseAfterACloseFrameThatCouldNotBeAnsweredIsErrClosed(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		gone := c.CloseRead(t.Context())
		blocked := doing(func() error { return c.Write(t.Context(), binary, []byte("nobody reads this")) })
		synctest.Wait()
		send(far, closes4000)
		<-gone.Done()
		require.ErrorIs(t, c.Close(1000, ""), net.ErrClosed)
		require.Error(t, <-blocked)
	})
}

func TestAfterCloseReadHasSeenTheEndNothingIsWrongWithClosing(t *testing.T) {
	for name, end := range map[string]func(far net.Conn){
		"the peer is gone": func(far net.Conn) { far.Close() },
		"a broken rule": func(far net.Conn) {
			go io.Copy(io.Discard, far)
			send(far, reserved)
			synctest.Wait()
			far.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
				gone := c.CloseRead(t.Context())
				end(far)
				<-gone.Done()
				synctest.Wait()
				_, _, err := c.Read(t.Context())
				require.ErrorIs(t, err, net.ErrClosed)
				require.NoError(t, c.Close(1000, ""))
			})
		})
	}
}

func TestAReadThatCloseEndsIsErrClosedAlsoIfThePeerDoesNotAnswer(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		go io.Copy(io.Discard, far)
		result := doing(func() error { _, _, err := c.Read(t.Context()); return err })
		synctest.Wait()
		require.Error(t, c.Close(1000, ""))
		err := <-result
		require.ErrorIs(t, err, net.ErrClosed)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestAReaderOfAConnectionThatThisSideHasClosedIsErrClosed(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		send(far, hello)
		_, r, err := c.Reader(t.Context())
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, 2))
		require.NoError(t, err)
		go func() {
			io.ReadFull(far, make([]byte, 4))
			send(far, closes1000)
		}()
		require.NoError(t, c.Close(1000, ""))
		_, err = r.Read(make([]byte, 2))
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, -1, lib.status(err))
	})
}

func TestCloseWithoutACodeLeavesTheReasonOut(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		answer := make([]byte, 2)
		go func() {
			io.ReadFull(far, answer)
			send(far, "\x88\x80\x00\x00\x00\x00")
		}()
		require.NoError(t, c.Close(1005, "reason"))
		require.Equal(t, "\x88\x00", string(answer))
	})
}

func TestAWriterHoldsNoMoreThan4KiBBack(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		w, err := c.Writer(t.Context(), text)
		require.NoError(t, err)
		written := doing(func() error {
			_, err := w.Write(make([]byte, 8192))
			return err
		})
		_, err = io.ReadFull(far, make([]byte, 4096)) // before the message is complete
		require.NoError(t, err)
		far.Close()
		<-written
	})
}

func TestABrokenRuleIsToldAtOnce(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		go io.Copy(io.Discard, far) // and does not close
		c.SetReadLimit(3)
		send(far, hello)
		start := time.Now()
		_, _, err := c.Read(t.Context())
		require.ErrorIs(t, err, lib.tooBig)
		require.Zero(t, time.Since(start))
	})
}

func TestAMessageThatIsCutIsAnUnexpectedEOFAlsoToRead(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		go func() {
			io.WriteString(far, hello[:len(hello)-1])
			far.Close()
		}()
		_, _, err := c.Read(t.Context())
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.ErrorContains(t, err, "failed to read frame payload: unexpected EOF")
		_, _, err = c.Read(t.Context())
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestCloseDropsAMessageOfAnyLength(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		c.SetReadLimit(3)
		closed := doing(func() error { return c.Close(1000, "") })
		_, err := io.ReadFull(far, make([]byte, len(closes1000)-4))
		require.NoError(t, err)
		_, err = io.WriteString(far, hello+closes1000)
		require.NoError(t, err)
		far.Close()
		require.NoError(t, <-closed)
	})
}

func TestAReasonMayBeCutWithinACharacter(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		client, server := pair(t, lib, lib, options{}, options{})
		result := reading(t, client)
		require.NoError(t, server.Close(1000, "ab\xc3"))
		require.Equal(t, 1000, lib.status(<-result))
	})
}

func TestAReasonThatIsTooLongWaitsForNobody(t *testing.T) {
	overAPipe(t, func(t *testing.T, lib library, c connection, far net.Conn) {
		go io.Copy(io.Discard, far)
		start := time.Now()
		require.ErrorContains(t, c.Close(1000, strings.Repeat("x", 124)), "failed to close WebSocket: failed to marshal close frame: ")
		require.Zero(t, time.Since(start))
	})
}

// TestAfterAContextHasEndedAReadTheConnectionIsClosed is about a network without deadlines, as the body of a response may be one.
func TestAfterAContextHasEndedAReadTheConnectionIsClosed(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			client, _, err := lib.dial(t.Context(), "ws://example.com", options{HTTPClient: &http.Client{Transport: roundTripper(
				func(r *http.Request) (*http.Response, error) {
					body := struct{ io.ReadWriteCloser }{near}
					resp := &http.Response{StatusCode: http.StatusSwitchingProtocols, Header: http.Header{}, Body: body}
					_, err := lib.accept(hijackable{resp.Header, far}, r, options{})
					return resp, err
				})}})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			result := doing(func() error { _, _, err := client.Read(ctx); return err })
			synctest.Wait()
			cancel()
			require.ErrorIs(t, <-result, context.Canceled)
			_, _, err = client.Read(t.Context())
			require.ErrorIs(t, err, net.ErrClosed)
			require.NotErrorIs(t, err, context.Canceled)
			require.NoError(t, client.Close(1000, ""))
		})
	})
}

func TestAResetIsAnErrorOfPackageNet(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		far, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		near, err := l.Accept()
		require.NoError(t, err)
		result := reading(t, over(t, lib, near, far))
		require.NoError(t, far.(*net.TCPConn).SetLinger(0))
		require.NoError(t, far.Close())
		err = <-result
		require.ErrorIs(t, err, syscall.ECONNRESET)
		var call *os.SyscallError
		require.ErrorAs(t, err, &call)
		require.Equal(t, "read", call.Syscall)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, "read", op.Op)
		require.NotNil(t, op.Source)
		require.NotNil(t, op.Addr)
	})
}

func TestACloseFrameThatCameIsNotLostWhenTheContextEndsDuringTheAnswer(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		c, near := byHand(t, lib)
		ctx, cancel := context.WithCancel(patient(t))
		result := doing(func() error { _, _, err := c.Read(ctx); return err })
		_, err := near.Write([]byte("\x88\x85\x00\x00\x00\x00\x10\xe1bye"))
		require.NoError(t, err)
		_, err = io.ReadFull(near, make([]byte, 1)) // the answer is on its way
		require.NoError(t, err)
		cancel()
		go io.Copy(io.Discard, near)
		code, reason, ok := lib.closed(<-result)
		require.True(t, ok)
		require.Equal(t, 4321, code)
		require.Equal(t, "bye", reason)
		require.ErrorIs(t, c.Close(1000, ""), net.ErrClosed)
	})
}
