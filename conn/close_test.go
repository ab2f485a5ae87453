package conn_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func hangUp(peer *wstest.Peer)    { peer.Conn().Close() }
func halfClose(peer *wstest.Peer) { peer.Conn().(*wstest.End).CloseWrite() }

func isServer(peer *wstest.Peer) bool { return headerSize(peer) == 2 }

// everything returns the frames that come until the end of the connection.
func everything(t testing.TB, peer *wstest.Peer) (frames []wstest.Frame) {
	for {
		f, err := peer.TryReceive()
		if err != nil {
			require.ErrorIs(t, err, io.EOF)
			return frames
		}
		frames = append(frames, f)
	}
}

// inBackground runs f and returns what it will return.
func inBackground(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

var (
	bye   = closing(conn.StatusNormalClosure, "bye")
	empty = wstest.Whole(frame.Close, "")
)

// TestEveryWayFromOpenToClosed is the table at the top of close.go, from a reader's side. In each, the frames in sent are
// all that is on the wire: never a second close frame, never anything after it.
func TestEveryWayFromOpenToClosed(t *testing.T) {
	cases := []struct {
		name  string
		peer  func(peer *wstest.Peer) // what the other side does, to its end
		close bool                    // we close first
		sent  []wstest.Frame
		want  conn.CloseError
		cause error // or its message
		says  string
	}{
		{
			name: "we close", close: true, sent: []wstest.Frame{bye},
			peer: func(p *wstest.Peer) { p.Send(bye); halfClose(p) },
			want: conn.CloseError{Code: 1000, Reason: "bye", WasClean: true},
		},
		{
			name: "we close and they answer with a code of their own", close: true, sent: []wstest.Frame{bye},
			peer: func(p *wstest.Peer) { p.Send(closing(4000, "mine")); halfClose(p) },
			want: conn.CloseError{Code: 4000, Reason: "mine", WasClean: true},
		},
		{
			name: "we close and they send before they answer", close: true, sent: []wstest.Frame{bye},
			peer: func(p *wstest.Peer) {
				p.Send(text("late"), ping("not answered"), begin("cut by "), closing(1000, ""))
				halfClose(p)
			},
			want: conn.CloseError{Code: 1000, WasClean: true},
		},
		{
			name: "we close and they vanish", close: true, sent: []wstest.Frame{bye},
			peer: halfClose,
			want: conn.CloseError{Code: 1006, Remote: true}, says: "without a close frame",
		},
		{
			name: "we close and they break a rule", close: true, sent: []wstest.Frame{bye},
			peer: func(p *wstest.Peer) { p.Send(wstest.Whole(7, "")); halfClose(p) },
			want: conn.CloseError{Code: 1002, Reason: "reserved opcode"}, says: "reserved opcode",
		},
		{
			name: "they close", sent: []wstest.Frame{bye},
			peer: func(p *wstest.Peer) { p.Send(bye); halfClose(p) },
			want: conn.CloseError{Code: 1000, Reason: "bye", Remote: true, WasClean: true},
		},
		{
			name: "they close without a code", sent: []wstest.Frame{empty},
			peer: func(p *wstest.Peer) { p.Send(empty); halfClose(p) },
			want: conn.CloseError{Code: 1005, Remote: true, WasClean: true},
		},
		{
			name: "they close with the longest reason", sent: []wstest.Frame{closing(4999, strings.Repeat("r", 123))},
			peer: func(p *wstest.Peer) { p.Send(closing(4999, strings.Repeat("r", 123))); halfClose(p) },
			want: conn.CloseError{Code: 4999, Reason: strings.Repeat("r", 123), Remote: true, WasClean: true},
		},
		{
			name: "they close in the middle of a message", sent: []wstest.Frame{closing(1001, "")},
			peer: func(p *wstest.Peer) { p.Send(begin("never "), closing(1001, "")); halfClose(p) },
			want: conn.CloseError{Code: 1001, Remote: true, WasClean: true},
		},
		{
			name: "they send after they close", sent: []wstest.Frame{bye},
			peer: func(p *wstest.Peer) {
				p.Send(bye, text("ignored"), ping("ignored"), closing(1001, "again"), wstest.Whole(7, "ignored"))
				halfClose(p)
			},
			want: conn.CloseError{Code: 1000, Reason: "bye", Remote: true, WasClean: true},
		},
		{
			name: "they vanish",
			peer: halfClose,
			want: conn.CloseError{Code: 1006, Remote: true}, says: "without a close frame",
		},
		{
			name: "they vanish in the middle of a header",
			peer: func(p *wstest.Peer) { p.SendRaw([]byte{0x81}); halfClose(p) },
			want: conn.CloseError{Code: 1006, Remote: true}, says: "without a close frame",
		},
		{
			name: "they vanish in the middle of a message",
			peer: func(p *wstest.Peer) { p.Send(begin("never ends")); halfClose(p) },
			want: conn.CloseError{Code: 1006, Remote: true}, says: "without a close frame",
		},
		{
			name: "they vanish in the middle of a close frame",
			peer: func(p *wstest.Peer) { p.SendRaw(p.Encode(bye)[:4]); halfClose(p) },
			want: conn.CloseError{Code: 1006, Remote: true}, says: "without a close frame",
		},
		{
			name: "they break a rule", sent: []wstest.Frame{closing(1002, "reserved opcode")},
			peer: func(p *wstest.Peer) { p.Send(wstest.Whole(7, ""), text("ignored"), bye); halfClose(p) },
			want: conn.CloseError{Code: 1002, Reason: "reserved opcode"}, says: "section 5.2",
		},
		{
			name: "they send text that is not", sent: []wstest.Frame{closing(1007, "text is not UTF-8")},
			peer: func(p *wstest.Peer) { p.Send(text("\xff")); halfClose(p) },
			want: conn.CloseError{Code: 1007, Reason: "text is not UTF-8"}, cause: conn.ErrInvalidUTF8,
		},
		{
			name: "they close with a code that may not be sent", sent: []wstest.Frame{closing(1002, "status code not allowed in a close frame")},
			peer: func(p *wstest.Peer) { p.Send(wstest.Whole(frame.Close, "\x03\xee")); halfClose(p) },
			want: conn.CloseError{Code: 1002, Reason: "status code not allowed in a close frame"}, says: "section 7.4",
		},
		{
			name: "they close badly after we did", close: true, sent: []wstest.Frame{bye},
			peer: func(p *wstest.Peer) { p.Send(wstest.Whole(frame.Close, "\x03")); halfClose(p) },
			want: conn.CloseError{Code: 1002, Reason: "close body of one byte"}, says: "section 5.5.1",
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				start := time.Now()
				ended := reading(c)
				var closed <-chan error
				if tc.close {
					closed = inBackground(func() error { return c.Close(conn.StatusNormalClosure, "bye") })
					synctest.Wait() // the close frame is sent
					require.Equal(t, conn.StateClosing, c.State())
					require.NoError(t, c.Err())
				}
				tc.peer(peer)
				require.Equal(t, tc.sent, everything(t, peer))
				err := <-ended
				cause := tc.cause
				if tc.says != "" {
					require.ErrorContains(t, err, tc.says)
					cause = errors.Unwrap(err)
				}
				requireEnded(t, c, err, tc.want, cause)
				if tc.close && tc.want.WasClean {
					require.NoError(t, <-closed)
				} else if tc.close {
					require.Same(t, err, <-closed)
				}
				require.Zero(t, time.Since(start), "nothing waited for a timeout")
			})
		})
	}
}

func TestBothMayCloseAtOnce(t *testing.T) {
	inBothRoles(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		peer.Send(closing(conn.StatusGoingAway, "theirs")) // on its way while we close
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "ours") })
		peer.Expect(closing(conn.StatusNormalClosure, "ours"))
		halfClose(peer)
		peer.ExpectEOF()
		require.NoError(t, <-closed)
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusGoingAway, Reason: "theirs", WasClean: true}, nil)
	})
}

func TestCloseMayBeCalledByAnyNumberOfGoroutines(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		results := make(chan error)
		for i := range 64 {
			go func() { results <- c.Close(conn.StatusCode(3000+i), "storm") }()
		}
		f := peer.Receive()
		code, reason, err := frame.ParseClose(f.Payload)
		require.NoError(t, err)
		require.Equal(t, "storm", reason)
		peer.Send(closing(code, ""))
		halfClose(peer)
		peer.ExpectEOF()
		for range 64 {
			require.NoError(t, <-results)
		}
		requireEnded(t, c, <-ended, conn.CloseError{Code: code, WasClean: true}, nil)
		require.NoError(t, c.Close(conn.StatusGoingAway, "once more"))
		require.NoError(t, c.CloseNow())
	})
}

func TestCloseSendsWhatWasWrittenBefore(t *testing.T) {
	withDriversOver(t, nil, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		want := numbered(100)
		for _, m := range want {
			require.NoError(t, c.Send(conn.Text, m.Payload))
		}
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "bye") })
		peer.Expect(append(want, bye)...)
		peer.Send(bye)
		halfClose(peer)
		require.NoError(t, <-closed)
		require.Zero(t, c.BufferedAmount())
	})
}

func TestCloseSendsWhatFitsInsteadOfWhatMayNotTravel(t *testing.T) {
	for _, tc := range []struct {
		code   conn.StatusCode
		reason string
		sent   wstest.Frame
	}{
		{0, "", closing(1011, "")},
		{999, "kept", closing(1011, "kept")},
		{1004, "", closing(1011, "")},
		{1005, "left out", empty},
		{1006, "", closing(1011, "")},
		{1015, "", closing(1011, "")},
		{1016, "", closing(1011, "")},
		{2999, "", closing(1011, "")},
		{5000, "", closing(1011, "")},
		{65535, "", closing(1011, "")},
		{1000, strings.Repeat("x", 124), closing(1000, strings.Repeat("x", 123))},
		{1011, strings.Repeat("x", 165), closing(1011, strings.Repeat("x", 123))},
		{1011, strings.Repeat("ü", 62), closing(1011, strings.Repeat("ü", 61))},
		{4000, "xx" + strings.Repeat("\U0001F600", 31), closing(4000, "xx"+strings.Repeat("\U0001F600", 30))},
		{1000, "\xff", closing(1000, "\uFFFD")},
		{1000, "cut \xe2\x82", closing(1000, "cut \uFFFD")},
		{1000, strings.Repeat("\xff", 1000), closing(1000, "\uFFFD")},
		{1000, strings.Repeat("x\xff", 100), closing(1000, strings.Repeat("x\uFFFD", 30)+"x")},
		{0, strings.Repeat("\x80x", 100), closing(1011, strings.Repeat("\uFFFDx", 30)+"\uFFFD")},
	} {
		withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
			closed := inBackground(func() error { return c.Close(tc.code, tc.reason) })
			peer.Expect(tc.sent)
			peer.Send(tc.sent)
			var protocol *frame.ProtocolError
			require.ErrorAs(t, <-closed, &protocol, "%v %q", tc.code, tc.reason)
			require.True(t, c.Err().(*conn.CloseError).WasClean)
			require.ErrorAs(t, c.Close(tc.code, tc.reason), &protocol, "also on a connection that has ended")
			require.NoError(t, c.Close(conn.StatusNormalClosure, ""))
		})
	}
}

func TestCloseWithWhatMayNotTravelAlsoTellsHowItEnded(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		err := c.Close(999, "")
		require.ErrorAs(t, err, new(*frame.ProtocolError))
		require.ErrorIs(t, err, conn.ErrCloseTimeout)
	})
}

// TestARelayPassesEveryEndOn: with the example's function, for every way in which one side may end.
func TestARelayPassesEveryEndOn(t *testing.T) {
	for name, tc := range map[string]struct {
		ends func(*wstest.Peer)
		sent wstest.Frame
	}{
		"code and reason": {func(p *wstest.Peer) { p.Send(closing(4001, "token expired")) }, closing(4001, "token expired")},
		"no code":         {func(p *wstest.Peer) { p.Send(empty) }, empty},
		"EOF":             {halfClose, closing(1011, "")},
		"broken rule":     {func(p *wstest.Peer) { p.Send(wstest.Whole(7, "")); halfClose(p) }, closing(1002, "reserved opcode")},
	} {
		t.Run(name, func(t *testing.T) {
			inBothRoles(t, nil, func(t *testing.T, a *conn.Conn, peerA *wstest.Peer) {
				b, peerB := newConn(t, frame.Client, nil)
				defer b.CloseNow()
				done := inBackground(func() error { relay(context.Background(), a, b); return nil })
				peerA.Send(text("from a"))
				peerB.Send(text("from b"))
				peerB.Expect(text("from a"))
				peerA.Expect(text("from b"))
				tc.ends(peerA)
				peerB.Expect(tc.sent)
				peerB.Send(tc.sent)
				<-done
				require.Equal(t, conn.StateClosed, a.State())
				require.Equal(t, conn.StateClosed, b.State())
			})
		})
	}
}

func TestACloseFrameNeedsNoBody(t *testing.T) {
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		closed := inBackground(func() error { return c.Close(conn.StatusNoStatus, "") })
		peer.Expect(empty)
		peer.Send(empty)
		halfClose(peer)
		require.NoError(t, <-closed)
		requireEnded(t, c, c.Err(), conn.CloseError{Code: conn.StatusNoStatus, WasClean: true}, nil)
	})
}

func TestStatesAreThoseOfABrowser(t *testing.T) {
	require.EqualValues(t, 0, conn.StateConnecting)
	require.EqualValues(t, 1, conn.StateOpen)
	require.EqualValues(t, 2, conn.StateClosing)
	require.EqualValues(t, 3, conn.StateClosed)
	for state, name := range []string{"connecting", "open", "closing", "closed"} {
		require.Equal(t, name, conn.State(state).String())
	}
	withDrivers(t, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		require.Equal(t, conn.StateOpen, c.State())
		require.NoError(t, c.Err())
		closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
		synctest.Wait()
		require.Equal(t, conn.StateClosing, c.State())
		require.NoError(t, c.Err())
		select {
		case <-c.Done():
			require.Fail(t, "not done yet")
		default:
		}
		hangUp(peer)
		require.Error(t, <-closed)
		<-c.Done()
		require.Equal(t, conn.StateClosed, c.State())
		require.Error(t, c.Err())
	})
}

func TestACloseErrorSaysWhoAndWhyAndUnwrapsToItsCause(t *testing.T) {
	cause := errors.New("the cause")
	for want, e := range map[string]*conn.CloseError{
		"websocket: closed by the peer: 1000 normal closure":                                   {Code: 1000, Remote: true},
		"websocket: closed by the peer: 1001 going away: bye":                                  {Code: 1001, Remote: true, Reason: "bye"},
		"websocket: closed by this side: 1009 message too big: too long (the cause)":           {Code: 1009, Reason: "too long", Err: cause},
		"websocket: closed by this side: 4000: the cause":                                      {Code: 4000, Reason: "the cause", Err: cause},
		"websocket: closed by this side: 1006 abnormal closure (" + os.ErrClosed.Error() + ")": {Code: 1006, Err: os.ErrClosed},
	} {
		require.Equal(t, want, e.Error())
		require.Equal(t, e.Err, errors.Unwrap(e))
	}
	require.ErrorIs(t, &conn.CloseError{Err: context.Canceled}, context.Canceled)
	require.NotErrorIs(t, &conn.CloseError{}, io.EOF)
	require.Equal(t, "websocket: close frame already sent", conn.ErrCloseSent.Error())
}

func TestCloseKeepsWhatThePeerDidBefore(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		code  conn.StatusCode
	}{"1008": {[]byte{0x88, 2, 0x03, 0xf0}, conn.StatusPolicyViolation}, "violation": {[]byte{0xf1, 0}, conn.StatusProtocolError}} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				synctest.Test(t, func(t *testing.T) {
					near, far := wstest.Pipe(0)
					client := conn.Client(near, nil, nil)
					defer client.CloseNow() // does not wait for TCP
					go client.Read(context.Background())
					far.Write(c.frame)
					synctest.Wait()
					client.Close(conn.StatusNormalClosure, "")
					var end *conn.CloseError
					require.ErrorAs(t, client.Err(), &end)
					require.Equal(t, c.code, end.Code, "%v", end)
				})
			}
		})
	}
}

func TestCloseComesBehindWhatSendLeftBehindAMessageThatIsGoingOut(t *testing.T) {
	large := string(pattern(70_000))
	for name, write := range map[string]func(c *conn.Conn) error{
		"Write": func(c *conn.Conn) error { return c.Write(context.Background(), conn.Binary, []byte(large)) },
		"the end of a Writer": func(c *conn.Conn) error {
			w, err := c.Writer(context.Background(), conn.Binary)
			if err == nil {
				io.WriteString(w, large)
				err = w.Close()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			withDriversOver(t, &setup{Config: conn.Config{FragmentSize: -1}}, 64, nil, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
				written := inBackground(func() error { return write(c) })
				synctest.Wait()
				require.NoError(t, c.Send(conn.Text, []byte("accepted")))
				closed := inBackground(func() error { return c.Close(conn.StatusNormalClosure, "") })
				synctest.Wait()
				require.ErrorIs(t, c.Send(conn.Text, nil), conn.ErrCloseSent)
				peer.Expect(binary(large), text("accepted"), closing(conn.StatusNormalClosure, ""))
				require.NoError(t, <-written)
				peer.Send(closing(conn.StatusNormalClosure, ""))
				halfClose(peer)
				require.NoError(t, <-closed)
			})
		})
	}
}
