package conn

import (
	"context"
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestWhatSendPutOffGoesOutThoughAWaiterGivesUpAtItsTurn(t *testing.T) {
	for range 300 { // whether Send comes in between is a matter of chance
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			defer far.Close()
			go io.Copy(io.Discard, far)
			c := newConn(near, frame.Server, nil, nil)
			defer c.CloseNow()
			c.out.mu.Lock()
			require.NoError(t, c.beginTurn(t.Context()))
			c.out.mu.Unlock()
			ctx, cancel := context.WithCancel(t.Context())
			gaveUp := make(chan error, 1)
			go func() { gaveUp <- c.Write(ctx, Text, nil) }()
			synctest.Wait()
			c.out.mu.Lock()
			cancel()
			c.endTurn()
			c.out.mu.Unlock()
			require.NoError(t, c.Send(Text, []byte("accepted")))
			<-gaveUp
			synctest.Wait()
			require.Zero(t, c.BufferedAmount())
		})
	}
}

func TestAWriterMayEndWhileCloseCompressesWhatWaitedForIt(t *testing.T) {
	for range 100 { // when it ends is a matter of chance
		synctest.Test(t, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			defer far.Close()
			go io.Copy(io.Discard, far)
			c := newConn(near, frame.Server, &Negotiated{Deflate: &deflate.Params{}}, nil)
			defer c.CloseNow()
			w, err := c.Writer(t.Context(), Text)
			require.NoError(t, err)
			for range 10 {
				require.NoError(t, c.Send(Binary, make([]byte, 5000)))
			}
			closing := make(chan error, 1)
			go func() { closing <- c.SendClose(StatusNormalClosure, "") }()
			for c.State() == StateOpen {
				runtime.Gosched()
			}
			require.ErrorIs(t, w.Close(), ErrCloseSent)
			require.NoError(t, <-closing)
			require.NoError(t, c.Flush(t.Context()))
			require.Zero(t, c.BufferedAmount())
		})
	}
}

func TestACloseFrameDoesNotWaitForAWriterThatCompressesToBeClosed(t *testing.T) {
	for role, peers := range map[frame.Role]frame.Role{frame.Server: frame.Client, frame.Client: frame.Server} {
		t.Run(role.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := wstest.Pipe(0)
				c := newConn(near, role, &Negotiated{Deflate: &deflate.Params{}}, nil)
				defer c.CloseNow()
				w, err := c.Writer(t.Context(), Text)
				require.NoError(t, err)
				fragment := make([]byte, c.settings.Value().fragment)
				failed := make(chan error)
				go func() {
					var err error
					for err == nil {
						_, err = w.Write(fragment)
					}
					failed <- err
				}()
				o := &c.out
				for o.mu.Lock(); o.holder != turnPacks; o.mu.Lock() {
					o.mu.Unlock()
					runtime.Gosched()
				}
				c.sendClose(StatusNormalClosure, "bye", true)
				require.NotNil(t, c.cold.closeFrame, "it waits for what is compressed")
				o.mu.Unlock()
				require.ErrorIs(t, <-failed, ErrCloseSent)
				peer := wstest.NewPeer(t, far, peers)
				got := peer.Receive()
				for got.Opcode != frame.Close {
					got = peer.Receive()
				}
				require.Equal(t, wstest.CloseFrame(StatusNormalClosure, "bye"), got)
				require.ErrorIs(t, w.Close(), ErrCloseSent)
			})
		})
	}
}
