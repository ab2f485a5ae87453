package reconnect

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestAURLThatIsWrongIsNotDialedAgain(t *testing.T) {
	for _, u := range []string{"ws://a!b/", "ws://ä..b/", "ws://xn--ä/", "ws://a'b/", "ws://h\u2000/"} {
		_, err := To(u, nil)(t.Context())
		require.Error(t, err)
		require.False(t, ShouldRetry(err), "%s: %v", u, err)
	}
}

func TestOptionsThatAreWrongAreNotTriedAgain(t *testing.T) {
	for name, o := range map[string]*websocket.DialOptions{
		"header":      {Header: http.Header{"Connection": {"x"}}},
		"value":       {Header: http.Header{"X": {"a\nb"}}},
		"subprotocol": {Subprotocols: []string{"a b"}},
		"host":        {Host: "a b"},
	} {
		_, err := To("ws://server.test/", o)(t.Context())
		require.Error(t, err)
		require.False(t, ShouldRetry(err), "%s: %v", name, err)
	}
}

func TestWaitsMayBeAsLongAsTheyCanBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := Run(ctx, func(context.Context) (*websocket.Conn, error) { return nil, errors.New("no") }, nil,
			&Options{InitialBackoff: math.MaxInt64, MaxBackoff: math.MaxInt64})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestAProxyThatIsWrongIsNotDialedAgain(t *testing.T) {
	for _, host := range []string{"a b", "xn--\u00e9..\u00e9", ""} {
		o := &websocket.DialOptions{Proxy: func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: host}, nil }}
		_, err := To("ws://example.invalid", o)(context.Background())
		require.Error(t, err)
		require.False(t, ShouldRetry(err), "%q: %v", host, err)
	}
}
