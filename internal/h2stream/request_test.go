package h2stream

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// TestAWriteThatEndsTheStreamSucceeds: the peer has what it waited for and ends the stream before the HTTP library comes
// for more.
func TestAWriteThatEndsTheStreamSucceeds(t *testing.T) {
	for taken, want := range map[int]error{0: errStopped, 3: errStopped, 4: nil} {
		synctest.Test(t, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, "http://example.com/", nil)
			require.NoError(t, err)
			q, r := NewRequest(r)
			sent := make(chan error, 1)
			go func() { sent <- q.send([]byte("last")) }()
			synctest.Wait()
			n, err := r.Body.Read(make([]byte, taken))
			require.NoError(t, err)
			require.Equal(t, taken, n)
			synctest.Wait()
			require.Empty(t, sent)
			require.NoError(t, r.Body.Close())
			require.Equal(t, want, <-sent, "%d bytes of 4 were taken", taken)
			require.Equal(t, errStopped, q.send([]byte("more")))
			q.Abort()
		})
	}
}
