package websocket

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// They may never cease to come.
func TestShutdownDoesNotWaitForRequestsThatItRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var registry Registry
		last := make(chan struct{})
		o := &AcceptOptions{Registry: &registry, OnError: func(*http.Request, error) { <-last }}
		h := Handler(func(context.Context, *Conn) {}, o)
		registry.begin() // a function that has not returned
		ended := make(chan error, 1)
		go func() { ended <- registry.Shutdown(t.Context()) }()
		synctest.Wait()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {testKey}}
		go h.ServeHTTP(httptest.NewRecorder(), r)
		synctest.Wait()
		require.EqualValues(t, 1, registry.Stats().Refused)
		registry.done()
		synctest.Wait()
		require.Len(t, ended, 1, "it waits for a request that it has refused")
		require.NoError(t, <-ended)
		close(last)
	})
}
