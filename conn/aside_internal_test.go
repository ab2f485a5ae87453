package conn

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
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
			grows := func() bool { return server.recv.grows() || server.out.packer.grows() }
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
