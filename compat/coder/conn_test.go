package websocket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessagesArriveAsTheyWereFromAndToEitherLibrary(t *testing.T) {
	for from, of := range libraries {
		for to, by := range libraries {
			for _, mode := range []CompressionMode{CompressionDisabled, CompressionContextTakeover, CompressionNoContextTakeover} {
				t.Run(from+" to "+to+" "+string('0'+rune(mode)), func(t *testing.T) {
					o := options{CompressionMode: int(mode)}
					client, server := pair(t, of, by, o, o)
					exchange(t, client, server)
					exchange(t, server, client)
				})
			}
		}
	}
}

// exchange sends messages of both types and several lengths.
func exchange(t *testing.T, from, to connection) {
	ctx := patient(t)
	for _, n := range []int{0, 1, 125, 126, 4096, 32768} {
		for _, typ := range []int{text, binary} {
			message := []byte(strings.Repeat("abcd", n/4+1)[:n])
			sent := doing(func() error { return from.Write(ctx, typ, message) })
			got, p, err := to.Read(ctx)
			require.NoError(t, err)
			require.NoError(t, <-sent)
			require.Equal(t, typ, got)
			require.Equal(t, message, p)
			require.NotNil(t, p)
		}
	}
}

func TestAReaderAndAWriterHaveAMessageInPieces(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		ctx := patient(t)
		sent := doing(func() error {
			w, err := near.Writer(ctx, binary)
			for i := 0; i < 10 && err == nil; i++ {
				_, err = w.Write(bytes.Repeat([]byte{byte(i)}, 3000))
			}
			if err == nil {
				err = w.Close()
			}
			return err
		})
		typ, r, err := far.Reader(ctx)
		require.NoError(t, err)
		require.Equal(t, binary, typ)
		all, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Len(t, all, 30000)
		for i := range 10 {
			require.Equal(t, bytes.Repeat([]byte{byte(i)}, 3000), all[i*3000:(i+1)*3000])
		}
		require.NoError(t, <-sent)
		_, err = r.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
}

func TestAWriterIsClosedOnce(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		reading(t, far)
		w, err := near.Writer(patient(t), text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.EqualError(t, w.Close(), "failed to close writer: writer already closed")
		_, err = w.Write([]byte("late"))
		require.EqualError(t, err, "cannot use closed writer")
		require.NoError(t, near.Write(patient(t), text, nil))
	})
}

func TestManyMayWriteAtOnce(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		ctx := patient(t)
		const count = 50
		sent := make(chan error, count)
		for range count {
			go func() { sent <- near.Write(ctx, text, []byte("whole")) }()
		}
		for range count {
			_, p, err := far.Read(ctx)
			require.NoError(t, err)
			require.Equal(t, "whole", string(p))
		}
		for range count {
			require.NoError(t, <-sent)
		}
	})
}

func TestACloseFrameIsAnErrorOnceAndAClosedConnectionAfterThat(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		closed := doing(func() error { return far.Close(4321, "enough") })
		_, _, err := near.Read(patient(t))
		require.EqualError(t, err, `failed to get reader: received close frame: status = StatusCode(4321) and reason = "enough"`)
		require.NotErrorIs(t, err, net.ErrClosed)
		require.Equal(t, 4321, lib.status(err))
		code, reason, ok := lib.closed(err)
		require.True(t, ok)
		require.Equal(t, 4321, code)
		require.Equal(t, "enough", reason)
		require.NoError(t, <-closed)

		_, _, err = near.Read(patient(t))
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, -1, lib.status(err))
		require.ErrorIs(t, near.Write(patient(t), text, nil), net.ErrClosed)
		_, err = near.Writer(patient(t), text)
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, near.Ping(patient(t)), net.ErrClosed)
		require.ErrorIs(t, near.Close(1000, ""), net.ErrClosed)
		require.ErrorIs(t, near.CloseNow(), net.ErrClosed)
	})
}

func TestACloseFrameWithoutACodeHasItsOwn(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		closed := doing(func() error { return far.Close(1005, "") })
		_, _, err := near.Read(patient(t))
		require.Equal(t, 1005, lib.status(err))
		require.NoError(t, <-closed)
	})
}

func TestWhoClosesGetsTheAnswerInACallThatReads(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		result, other := reading(t, near), reading(t, far)
		require.NoError(t, far.Write(patient(t), text, nil))
		require.NoError(t, near.Close(1001, "bye"))
		if err := <-result; !errors.Is(err, net.ErrClosed) { // as it was not waiting yet
			code, reason, _ := lib.closed(err)
			require.Equal(t, 1001, code)
			require.Equal(t, "bye", reason)
		}
		require.Equal(t, 1001, lib.status(<-other))
		_, _, err := near.Read(patient(t))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, near.Close(1001, ""), net.ErrClosed)
		require.ErrorIs(t, near.CloseNow(), net.ErrClosed)
		require.ErrorIs(t, near.Write(patient(t), text, nil), net.ErrClosed)
	})
}

func TestMessagesThatComeDuringCloseAreDropped(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		require.NoError(t, far.Write(patient(t), text, []byte("one")))
		require.NoError(t, far.Write(patient(t), text, []byte("two")))
		result := reading(t, far)
		require.NoError(t, near.Close(1000, ""))
		require.Equal(t, 1000, lib.status(<-result))
	})
}

func TestACodeThatMayNotTravelIsRefused(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		err := near.Close(-1, "")
		require.EqualError(t, err, "failed to close WebSocket: failed to marshal close frame: status code StatusCode(-1) cannot be set")
		_, _, err = far.Read(patient(t))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestWhatEndsWithoutACloseFrameIsTheEndOfTheStream(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		result := reading(t, near)
		require.NoError(t, far.CloseNow())
		err := <-result
		for range 3 { // reading on, there is nothing else
			require.EqualError(t, err, "failed to get reader: failed to read frame header: EOF")
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, -1, lib.status(err))
			_, _, err = near.Read(patient(t))
		}
		require.ErrorIs(t, far.CloseNow(), net.ErrClosed)
		require.ErrorIs(t, far.Close(1000, ""), net.ErrClosed)
		_, _, err = far.Read(patient(t))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, far.Write(patient(t), text, nil), net.ErrClosed)
		require.NoError(t, near.CloseNow())
		_, _, err = near.Read(patient(t))
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

func TestAMessageThatBreaksOffIsNoMessage(t *testing.T) {
	lib := libraries["ours"] // to the original it may be one
	for role, of := range map[string]func(client, server connection) (near, far connection){
		"client": func(c, s connection) (connection, connection) { return c, s },
		"server": func(c, s connection) (connection, connection) { return s, c },
	} {
		t.Run(role, func(t *testing.T) {
			near, far := of(pair(t, lib, lib, options{}, options{}))
			w, err := far.Writer(patient(t), text)
			require.NoError(t, err)
			broken := doing(func() error {
				if _, err := w.Write(make([]byte, 32000)); err != nil { // more than is gathered
					return err
				}
				return far.CloseNow()
			})
			_, r, err := near.Reader(patient(t))
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, r)
			require.NoError(t, <-broken)
			require.EqualError(t, err, "failed to read: failed to read frame payload: unexpected EOF")
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		})
	}
}

func TestCloseNowEndsACallThatReads(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		result := reading(t, near)
		require.NoError(t, near.CloseNow())
		require.ErrorIs(t, <-result, net.ErrClosed)
	})
}

func TestALongMessageIsRefused(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		ctx := patient(t)
		for _, limit := range []int{32768, 100, 5} {
			if limit != 32768 {
				near.SetReadLimit(int64(limit))
			}
			sent := doing(func() error { return far.Write(ctx, text, make([]byte, limit)) })
			_, p, err := near.Read(ctx)
			require.NoError(t, err)
			require.Len(t, p, limit)
			require.NoError(t, <-sent)
		}
		near.SetReadLimit(-1)
		sent := doing(func() error { return far.Write(ctx, text, make([]byte, 100000)) })
		_, p, err := near.Read(ctx)
		require.NoError(t, err)
		require.Len(t, p, 100000)
		require.NoError(t, <-sent)

		near.SetReadLimit(10)
		result := reading(t, far)
		require.NoError(t, far.Write(ctx, text, make([]byte, 100)))
		_, _, err = near.Read(ctx)
		require.ErrorIs(t, err, lib.tooBig)
		require.EqualError(t, err, "failed to read: websocket: message too big: read limited at 11 bytes")
		require.Equal(t, -1, lib.status(err))
		require.Equal(t, 1009, lib.status(<-result))
	})
}

func TestCloseReadAnswersUntilTheEnd(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		ctx := near.CloseRead(context.Background())
		require.Equal(t, ctx, near.CloseRead(t.Context()))
		require.NoError(t, ctx.Err())
		reading(t, far)
		require.NoError(t, far.Ping(patient(t)))
		require.NoError(t, near.Write(patient(t), text, nil))
		require.NoError(t, far.Close(1000, ""))
		<-ctx.Done()
		require.ErrorIs(t, near.Close(1000, ""), net.ErrClosed)
	})
}

func TestCloseReadAcceptsNoMessage(t *testing.T) {
	lib := libraries["ours"] // the original does the same, and then waits for itself for 15 seconds
	near, far := pair(t, lib, lib, options{}, options{})
	ctx := near.CloseRead(context.Background())
	require.NoError(t, far.Write(patient(t), text, []byte("hello")))
	_, _, err := far.Read(patient(t))
	code, reason, _ := lib.closed(err)
	require.Equal(t, 1008, code)
	require.Equal(t, "unexpected data message", reason)
	<-ctx.Done()
}

func TestJSONIsATextMessageWithANewline(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		ctx := patient(t)
		require.NoError(t, lib.writeJSON(ctx, near, map[string]string{"a": "<b>"}))
		typ, p, err := far.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, text, typ)
		require.Equal(t, "{\"a\":\"\\u003cb\\u003e\"}\n", string(p))
		require.NoError(t, lib.writeJSON(ctx, near, []int{1, 2}))
		var got []int
		require.NoError(t, lib.readJSON(ctx, far, &got))
		require.Equal(t, []int{1, 2}, got)
		require.ErrorContains(t, lib.writeJSON(ctx, near, make(chan int)), "failed to write JSON message: failed to marshal JSON: ")
		require.NoError(t, lib.writeJSON(ctx, near, []int{3}))
		require.NoError(t, lib.readJSON(ctx, far, &got))
		require.Equal(t, []int{3}, got)
	})
}

func TestBadJSONClosesTheConnection(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		result := reading(t, far)
		require.NoError(t, far.Write(patient(t), text, []byte("{")))
		var v any
		require.ErrorContains(t, lib.readJSON(patient(t), near, &v), "failed to read JSON message: failed to unmarshal JSON: ")
		code, reason, _ := lib.closed(<-result)
		require.Equal(t, 1007, code)
		require.Equal(t, "failed to unmarshal JSON", reason)
	})
}
