package reconnect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/reconnect"
	"github.com/seed60239977/websocket/websockettest"
)

var errNetwork = errors.New("no network")

// server is dialed in memory. It calls serve, if there is one, for the nth connection, counted from 0.
type server struct {
	t     *testing.T
	n     int
	serve func(n int, c *websocket.Conn)
}

func (s *server) dial(context.Context) (*websocket.Conn, error) {
	client, server := websockettest.Pair(s.t, nil)
	n := s.n
	s.n++
	go s.serve(n, server)
	return client, nil
}

// listen reads until there is an error.
func listen(ctx context.Context, c *websocket.Conn) error {
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return err
		}
	}
}

// waits collects what there is to wait for.
type waits struct {
	errs  []error
	waits []time.Duration
}

func (w *waits) add(err error, wait time.Duration) time.Duration {
	w.errs = append(w.errs, err)
	w.waits = append(w.waits, wait)
	return wait
}

func TestItComesBackUntilItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		codes := []websocket.StatusCode{
			websocket.StatusGoingAway, websocket.StatusInternalError, websocket.StatusServiceRestart,
			websocket.StatusTryAgainLater, websocket.StatusBadGateway, websocket.StatusNoStatus, websocket.StatusPolicyViolation,
		}
		s := &server{t: t, serve: func(n int, c *websocket.Conn) { c.Close(codes[n], "") }}
		served := 0
		err := reconnect.Run(t.Context(), s.dial, func(ctx context.Context, c *websocket.Conn) error {
			served++
			return listen(ctx, c)
		}, nil)
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end)
		require.Equal(t, websocket.StatusPolicyViolation, end.Code)
		require.Equal(t, len(codes), served)
	})
}

func TestEveryCodeAndStatusMeansToShouldRetryOrNotTo(t *testing.T) {
	for _, c := range []struct {
		back  bool
		codes []websocket.StatusCode
	}{
		{true, []websocket.StatusCode{1001, 1005, 1006, 1011, 1012, 1013, 1014}},
		{false, []websocket.StatusCode{1000, 1002, 1003, 1007, 1008, 1009, 1010, 1015, 3000, 3999, 4000, 4999}},
	} {
		for _, code := range c.codes {
			require.Equal(t, c.back, reconnect.ShouldRetry(fmt.Errorf("so: %w", &websocket.CloseError{Code: code})), code)
		}
	}
	for _, c := range []struct {
		back     bool
		statuses []int
	}{
		{true, []int{408, 425, 429, 500, 502, 503, 504, 507}},
		{false, []int{200, 301, 400, 401, 403, 404, 407, 410, 426, 501, 505}},
	} {
		for _, status := range c.statuses {
			require.Equal(t, c.back, reconnect.ShouldRetry(&websocket.HandshakeError{Status: status}), status)
		}
	}
	require.True(t, reconnect.ShouldRetry(&websocket.HandshakeError{Err: errNetwork}))
	require.False(t, reconnect.ShouldRetry(&websocket.HandshakeError{Reason: "the URL has a fragment"}))
	require.True(t, reconnect.ShouldRetry(errNetwork))
}

func TestWaitsAreRandomAndGrowUpToACap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waits
		attempts := 0
		dial := func(context.Context) (*websocket.Conn, error) {
			if attempts++; attempts <= 200 {
				return nil, errNetwork
			}
			return nil, &websocket.CloseError{Code: websocket.StatusNormalClosure}
		}
		start := time.Now()
		o := &reconnect.Options{InitialBackoff: time.Second, MaxBackoff: 10 * time.Second, OnWait: w.add}
		require.Error(t, reconnect.Run(t.Context(), dial, listen, o))

		require.Len(t, w.waits, 200)
		var total time.Duration
		distinct := map[time.Duration]bool{}
		for i, wait := range w.waits {
			bound := []time.Duration{1, 2, 4, 8, 10}[min(i, 4)] * time.Second
			require.GreaterOrEqual(t, wait, time.Duration(0))
			require.LessOrEqual(t, wait, bound)
			require.ErrorIs(t, w.errs[i], errNetwork)
			distinct[wait] = true
			total += wait
		}
		require.Equal(t, total, time.Since(start))
		require.Greater(t, len(distinct), 190)
		require.Greater(t, total, 600*time.Second, "5 s each, on average")
		require.Less(t, total, 1400*time.Second)
	})
}

func TestWaitsHaveDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waits
		attempts := 0
		dial := func(context.Context) (*websocket.Conn, error) {
			if attempts++; attempts <= 100 {
				return nil, errNetwork
			}
			return nil, &websocket.HandshakeError{Status: 403}
		}
		require.Error(t, reconnect.Run(t.Context(), dial, listen, &reconnect.Options{OnWait: w.add}))
		require.LessOrEqual(t, w.waits[0], reconnect.DefaultInitialBackoff)
		for _, wait := range w.waits {
			require.LessOrEqual(t, wait, reconnect.DefaultMaxBackoff)
		}
	})
}

func TestAInitialBackoffThatIsLongerThanTheCapIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waits
		dial := func(context.Context) (*websocket.Conn, error) {
			if len(w.waits) == 50 {
				return nil, &websocket.HandshakeError{Status: 403}
			}
			return nil, errNetwork
		}
		reconnect.Run(t.Context(), dial, listen, &reconnect.Options{InitialBackoff: time.Hour, MaxBackoff: time.Second, OnWait: w.add})
		for _, wait := range w.waits {
			require.LessOrEqual(t, wait, time.Second)
		}
	})
}

func TestAConnectionThatLastedStartsTheWaitsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waits
		lasts := []time.Duration{0, 0, 0, 0, 59 * time.Second, time.Minute, 0}
		s := &server{t: t, serve: func(n int, c *websocket.Conn) {
			if n == len(lasts) {
				c.Close(websocket.StatusNormalClosure, "")
				return
			}
			<-time.After(lasts[n])
			c.Close(websocket.StatusGoingAway, "")
		}}
		for range 100 { // waits are random: only often enough they tell their bound
			s.n = 0
			before := len(w.waits)
			require.Error(t, reconnect.Run(t.Context(), s.dial, listen, &reconnect.Options{
				InitialBackoff: time.Second, MaxBackoff: time.Minute, OnWait: w.add,
			}))
			run := w.waits[before:]
			require.Len(t, run, len(lasts))
			for i, bound := range []time.Duration{1, 2, 4, 8, 16, 1, 2} {
				require.LessOrEqual(t, run[i], bound*time.Second)
			}
		}
	})
}

func TestItIsDoneWhenServeReturnsAndTheConnectionIsOpen(t *testing.T) {
	for _, want := range []error{nil, errors.New("enough")} {
		synctest.Test(t, func(t *testing.T) {
			ends := make(chan error, 1)
			s := &server{t: t, serve: func(_ int, c *websocket.Conn) { ends <- listen(context.Background(), c) }}
			err := reconnect.Run(t.Context(), s.dial, func(context.Context, *websocket.Conn) error { return want }, nil)
			require.Equal(t, want, err)
			var end *websocket.CloseError
			require.ErrorAs(t, <-ends, &end)
			require.Equal(t, websocket.StatusNormalClosure, end.Code)
		})
	}
}

func TestTheEndOfTheContextEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := make(chan error, 1)
		s := &server{t: t, serve: func(_ int, c *websocket.Conn) { ends <- listen(context.Background(), c) }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, reconnect.Run(ctx, s.dial, listen, nil), context.DeadlineExceeded)
		var end *websocket.CloseError
		require.ErrorAs(t, <-ends, &end)
		require.Equal(t, websocket.StatusGoingAway, end.Code)
		require.True(t, end.WasClean)
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		dial := func(context.Context) (*websocket.Conn, error) { return nil, errNetwork }
		require.ErrorIs(t, reconnect.Run(ctx, dial, listen, nil), context.DeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(start), "in the middle of a wait")
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		dial := func(context.Context) (*websocket.Conn, error) {
			cancel()
			return nil, errNetwork
		}
		require.ErrorIs(t, reconnect.Run(ctx, dial, listen, nil), context.Canceled)
	})
}

func TestTheContextOfServeEndsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, serve: func(_ int, c *websocket.Conn) {
			<-time.After(time.Second)
			c.Close(websocket.StatusNormalClosure, "")
		}}
		err := reconnect.Run(t.Context(), s.dial, func(ctx context.Context, c *websocket.Conn) error {
			go listen(context.Background(), c)
			<-ctx.Done()
			return nil
		}, nil)
		require.ErrorAs(t, err, new(*websocket.CloseError), "serve need not say how the connection ended")
	})
}

func TestTheApplicationMayDecideWhetherToShouldRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, serve: func(n int, c *websocket.Conn) { c.Close(4000+websocket.StatusCode(n), "") }}
		err := reconnect.Run(t.Context(), s.dial, listen, &reconnect.Options{ShouldRetry: func(err error) bool {
			var end *websocket.CloseError
			return errors.As(err, &end) && end.Code < 4003
		}})
		require.ErrorContains(t, err, "4003")
		require.Equal(t, 4, s.n)
	})
}

func TestAPanicOfServeLeavesNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := make(chan error, 1)
		s := &server{t: t, serve: func(_ int, c *websocket.Conn) { ends <- listen(context.Background(), c) }}
		require.Panics(t, func() {
			reconnect.Run(t.Context(), s.dial, func(context.Context, *websocket.Conn) error { panic("oh no") }, nil)
		})
		require.Equal(t, websocket.StatusAbnormalClosure, websocket.CloseStatus(<-ends))
	})
}

func TestToDials(t *testing.T) {
	server := httptest.NewServer(websocket.Handler(func(_ context.Context, c *websocket.Conn) {
		c.Close(websocket.StatusNormalClosure, c.Subprotocol())
	}, &websocket.AcceptOptions{Subprotocols: []string{"v1"}}))
	defer server.Close()
	dial := reconnect.To(server.URL, &websocket.DialOptions{Subprotocols: []string{"v1"}})
	require.ErrorContains(t, reconnect.Run(t.Context(), dial, listen, nil), "v1")
}

func TestAURLThatIsWrongStaysWrong(t *testing.T) {
	for _, wrong := range []string{"ftp://127.0.0.1/", "ws://127.0.0.1/#x", "ws://[::1", "ws://%zz/", ":", "ws://127.0.0.1:x/"} {
		err := reconnect.Run(t.Context(), reconnect.To(wrong, nil), listen, nil)
		require.ErrorAs(t, err, new(*websocket.HandshakeError), wrong)
	}
}

func TestAServerThatRefusesIsLeftAlone(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	err := reconnect.Run(t.Context(), reconnect.To(server.URL, nil), listen, nil)
	var refused *websocket.HandshakeError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusNotFound, refused.Status)
}

func TestADialThatTakesLongIsNotAConnectionThatLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w waits
		s := &server{t: t, serve: func(n int, c *websocket.Conn) {
			if n == 200 {
				c.Close(websocket.StatusNormalClosure, "")
				return
			}
			c.Close(websocket.StatusGoingAway, "")
		}}
		dial := func(ctx context.Context) (*websocket.Conn, error) {
			<-time.After(10 * time.Second) // the server is overloaded
			return s.dial(ctx)
		}
		o := &reconnect.Options{InitialBackoff: time.Second, MaxBackoff: 10 * time.Second, OnWait: w.add}
		require.Error(t, reconnect.Run(t.Context(), dial, listen, o))
		require.Greater(t, slices.Max(w.waits), time.Second, "they have grown")
	})
}

// TestACodeBehindAFailedWriteIsHeard: the server says why it goes, and goes; serve hears of it by a write that fails.
func TestACodeBehindAFailedWriteIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, serve: func(_ int, c *websocket.Conn) {
			closed := []byte{0x88, 0x0f, 0x0f, 0xa1}
			c.NetConn().Write(append(closed, "token expired"...))
			c.NetConn().Close()
		}}
		err := reconnect.Run(t.Context(), s.dial, func(ctx context.Context, c *websocket.Conn) error {
			synctest.Wait()
			return c.Write(ctx, websocket.Text, []byte("anybody there?"))
		}, nil)
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end)
		require.Equal(t, websocket.CloseError{Code: 4001, Reason: "token expired", Remote: true, WasClean: true}, *end)
		require.Equal(t, 1, s.n, "it was told not to come back")
	})
}
