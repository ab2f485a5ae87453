package conn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// outcome is what a session came to: what every call returned, and how the connection ended.
type outcome struct {
	errs []error
	end  error
	nc   *wstest.FaultyConn
}

func (o *outcome) add(err error) { o.errs = append(o.errs, err) }

// session runs a connection that uses everything against a peer that echoes, with faults in its net.Conn. It comes to its
// end whatever the faults are; the bubble around it sees to it that no goroutine is left.
func session(t *testing.T, role frame.Role, cfg *setup, faults ...wstest.Fault) *outcome {
	near, far := wstest.Pipe(8 << 10)
	o := &outcome{nc: wstest.Faulty(near, faults...)}
	c, peer := open(o.nc, role, cfg), open(far, other(role), cfg)
	echoes := inBackground(func() error { return peer.Serve(context.Background(), echo) })

	_, _, err := c.Read(within(t, time.Millisecond)) // cut: nothing comes
	if !errors.Is(err, context.DeadlineExceeded) {
		o.add(err)
	}
	reads := make(chan []error)
	go func() { reads <- readInEveryWay(c) }()
	writeInEveryWay(t, c, o)
	if _, err = peer.Ping(within(t, time.Second)); c.Err() == nil {
		o.add(err)
	}
	o.add(c.Close(conn.StatusNormalClosure, "done"))
	o.errs = append(o.errs, <-reads...)
	o.end = c.Err()
	c.CloseNow()
	n, err := far.Read(make([]byte, 1<<20))
	for n > 0 {
		n, err = far.Read(make([]byte, 1<<20))
	}
	require.Error(t, err, "the net.Conn is closed")
	peer.CloseNow()
	<-echoes
	return o
}

// writeInEveryWay sends nine messages.
func writeInEveryWay(t *testing.T, c *conn.Conn, o *outcome) {
	o.add(c.Write(t.Context(), conn.Text, []byte("with a context")))
	o.add(c.Write(context.Background(), conn.Binary, pattern(300)))
	o.add(c.Send(conn.Text, []byte("sent")))
	o.add(c.SendPrepared(conn.Prepare(conn.Text, []byte("prepared"))))
	_, err := c.Ping(within(t, time.Minute))
	o.add(err)
	o.add(c.Write(context.Background(), conn.Binary, pattern(100_000)))
	w, err := c.Writer(within(t, time.Minute), conn.Binary)
	if o.add(err); err == nil {
		_, err = w.Write(pattern(40_000))
		o.add(err)
		o.add(c.Send(conn.Text, []byte("after the writer")))
		o.add(w.Close())
	}
	o.add(c.WritePrepared(within(t, time.Minute), conn.Prepare(conn.Binary, pattern(5000))))
	o.add(c.Write(t.Context(), conn.Text, []byte("the last")))
	o.add(c.Flush(t.Context()))
	<-time.After(time.Second) // the echoes come
}

// readInEveryWay reads the nine messages that come back, and then to the end.
func readInEveryWay(c *conn.Conn) (errs []error) {
	ctx := context.Background()
	for range 2 {
		_, _, err := c.Read(ctx)
		errs = append(errs, err)
	}
	_, _, err := c.ReadAppend(ctx, make([]byte, 0, 10))
	errs = append(errs, err)
	n := 0
	for _, err := range c.Messages(ctx) {
		errs = append(errs, err)
		if n++; n == 2 {
			break
		}
	}
	if _, r, err := c.Reader(ctx); err == nil {
		_, err = io.Copy(io.Discard, r)
		errs = append(errs, err)
	}
	err = c.Serve(ctx, func(*conn.Conn, conn.Message) error { return nil })
	return append(errs, err)
}

// forEachFault runs a session for the first call of op, the second, and so on until there is no such call.
func forEachFault(t *testing.T, cfg *setup, fault wstest.Fault, check func(t *testing.T, o *outcome)) {
	for _, role := range roles {
		t.Run(fmt.Sprint(fault.Op, " ", role), func(t *testing.T) {
			for hit := true; hit; {
				fault.N++
				synctest.Test(t, func(t *testing.T) {
					o := session(t, role, cfg, fault)
					hit = o.nc.Calls(fault.Op) >= fault.N
					for _, err := range o.errs {
						requireTyped(t, err)
					}
					var e *conn.CloseError
					require.ErrorAs(t, o.end, &e)
					check(t, o)
				})
				require.Less(t, fault.N, 1000, "the session has an end")
			}
			require.Greater(t, fault.N, 1, "something was tested")
			fault.N = 0
		})
	}
}

// requireCause requires the fault to be the cause of the end, unless it came when that was near.
func requireCause(t *testing.T, o *outcome, cause error) {
	var e *conn.CloseError
	require.ErrorAs(t, o.end, &e)
	if !e.WasClean {
		require.ErrorIs(t, e, cause)
	}
}

var faultConfigs = map[string]*setup{
	"plain":      nil,
	"compressed": {Negotiated: conn.Negotiated{Deflate: &deflate.Params{}, DeflateOptions: &deflate.Options{MinSize: -1}}},
}

func inEveryConfig(t *testing.T, f func(t *testing.T, cfg *setup)) {
	for name, cfg := range faultConfigs {
		t.Run(name, func(t *testing.T) { f(t, cfg) })
	}
}

func TestASessionWithoutFaultsSucceeds(t *testing.T) {
	inEveryConfig(t, func(t *testing.T, cfg *setup) {
		for _, role := range roles {
			synctest.Test(t, func(t *testing.T) { requireSuccess(t, session(t, role, cfg)) })
		}
	})
}

// requireSuccess requires everything to have gone well, to the last message.
func requireSuccess(t *testing.T, o *outcome) {
	for _, err := range o.errs[:len(o.errs)-1] {
		require.NoError(t, err)
	}
	require.Equal(t, o.end, o.errs[len(o.errs)-1], "of reading on after the last message")
	require.EqualExportedValues(t, conn.CloseError{Code: conn.StatusNormalClosure, Reason: "done", WasClean: true}, *o.end.(*conn.CloseError))
	require.Equal(t, 1, o.nc.Calls(wstest.OpClose))
}

func TestEveryReadMayFail(t *testing.T) {
	inEveryConfig(t, func(t *testing.T, cfg *setup) {
		for _, err := range []error{wstest.ErrFault, os.ErrDeadlineExceeded, net.ErrClosed} {
			forEachFault(t, cfg, wstest.Fault{Op: wstest.OpRead, Err: err}, func(t *testing.T, o *outcome) { requireCause(t, o, err) })
		}
		forEachFault(t, cfg, wstest.Fault{Op: wstest.OpRead, Err: io.EOF}, func(t *testing.T, o *outcome) {
			var e *conn.CloseError
			require.ErrorAs(t, o.end, &e)
			require.True(t, e.WasClean || e.Remote && e.Code == conn.StatusAbnormalClosure)
		})
	})
}

func TestEveryWriteMayFail(t *testing.T) {
	inEveryConfig(t, func(t *testing.T, cfg *setup) {
		for _, fault := range []wstest.Fault{{Err: wstest.ErrFault}, {Err: wstest.ErrFault, Short: true}, {Err: os.ErrDeadlineExceeded, Short: true}} {
			fault.Op = wstest.OpWrite
			forEachFault(t, cfg, fault, func(t *testing.T, o *outcome) { requireCause(t, o, fault.Err) })
		}
		forEachFault(t, cfg, wstest.Fault{Op: wstest.OpWrite, Short: true}, func(t *testing.T, o *outcome) { requireCause(t, o, io.ErrShortWrite) })
	})
}

// TestAWriteThatTheNetworkGivesUpWasNotCut: TCP, too, has a timeout of its own.
func TestAWriteThatTheNetworkGivesUpWasNotCut(t *testing.T) {
	giveUp := func(end *wstest.End) net.Conn {
		return wstest.Faulty(end, wstest.Fault{Op: wstest.OpWrite, N: 1, Err: os.ErrDeadlineExceeded})
	}
	inBothRolesOver(t, nil, 0, giveUp, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		for _, ctx := range []context.Context{context.Background(), t.Context()} {
			err := c.Write(ctx, conn.Text, []byte("not taken"))
			require.ErrorAs(t, err, new(*conn.WriteError))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		}
		require.Zero(t, buffered(peer))
	})
}

// TestWhicheverWriteFailsWhatHasArrivedIsDelivered: the peer sends ten messages and closes, each is answered, and one of the
// answers, or that to the close frame, is refused.
func TestWhicheverWriteFailsWhatHasArrivedIsDelivered(t *testing.T) {
	const messages = 10
	inEveryConfig(t, func(t *testing.T, cfg *setup) {
		for _, role := range roles {
			for _, short := range []bool{false, true} {
				for n := 1; n <= messages+1; n++ {
					synctest.Test(t, func(t *testing.T) {
						near, far := wstest.Pipe(0)
						nc := wstest.Faulty(near, wstest.Fault{Op: wstest.OpWrite, N: n, Err: wstest.ErrFault, Short: short})
						c, peer := open(nc, role, cfg), open(far, other(role), cfg)
						for i := range messages {
							require.NoError(t, peer.Write(t.Context(), conn.Binary, pattern(100*i)))
						}
						closed := inBackground(func() error { return peer.Close(4001, "enough") })
						for i := range messages {
							_, data, err := c.Read(t.Context())
							require.NoError(t, err)
							require.Equal(t, string(pattern(100*i)), string(data))
							requireTyped(t, c.Write(t.Context(), conn.Binary, data))
						}
						_, _, err := c.Read(t.Context())
						requireEnded(t, c, err, conn.CloseError{Code: 4001, Reason: "enough", Remote: true, WasClean: true}, nil)
						require.GreaterOrEqual(t, nc.Calls(wstest.OpWrite), n, "there is such a write")
						<-closed
					})
				}
			}
		}
	})
}

func TestEveryDeadlineMayFail(t *testing.T) {
	forEachFault(t, nil, wstest.Fault{Op: wstest.OpSetReadDeadline, Err: wstest.ErrFault}, func(*testing.T, *outcome) {})
}

func TestClosingTheNetConnMayFail(t *testing.T) {
	forEachFault(t, nil, wstest.Fault{Op: wstest.OpClose, Err: wstest.ErrFault}, requireSuccess)
}

func TestHalfClosingMayFail(t *testing.T) {
	fail := func(end *wstest.End) net.Conn {
		return wstest.Faulty(end, wstest.Fault{Op: wstest.OpCloseWrite, N: 1, Err: wstest.ErrFault})
	}
	inBothRolesOver(t, nil, 0, fail, func(t *testing.T, c *conn.Conn, peer *wstest.Peer) {
		ended := reading(c)
		peer.Send(wstest.Whole(7, ""))
		peer.Expect(closing(conn.StatusProtocolError, "reserved opcode"))
		halfClose(peer)
		require.ErrorAs(t, <-ended, new(*frame.ProtocolError))
	})
}

// TestAResetOfTheNetworkIsTheCause is about real sockets, which fail in ways of their own.
func TestAResetOfTheNetworkIsTheCause(t *testing.T) {
	for _, role := range roles {
		for name, call := range map[string]func(c *conn.Conn) error{
			"Read": func(c *conn.Conn) error { _, _, err := c.Read(t.Context()); return err },
			"Write": func(c *conn.Conn) error {
				for {
					if err := c.Write(t.Context(), conn.Binary, make([]byte, 1000)); err != nil {
						return err
					}
				}
			},
			"long Write": func(c *conn.Conn) error { return c.Write(context.Background(), conn.Binary, make([]byte, tcpFull)) },
		} {
			t.Run(fmt.Sprint(name, " ", role), func(t *testing.T) {
				wstest.NoLeaks(t)
				near, far := tcpPair(t)
				c := open(near, role, nil)
				defer c.CloseNow()
				result := inBackground(func() error { return call(c) })
				if name != "Read" {
					io.ReadFull(far, make([]byte, 100)) // it is on its way
				}
				require.NoError(t, far.(*net.TCPConn).SetLinger(0))
				require.NoError(t, far.Close())
				err := <-result
				remote := false
				if name != "Read" {
					require.ErrorAs(t, err, new(*conn.WriteError))
					_, _, err = c.Read(context.Background())
					remote = c.Err().(*conn.CloseError).Remote // whether reading then fails or ends depends on the system
				}
				requireEnded(t, c, err, conn.CloseError{Code: conn.StatusAbnormalClosure, Remote: remote}, unwrapped(c))
				require.ErrorAs(t, err, new(net.Error))
			})
		}
	}
}

func TestEveryReadMayBeShort(t *testing.T) {
	inEveryConfig(t, func(t *testing.T, cfg *setup) {
		forEachFault(t, cfg, wstest.Fault{Op: wstest.OpRead, Short: true}, requireSuccess)
	})
}

func TestEverythingMayTakeItsTime(t *testing.T) {
	for _, op := range []wstest.Op{wstest.OpRead, wstest.OpWrite, wstest.OpSetReadDeadline, wstest.OpClose} {
		forEachFault(t, nil, wstest.Fault{Op: op, Delay: 100 * time.Millisecond}, requireSuccess)
		forEachFault(t, nil, wstest.Fault{Op: op, Delay: time.Hour}, func(*testing.T, *outcome) {})
	}
}
