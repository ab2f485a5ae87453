package reconnect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
)

func TestRetryAfterIsReadAsTheRFCSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		date := func(after time.Duration) string { return now.Add(after).Format(http.TimeFormat) }
		for _, c := range []struct {
			value, date string
			status      int
			most, want  time.Duration
		}{
			{"120", "", 503, time.Hour, 2 * time.Minute},
			{"120", "", 429, time.Hour, 2 * time.Minute},
			{"120", "", 500, time.Hour, 0},
			{"120", "", 403, time.Hour, 0},
			{"120", "", 503, time.Minute, time.Minute},
			{"2", "", 503, 1500 * time.Millisecond, 1500 * time.Millisecond},
			{"120", "", 503, -1, 0},
			{"0", "", 503, time.Hour, 0},
			{"99999999999999999999999", "", 503, time.Hour, time.Hour},
			{"9223372036854775807", "", 503, math.MaxInt64, math.MaxInt64},
			{"", "", 503, time.Hour, 0},
			{"-5", "", 503, time.Hour, 0},
			{"1.5", "", 503, time.Hour, 0},
			{"soon", "", 503, time.Hour, 0},
			{date(90 * time.Second), "", 503, time.Hour, 90 * time.Second},
			{date(90 * time.Minute), "", 503, time.Hour, time.Hour},
			{date(-time.Minute), "", 503, time.Hour, 0},
			{date(time.Hour), date(time.Hour - time.Minute), 503, 2 * time.Hour, time.Minute}, // a clock that is fast
			{"Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:07 GMT", 503, time.Hour, 30 * time.Second},
			{"Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:07 GMT", 429, time.Hour, 30 * time.Second},
			{date(time.Minute), "yesterday", 503, time.Hour, time.Minute},
		} {
			err := &websocket.HandshakeError{Status: c.status, Header: http.Header{"Retry-After": {c.value}, "Date": {c.date}}}
			require.Equal(t, c.want, retryAfter(fmt.Errorf("so: %w", err), c.most), "%+v", c)
		}
		require.Zero(t, retryAfter(errors.New("no network"), time.Hour))
		require.Zero(t, retryAfter(&websocket.HandshakeError{Status: 503}, time.Hour))
	})
}

// refusing is a dial that is refused with a header n times, and then for good.
func refusing(n int, h http.Header) func(context.Context) (*websocket.Conn, error) {
	return func(context.Context) (*websocket.Conn, error) {
		if n--; n >= 0 {
			return nil, &websocket.HandshakeError{Status: http.StatusServiceUnavailable, Header: h, Reason: "busy"}
		}
		return nil, &websocket.HandshakeError{Status: http.StatusForbidden, Reason: "enough"}
	}
}

func TestWaitsAreAsLongAsTheServerAsks(t *testing.T) {
	for name, c := range map[string]struct {
		options     Options
		value       string
		least, most time.Duration // of ten waits together
	}{
		"longer than the bound":      {Options{InitialBackoff: time.Second, MaxBackoff: time.Second}, "30", 300 * time.Second, 310 * time.Second},
		"no longer than the cap":     {Options{InitialBackoff: time.Second, MaxBackoff: time.Second, MaxRetryAfter: 5 * time.Second}, "30", 50 * time.Second, 60 * time.Second},
		"no longer than the default": {Options{InitialBackoff: time.Second, MaxBackoff: time.Second}, "86400", 10 * DefaultMaxRetryAfter, 10*DefaultMaxRetryAfter + 10*time.Second},
		"not at all":                 {Options{InitialBackoff: time.Second, MaxBackoff: time.Second, MaxRetryAfter: -1}, "30", 0, 10 * time.Second},
		"and nothing else":           {Options{InitialBackoff: -1}, "30", 300 * time.Second, 300 * time.Second},
		"nothing of both":            {Options{InitialBackoff: -1, MaxRetryAfter: -1}, "30", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := Run(t.Context(), refusing(10, http.Header{"Retry-After": {c.value}}), nil, &c.options)
				require.ErrorContains(t, err, "enough")
				require.GreaterOrEqual(t, time.Since(start), c.least)
				require.LessOrEqual(t, time.Since(start), c.most)
			})
		})
	}
}

func TestTheApplicationMayChangeTheWait(t *testing.T) {
	for _, instead := range []time.Duration{time.Hour, 0, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var told []time.Duration
			err := Run(t.Context(), refusing(3, http.Header{"Retry-After": {"30"}}), nil, &Options{
				InitialBackoff: -1,
				OnWait: func(err error, wait time.Duration) time.Duration {
					told = append(told, wait)
					return instead
				},
			})
			require.ErrorContains(t, err, "enough")
			require.Equal(t, 3*max(instead, 0), time.Since(start))
			require.Equal(t, []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second}, told)
		})
	}
}

func TestBoundsMayGrowWithoutLimit(t *testing.T) {
	r := runner{options: (&Options{InitialBackoff: time.Second, MaxBackoff: -1}).withDefaults()}
	for r.attempt = range 100 {
		want := time.Duration(math.MaxInt64)
		if r.attempt < 34 {
			want = time.Second << r.attempt
		}
		require.Equal(t, want, r.bound(), r.attempt)
	}
	require.Equal(t, DefaultMaxBackoff, r.options.good())
	require.Equal(t, time.Duration(math.MaxInt64), saturated(math.MaxInt64, time.Second))
	r = runner{options: (&Options{InitialBackoff: -1}).withDefaults(), attempt: math.MaxInt32}
	require.Zero(t, r.bound())
}

func TestRetryAfterOfARealServerIsHeard(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, To(server.URL, nil), nil, &Options{MaxRetryAfter: 2 * time.Hour, OnWait: func(err error, wait time.Duration) time.Duration {
		defer cancel()
		require.Greater(t, wait, 59*time.Minute)
		return wait
	}})
	require.ErrorIs(t, err, context.Canceled)
}
