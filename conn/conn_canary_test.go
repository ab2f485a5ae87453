package conn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// TestNoByteOfOneConnectionIsEverSeenOnAnother lets many connections, plain and compressed, churn through the pools. Each
// sends nothing but its own byte; some are cut off in the middle. In builds with the race detector memory is overwritten
// when it goes back to a pool, so that a message which is still looked at would change too.
func TestNoByteOfOneConnectionIsEverSeenOnAnother(t *testing.T) {
	wstest.NoLeaks(t)
	const workers, rounds = 8, 4
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for r := range rounds {
				own := byte(1 + w*rounds + r)
				if err := churn(t, own, rand.New(rand.NewPCG(uint64(own), 7))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// churn is the life of one connection.
func churn(t *testing.T, own byte, random *rand.Rand) error {
	cfg := &setup{}
	if random.IntN(2) == 0 {
		cfg.Deflate = &deflate.Params{}
		cfg.DeflateOptions = &deflate.Options{MinSize: -1}
	}
	var near, far net.Conn
	if random.IntN(2) == 0 {
		near, far = tcpPair(t)
	} else {
		near, far = wstest.Pipe(1 << 10)
	}
	client, server := open(near, frame.Client, cfg), open(far, frame.Server, cfg)
	defer client.CloseNow()
	echoes := inBackground(func() error {
		defer server.CloseNow()
		return echoAll(server, own)
	})
	const messages = 30
	lengths := random.Perm(messages)
	writes := inBackground(func() error {
		for _, n := range lengths {
			m := bytes.Repeat([]byte{own}, n*n*n*4)
			if n%2 == 0 && client.Send(conn.Binary, m) == nil {
				continue
			}
			if err := client.Write(context.Background(), conn.Binary, m); err != nil {
				return err
			}
		}
		return nil
	})
	for range messages {
		if err := readOwn(client, own, random); err != nil {
			return err
		}
	}
	if err := <-writes; err != nil {
		return err
	}
	if random.IntN(3) > 0 { // in the middle of a message
		w, err := client.Writer(context.Background(), conn.Binary)
		if err != nil {
			return err
		}
		go w.Write(bytes.Repeat([]byte{own}, 2*conn.DefaultFragmentSize))
	}
	client.CloseNow()
	<-echoes
	return nil
}

// echoAll answers every message, after a look at it.
func echoAll(server *conn.Conn, own byte) error {
	handle := func(c *conn.Conn, m conn.Message) error {
		if !only(m.Data, own) {
			return errForeign
		}
		err := c.Write(context.Background(), m.Type, m.Data)
		if !only(m.Data, own) {
			return errForeign
		}
		return err
	}
	if own%2 == 0 {
		return server.Serve(context.Background(), handle)
	}
	for m, err := range server.Messages(context.Background()) {
		if err != nil {
			return err
		}
		if err := handle(server, m); err != nil {
			return err
		}
	}
	return nil
}

// readOwn reads one message in one of the ways.
func readOwn(c *conn.Conn, own byte, random *rand.Rand) error {
	var data []byte
	var err error
	switch random.IntN(3) {
	case 0:
		_, data, err = c.Read(context.Background())
	case 1:
		_, data, err = c.ReadAppend(context.Background(), make([]byte, 0, 100))
	case 2:
		var r io.Reader
		if _, r, err = c.Reader(context.Background()); err == nil {
			data, err = io.ReadAll(r)
		}
	}
	if err == nil && !only(data, own) {
		return errForeign
	}
	return err
}

var errForeign = errors.New("a byte of another connection")

// only reports whether p has no byte but own.
func only(p []byte, own byte) bool { return bytes.Count(p, []byte{own}) == len(p) }

func TestDataOfMessagesIsTheCallersUntilTheNextIteration(t *testing.T) {
	near, far := tcpPair(t)
	client, server := conn.Client(near, nil, nil), conn.Server(far, nil, nil)
	defer client.CloseNow()
	defer server.CloseNow()
	go func() {
		for n := range 200 {
			client.Write(context.Background(), conn.Binary, bytes.Repeat([]byte{byte(n)}, n*97))
		}
		client.Close(conn.StatusNormalClosure, "")
	}()
	n := 0
	for m, err := range server.Messages(t.Context()) {
		if err != nil {
			require.Equal(t, conn.StatusNormalClosure, conn.CloseStatus(err))
			break
		}
		require.NoError(t, server.Send(conn.Binary, make([]byte, 1000))) // takes and gives back buffers meanwhile
		require.True(t, only(m.Data, byte(n)), n)
		require.Len(t, m.Data, n*97)
		clear(m.Data)
		n++
	}
	require.Equal(t, 200, n)
}
