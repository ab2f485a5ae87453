package conn

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestOnlyHistoriesThatGrowHaveTheirWorkDoneOnAFreshStack(t *testing.T) {
	for name, c := range map[string]struct {
		params  deflate.Params
		in, out bool // whether the server's histories grow
	}{
		"with takeover":            {deflate.Params{}, true, true},
		"without takeover at all":  {deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}, false, false},
		"without server's context": {deflate.Params{ServerNoContextTakeover: true}, true, false},
		"without client's context": {deflate.Params{ClientNoContextTakeover: true}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			server := Server(near, &Negotiated{Deflate: &c.params}, nil)
			client := Client(far, &Negotiated{Deflate: &c.params}, nil)
			defer server.CloseNow()
			defer client.CloseNow()
			require.Equal(t, c.in, server.read.growth > 0)
			require.Equal(t, c.out, server.out.hot.grows())
			require.Equal(t, c.out, client.read.growth > 0)
			require.Equal(t, c.in, client.out.hot.grows())
			for passed, message := 0, strings.Repeat("a", 3000); passed < historySize; passed += len(message) {
				require.NoError(t, client.Write(t.Context(), Text, []byte(message)))
				_, data, err := server.Read(t.Context())
				require.NoError(t, err)
				require.NoError(t, server.Write(t.Context(), Text, data))
				_, data, err = client.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, message, string(data))
			}
			for _, end := range []*Conn{server, client} {
				require.Zero(t, end.read.growth)
				require.False(t, end.out.hot.grows())
			}
		})
	}
}

func TestWhatIsCompressedTakesAsMuchMemoryAsItIsLong(t *testing.T) {
	near, far := wstest.Pipe(1)
	c := Server(near, &Negotiated{Deflate: &deflate.Params{}}, nil)
	defer c.CloseNow()
	defer far.Close()
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for range 3 {
		then, err := c.enqueue(t.Context(), &outgoing{typ: Text, fin: true, payload: make([]byte, 1<<20)})
		require.NoError(t, err)
		require.Equal(t, toFlush, then)
	}
	require.Less(t, c.out.sender.Waiting(), 8<<10)
	require.Less(t, c.out.sender.Waiting(), frame.MaxHeaderSize+8<<10)
}
