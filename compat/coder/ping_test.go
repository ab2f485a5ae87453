package websocket

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPingWaitsForItsPong(t *testing.T) {
	inBothRoles(t, func(t *testing.T, lib library, near, far connection) {
		reading(t, near)
		reading(t, far)
		for range 3 {
			require.NoError(t, near.Ping(patient(t)))
		}
	})
}

func TestAPingInVainClosesNothing(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		const tries = 20 // a context that ends just before the original's Ping begins to wait does close
		for try := 1; ; try++ {
			pinged := make(chan struct{}, 1)
			client, server := pair(t, lib, lib, options{}, options{OnPingReceived: func(context.Context, []byte) bool {
				pinged <- struct{}{}
				return false
			}})
			reading(t, client)
			result := reading(t, server)
			ctx, cancel := context.WithCancel(context.Background())
			ping := doing(func() error { return client.Ping(ctx) })
			<-pinged
			cancel()
			err := <-ping
			goesOn := client.Write(patient(t), text, []byte("still here")) == nil
			if !goesOn && try < tries && lib.tooBig != ErrMessageTooBig {
				continue
			}
			require.True(t, goesOn)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorContains(t, err, "failed to ping: failed to wait for pong: ")
			require.NoError(t, client.Close(1000, ""))
			require.Equal(t, 1000, lib.status(<-result))
			return
		}
	})
}

type key struct{}

func TestCallbacksHearOfPingsAndPongs(t *testing.T) {
	withEach(t, func(t *testing.T, lib library) {
		var quiet atomic.Bool
		pings, pongs := make(chan string, 10), make(chan string, 10)
		client, server := pair(t, lib, lib,
			options{OnPongReceived: func(_ context.Context, payload []byte) { pongs <- string(payload) }},
			options{OnPingReceived: func(ctx context.Context, payload []byte) bool {
				pings <- ctx.Value(key{}).(string) + string(payload)
				return !quiet.Load()
			}})
		ctx := context.WithValue(patient(t), key{}, "of the reader: ")
		go server.Read(ctx)
		reading(t, client)
		require.NoError(t, client.Ping(ctx))
		require.Equal(t, "of the reader: "+<-pongs, <-pings)

		quiet.Store(true)
		short, cancel := context.WithCancel(ctx)
		result := doing(func() error { return client.Ping(short) })
		<-pings
		cancel()
		require.Error(t, <-result)
		require.Empty(t, pongs)
	})
}
