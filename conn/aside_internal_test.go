package conn

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

func TestOnlyHistoriesThatGrowHaveTheirWorkDoneAside(t *testing.T) {
	for name, c := range map[string]struct {
		params deflate.Params
		want   int // octets until both histories have all their memory
	}{
		"with takeover":            {deflate.Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}, 16<<10 + 1},
		"with takeover, 8 bits":    {deflate.Params{ServerMaxWindowBits: 8, ClientMaxWindowBits: 8}, 1},
		"without takeover at all":  {deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}, 0},
		"without server's context": {deflate.Params{ServerNoContextTakeover: true, ClientMaxWindowBits: 10}, 1<<9 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := wstest.Pipe(0)
			server := Server(near, &Config{Deflate: &c.params})
			client := Client(far, &Config{Deflate: &c.params})
			defer server.CloseNow()
			defer client.CloseNow()
			grows := func() bool { return server.recv.unpacker.Growing() || server.out.packer.Growing() }
			passed := 0
			for message := strings.Repeat("a", 200); grows(); passed += len(message) {
				require.Less(t, passed, c.want, "octets in each direction")
				require.NoError(t, client.Write(t.Context(), Text, []byte(message)))
				_, data, err := server.Read(t.Context())
				require.NoError(t, err)
				require.NoError(t, server.Write(t.Context(), Text, data))
				_, data, err = client.Read(t.Context())
				require.NoError(t, err)
				require.Equal(t, message, string(data))
			}
			require.GreaterOrEqual(t, passed, c.want-1)
		})
	}
}

func TestMessagesThatAreNotCompressedAreNeverDealtWithAside(t *testing.T) {
	near, far := wstest.Pipe(0)
	params := &deflate.Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
	c := Server(near, &Config{Deflate: params})
	defer c.CloseNow()
	defer far.Close()
	peer := wstest.NewPeer(t, far, frame.Client)
	short, long := wstest.Whole(frame.Text, "short"), wstest.Whole(frame.Text, strings.Repeat("long", 100))
	packed := wstest.Whole(frame.Text, string(params.Compressor(false, nil).Append(nil, long.Payload)))
	packed.RSV = frame.RSV1
	begun := wstest.Part(frame.Text, false, "begun")
	for name, aside := range map[*wstest.Frame]bool{
		&short: false, &long: false, &begun: false, &packed: true,
		{Fin: true, Opcode: frame.Ping, Payload: []byte("ping")}: false,
	} {
		require.Equal(t, aside, c.recv.grows(peer.Encode(*name)), "%v", name)
	}
	require.False(t, c.recv.grows(nil))
	require.False(t, c.out.grows(&outgoing{opcode: frame.Text, fin: true, payload: short.Payload}))
	require.True(t, c.out.grows(&outgoing{opcode: frame.Text, fin: true, payload: long.Payload}))

	for _, last := range []bool{false, true} { // of a compressed message in two frames
		part := packed
		part.Fin, part.Payload = last, packed.Payload[:10]
		if last {
			part.RSV, part.Opcode, part.Payload = 0, frame.Continuation, packed.Payload[10:]
		}
		require.True(t, c.recv.grows(peer.Encode(part)))
		var ev event
		_, err := c.recv.next(peer.Encode(part), &ev)
		require.NoError(t, err)
	}
}

func TestWhatIsCompressedTakesAsMuchMemoryAsItIsLong(t *testing.T) {
	near, far := wstest.Pipe(1)
	c := Server(near, &Config{Deflate: &deflate.Params{ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}})
	defer c.CloseNow()
	defer far.Close()
	for range 3 {
		_, err := c.enqueue(t.Context(), &outgoing{opcode: frame.Text, fin: true, payload: make([]byte, 1<<20)})
		require.NoError(t, err)
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	require.Less(t, len(c.out.pending.b), 8<<10)
	require.LessOrEqual(t, cap(c.out.pending.b), 16<<10)
}
