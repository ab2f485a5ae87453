package reconnect

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/websockettest"
)

// The server says that it goes away, or breaks a rule; serve notices by a Write before TCP has ended.
func TestTheEndThatAnotherCallHasBegunCountsAsTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		dials int
		code  websocket.StatusCode // that Run returns; 0 for nil
	}{
		"1001":      {[]byte{0x88, 2, 0x03, 0xe9}, 2, 0},
		"1008":      {[]byte{0x88, 2, 0x03, 0xf0}, 1, websocket.StatusPolicyViolation},
		"violation": {[]byte{0xf1, 0}, 1, websocket.StatusProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				var server *websocket.Conn
				dial := func(context.Context) (c *websocket.Conn, err error) {
					dials++
					c, server = websockettest.Pair(t, nil)
					return c, nil
				}
				serve := func(ctx context.Context, conn *websocket.Conn) error {
					if dials == 2 {
						return nil
					}
					go conn.Read(ctx)
					_, err := server.NetConn().Write(c.frame) // and TCP stays open for a while
					require.NoError(t, err)
					synctest.Wait()
					require.NotEqual(t, websocket.StateOpen, conn.State())
					return conn.Write(ctx, websocket.Text, []byte("next"))
				}
				err := Run(t.Context(), dial, serve, nil)
				if c.code == 0 {
					require.NoError(t, err)
				} else {
					var end *websocket.CloseError
					require.ErrorAs(t, err, &end)
					require.Equal(t, c.code, end.Code)
				}
				require.Equal(t, c.dials, dials)
			})
		})
	}
}

func TestAMessageThatServeGivesUpIsNotTheServersDoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errOwn := errors.New("no more to say")
		dials := 0
		var server *websocket.Conn
		dial := func(context.Context) (c *websocket.Conn, err error) {
			dials++
			c, server = websockettest.Pair(t, nil)
			return c, nil
		}
		err := Run(t.Context(), dial, func(ctx context.Context, c *websocket.Conn) error {
			cut, cancel := context.WithCancel(ctx)
			w, err := c.Writer(cut, websocket.Text)
			require.NoError(t, err)
			cancel()
			_, err = w.Write(make([]byte, 100<<10)) // more than fits while nobody reads
			require.Error(t, err)
			require.Error(t, w.Close()) // begins to close with 1011
			server.CloseRead(context.Background())
			return errOwn
		}, nil)
		require.Equal(t, errOwn, err)
		require.Equal(t, 1, dials)
	})
}
