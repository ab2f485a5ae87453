package reconnect

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/seed60239977/websocket"
)

// retryAfter returns how long the server that refused asks to be left alone, but not more than the cap, and 0 for not at
// all. "Retry-After = HTTP-date / delay-seconds" (RFC 9110 §10.2.3).
func retryAfter(err error, most time.Duration) time.Duration {
	var refused *websocket.HandshakeError
	if most <= 0 || !errors.As(err, &refused) {
		return 0
	}
	if refused.Status != http.StatusTooManyRequests && refused.Status != http.StatusServiceUnavailable {
		return 0
	}
	value := refused.Header.Get("Retry-After")
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(most/time.Second) { // more than can be counted is more than the cap
			return most
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(refused.Header.Get("Date")) // of the same clock, which may not be ours
	if err != nil {
		now = time.Now()
	}
	return min(max(date.Sub(now), 0), most)
}

// saturated is a sum of waits that does not overflow.
func saturated(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
