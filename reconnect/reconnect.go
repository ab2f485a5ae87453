package reconnect

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/seed60239977/websocket"
)

// Defaults of [Options].
const (
	DefaultInitialBackoff = 2 * time.Second
	DefaultMaxBackoff     = time.Minute
	DefaultMaxRetryAfter  = 10 * time.Minute
)

// Options configures [Run]. The zero value, and nil, have the defaults.
type Options struct {
	// InitialBackoff bounds the wait before the first attempt to reconnect. Each wait is random, between zero and its
	// bound, so that the clients of a server that restarts do not come all at once; the bound doubles with each attempt, up
	// to MaxBackoff. 0 stands for [DefaultInitialBackoff]; a negative value waits only for what a server asks for.
	InitialBackoff time.Duration

	// MaxBackoff is the largest bound. A connection that has lasted for so long counts as good: the wait after it is bounded
	// by InitialBackoff again. 0 stands for [DefaultMaxBackoff]; with a negative value the bound grows without limit, and
	// DefaultMaxBackoff makes a connection good.
	MaxBackoff time.Duration

	// MaxRetryAfter caps what a server may ask for. A server that refuses with 429 (Too Many Requests) or 503 (Service
	// Unavailable) and says in Retry-After when to come again, in seconds or as a date (RFC 9110 §10.2.3), is not dialed
	// earlier, even if that is longer than MaxBackoff; the random wait comes on top. 0 stands for [DefaultMaxRetryAfter]; a
	// negative value ignores Retry-After.
	MaxRetryAfter time.Duration

	// ShouldRetry decides whether to reconnect after an error, which is a *websocket.CloseError when a connection has ended
	// and otherwise what dial returned. nil stands for the function [ShouldRetry].
	ShouldRetry func(err error) bool

	// OnWait, if not nil, is called before each wait with the reason for it and how long it will be, and returns how long to
	// wait instead: usually the same. What it returns is no option, and has no default: 0 or less does not wait.
	OnWait func(err error, wait time.Duration) time.Duration
}

// Run dials and calls serve for the connection, and does so again whenever that has ended or dial has failed, until
//
//   - ctx ends: the connection is closed with StatusGoingAway, and the error is that of ctx;
//   - serve returns while the connection is open: it is closed with StatusNormalClosure, and the error is that of serve,
//     which may be nil;
//   - ShouldRetry says no: the error is a *websocket.CloseError or what dial returned.
//
// The context that serve gets ends when ctx or the connection does. serve should read until there is an error, and return;
// what it returns after the connection has ended does not matter. dial is [To] or a function of your own, for example
// one that gets a new token each time. Run itself starts no goroutine, and calls all functions on the caller's.
func Run(ctx context.Context, dial func(context.Context) (*websocket.Conn, error), serve func(context.Context, *websocket.Conn) error, o *Options) error {
	r := runner{options: o.withDefaults(), serve: serve}
	for {
		c, err := dial(ctx)
		began := time.Now()
		if err == nil {
			var done bool
			if done, err = r.use(ctx, c); done {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !r.options.ShouldRetry(err) {
			return err
		}
		if c != nil && time.Since(began) >= r.options.good() {
			r.attempt = 0
		}
		if err := r.wait(ctx, err); err != nil {
			return err
		}
	}
}

// To returns a function for [Run] that dials a URL by [websocket.Dial].
func To(rawURL string, o *websocket.DialOptions) func(context.Context) (*websocket.Conn, error) {
	return func(ctx context.Context) (*websocket.Conn, error) {
		c, _, err := websocket.Dial(ctx, rawURL, o)
		return c, err
	}
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.InitialBackoff == 0 {
		d.InitialBackoff = DefaultInitialBackoff
	}
	if d.MaxBackoff == 0 {
		d.MaxBackoff = DefaultMaxBackoff
	}
	if d.MaxRetryAfter == 0 {
		d.MaxRetryAfter = DefaultMaxRetryAfter
	}
	if d.ShouldRetry == nil {
		d.ShouldRetry = ShouldRetry
	}
	return d
}

// runner is the state of one call of [Run].
type runner struct {
	options Options
	serve   func(context.Context, *websocket.Conn) error
	attempt int // how many waits there were since the last good connection
}

// use calls serve. It reports whether that ended the whole, and returns how the connection ended or what serve said.
func (r *runner) use(ctx context.Context, c *websocket.Conn) (done bool, err error) {
	defer c.CloseNow() // if serve panics
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	c.OnEnd(cancel)
	err = r.serve(inner, c)
	if end := c.Err(); end != nil {
		return false, end
	}
	if ctx.Err() != nil {
		c.Close(websocket.StatusGoingAway, "")
		return true, ctx.Err()
	}
	// serve may have heard of the end, from a call that writes, before it was there: then that is how it ended.
	ending := c.State() != websocket.StateOpen
	c.Close(websocket.StatusNormalClosure, "")
	var end *websocket.CloseError
	if errors.As(c.Err(), &end) && ending && (end.Remote || end.Err != nil) {
		return false, end
	}
	return true, err
}

// wait waits before the next attempt, or returns the error of ctx.
func (r *runner) wait(ctx context.Context, why error) error {
	wait := retryAfter(why, r.options.MaxRetryAfter)
	if bound := r.bound(); bound > 0 {
		wait = saturated(wait, rand.N(bound))
	}
	r.attempt++
	if r.options.OnWait != nil {
		wait = r.options.OnWait(why, wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bound is the longest that the next wait may be: "the first reconnect attempt SHOULD be delayed by a random amount of
// time", later ones by "truncated binary exponential backoff" (§7.2.3).
func (r *runner) bound() time.Duration {
	bound, most := r.options.InitialBackoff, r.options.MaxBackoff
	if bound < 0 {
		return 0
	}
	if most < 0 {
		most = math.MaxInt64
	}
	for range r.attempt {
		if bound >= most/2 {
			return most
		}
		bound *= 2
	}
	return min(bound, most)
}

// good is how long a connection has to last for the waits to start anew.
func (o *Options) good() time.Duration {
	if o.MaxBackoff < 0 {
		return DefaultMaxBackoff
	}
	return o.MaxBackoff
}

// ShouldRetry reports whether it makes sense to dial again after an error of a connection or of [websocket.Dial]; the table is
// in the package's documentation. It is true for errors of any other kind.
func ShouldRetry(err error) bool {
	var end *websocket.CloseError
	if errors.As(err, &end) {
		return welcome(end.Code)
	}
	var refused *websocket.HandshakeError
	return !errors.As(err, &refused) || mayPass(refused)
}

// welcome reports whether a close code asks for another connection, or at least not for none.
func welcome(code websocket.StatusCode) bool {
	switch code {
	case websocket.StatusGoingAway, websocket.StatusServiceRestart,
		websocket.StatusNoStatus, websocket.StatusAbnormalClosure,
		websocket.StatusInternalError, websocket.StatusTryAgainLater, websocket.StatusBadGateway:
		return true
	}
	return false
}

// mayPass reports whether a handshake that failed may succeed another time.
func mayPass(e *websocket.HandshakeError) bool {
	switch e.Status {
	case 0: // no response: the network has failed, or else, without a cause, the handshake was not allowed by its rules
		return e.Err != nil
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return e.Status >= 500
}
