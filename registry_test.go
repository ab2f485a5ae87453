package websocket_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/websockettest"
)

// registered returns a client and a server that a registry knows.
func registered(t *testing.T, r *websocket.Registry, o *websockettest.Options) (client, server *websocket.Conn) {
	if o == nil {
		o = &websockettest.Options{}
	}
	accept := websocket.AcceptOptions{Registry: r}
	if o.Accept != nil {
		accept = *o.Accept
		accept.Registry = r
	}
	o.Accept = &accept
	return websockettest.Pair(t, o)
}

// upgradeRequest is what a client sends.
const upgradeRequest = "GET / HTTP/1.1\r\nHost: server.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// requireGoneAway reads until the end, which must be that the server is going away, and returns what came before.
func requireGoneAway(t *testing.T, c *websocket.Conn) (messages []string) {
	t.Helper()
	for {
		_, data, err := c.Read(context.Background())
		if err == nil {
			messages = append(messages, string(data))
			continue
		}
		var end *websocket.CloseError
		require.ErrorAs(t, err, &end)
		require.Equal(t, websocket.StatusGoingAway, end.Code)
		require.True(t, end.Remote)
		require.True(t, end.WasClean)
		return messages
	}
}

func TestARegistryKnowsConnectionsUntilTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		require.Zero(t, r.Stats())
		var servers []*websocket.Conn
		for range 3 {
			_, server := registered(t, &r, nil)
			servers = append(servers, server)
		}
		require.Equal(t, websocket.RegistryStats{Open: 3, Total: 3}, r.Stats())
		for _, server := range servers {
			require.True(t, slices.Contains(slices.Collect(r.Conns()), server))
		}
		for range r.Conns() {
			break
		}
		servers[1].CloseNow()
		require.Equal(t, websocket.RegistryStats{Open: 2, Total: 3}, r.Stats())
		require.False(t, slices.Contains(slices.Collect(r.Conns()), servers[1]))
	})
}

func TestShutdownSendsAllAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		var clients sync.WaitGroup
		for range 50 {
			client, server := registered(t, &r, nil)
			go server.Read(context.Background())
			clients.Go(func() {
				<-time.After(time.Second) // each of them is slow
				requireGoneAway(t, client)
			})
		}
		start := time.Now()
		require.NoError(t, r.Shutdown(t.Context()))
		require.Equal(t, time.Second, time.Since(start))
		require.Zero(t, r.Stats().Open)
		clients.Wait()
		require.NoError(t, r.Shutdown(t.Context()), "it may be called again")
	})
}

func TestShutdownWithoutConnectionsIsDoneAtOnce(t *testing.T) {
	var r websocket.Registry
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, r.Shutdown(ended))
}

func TestShutdownLosesNothingThatWasAcceptedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		client, server := registered(t, &r, &websockettest.Options{Buffer: 100})
		var sent []string
		for n := range 100 {
			sent = append(sent, fmt.Sprintf("message %d", n))
			require.NoError(t, server.Send(websocket.Text, []byte(sent[n])))
		}
		ended := make(chan error)
		go func() { ended <- r.Shutdown(context.Background()) }()
		// The peer reads nothing for longer than a closing handshake may take.
		<-time.After(time.Minute)
		require.Equal(t, sent, requireGoneAway(t, client))
		require.NoError(t, <-ended)
	})
}

func TestShutdownCutsWhatIsLeftWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		_, stuck := registered(t, &r, &websockettest.Options{Buffer: 100})
		require.NoError(t, stuck.Send(websocket.Binary, make([]byte, 1000)))
		good, _ := registered(t, &r, nil)
		go requireGoneAway(t, good)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		patient := make(chan error)
		go func() { patient <- r.Shutdown(context.Background()) }()
		require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(start))
		require.Equal(t, websocket.StateClosed, stuck.State())
		require.NoError(t, <-patient)
	})
}

func TestAPeerThatDoesNotAnswerIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		registered(t, &r, nil)
		start := time.Now()
		require.NoError(t, r.Shutdown(context.Background()))
		require.Equal(t, websocket.DefaultCloseTimeout, time.Since(start))
	})
}

func TestAfterShutdownNobodyIsLetIn(t *testing.T) {
	var r websocket.Registry
	require.NoError(t, r.Shutdown(t.Context()))
	options := &websocket.AcceptOptions{Registry: &r}
	refused := func(t *testing.T, err error) {
		var e *websocket.HandshakeError
		require.ErrorAs(t, err, &e)
		require.Equal(t, http.StatusServiceUnavailable, e.Status)
	}
	t.Run("Accept", func(t *testing.T) {
		told := make(chan error, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			_, err := websocket.Accept(w, req, options)
			told <- err
		}))
		defer server.Close()
		_, response, err := websocket.Dial(t.Context(), server.URL, nil)
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
		refused(t, err)
		err = <-told
		refused(t, err)
		require.ErrorIs(t, err, http.ErrServerClosed)
	})
	t.Run("AcceptConn", func(t *testing.T) {
		near, far := wstest.Pipe(0)
		told := make(chan error, 1)
		go func() {
			_, _, err := websocket.AcceptConn(context.Background(), far, options)
			told <- err
		}()
		_, _, err := websocket.Dial(t.Context(), websockettest.URL, &websocket.DialOptions{
			NetDial: func(context.Context, string, string) (net.Conn, error) { return near, nil },
		})
		refused(t, err)
		require.ErrorIs(t, <-told, http.ErrServerClosed)
	})
	require.Equal(t, websocket.RegistryStats{Refused: 2}, r.Stats())
}

// lastMoment is a network connection on which something happens before the response of a handshake is written.
type lastMoment struct {
	net.Conn
	once  sync.Once
	event func()
}

func (c *lastMoment) Write(p []byte) (int, error) {
	c.once.Do(c.event)
	return c.Conn.Write(p)
}

// hijackable is the http.ResponseWriter of a request that has come over nc.
type hijackable struct {
	*httptest.ResponseRecorder
	nc net.Conn
}

func (w *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.nc, bufio.NewReadWriter(bufio.NewReader(w.nc), bufio.NewWriter(w.nc)), nil
}

// accepting are the ways to serve the handshake that comes over nc; they return how it ended.
var accepting = map[string]func(nc net.Conn, o *websocket.AcceptOptions) error{
	"AcceptConn": func(nc net.Conn, o *websocket.AcceptOptions) error {
		_, _, err := websocket.AcceptConn(context.Background(), nc, o)
		return err
	},
	"Accept": func(nc net.Conn, o *websocket.AcceptOptions) error {
		r, err := http.ReadRequest(bufio.NewReader(nc))
		if err != nil {
			return err
		}
		_, err = websocket.Accept(&hijackable{httptest.NewRecorder(), nc}, r, o)
		return err
	},
	"Handler": func(nc net.Conn, o *websocket.AcceptOptions) (ended error) {
		r, err := http.ReadRequest(bufio.NewReader(nc))
		if err != nil {
			return err
		}
		options := *o
		options.OnError = func(_ *http.Request, err error) { ended = err }
		websocket.Handler(echo, &options).ServeHTTP(&hijackable{httptest.NewRecorder(), nc}, r)
		return ended
	},
}

// dialing starts to dial what serves the other end of a pipe; the result comes through the channel.
func dialing(near net.Conn) <-chan error {
	result := make(chan error, 1)
	go func() {
		c, _, err := websocket.Dial(context.Background(), websockettest.URL, &websocket.DialOptions{
			NetDial: func(context.Context, string, string) (net.Conn, error) { return near, nil },
		})
		if err == nil {
			_, _, err = c.Read(context.Background())
		}
		result <- err
	}()
	return result
}

// A process may exit when Shutdown has returned.
func TestAHandshakeThatIsOvertakenByShutdownIsClosedBeforeShutdownReturns(t *testing.T) {
	for name, accept := range accepting {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r websocket.Registry
				near, far := wstest.Pipe(0)
				down := make(chan error, 1)
				nc := &lastMoment{Conn: far, event: func() {
					go func() { down <- r.Shutdown(context.Background()) }()
					synctest.Wait()
					if len(down) > 0 || r.Stats().Serving != 1 {
						t.Error("Shutdown does not wait for the handshake")
					}
				}}
				client := dialing(near)
				err := accept(nc, &websocket.AcceptOptions{Registry: &r})
				require.ErrorIs(t, err, http.ErrServerClosed)
				var e *websocket.HandshakeError
				require.ErrorAs(t, err, &e)
				require.Zero(t, e.Status, "no response has said so")
				require.NoError(t, <-down)
				var end *websocket.CloseError
				require.ErrorAs(t, <-client, &end)
				require.Equal(t, websocket.StatusGoingAway, end.Code)
				require.True(t, end.WasClean)
				require.Equal(t, websocket.RegistryStats{Refused: 1}, r.Stats())
			})
		})
	}
}

func TestAHandshakeThatIsOvertakenByShutdownIsCutWhenItsTimeIsOver(t *testing.T) {
	for name, accept := range accepting {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r websocket.Registry
				near, far := wstest.Pipe(0)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				down := make(chan error, 1)
				nc := &lastMoment{Conn: far, event: func() {
					go func() { down <- r.Shutdown(ctx) }()
					synctest.Wait()
				}}
				go func() { // a client that does not answer the close frame
					io.WriteString(near, upgradeRequest)
					io.Copy(io.Discard, near)
				}()
				start := time.Now()
				require.ErrorIs(t, accept(nc, &websocket.AcceptOptions{Registry: &r}), http.ErrServerClosed)
				require.ErrorIs(t, <-down, context.DeadlineExceeded)
				require.Equal(t, time.Second, time.Since(start))
				require.Zero(t, r.Stats().Open)
			})
		})
	}
}

func TestShutdownWaitsUntilARequestIsRefused(t *testing.T) {
	for name, accept := range accepting {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r websocket.Registry
				near, far := wstest.Pipe(0)
				down := make(chan error, 1)
				o := &websocket.AcceptOptions{Registry: &r, CheckOrigin: func(*http.Request) error {
					go func() { down <- r.Shutdown(context.Background()) }()
					synctest.Wait()
					if len(down) > 0 {
						t.Error("Shutdown does not wait for the handshake")
					}
					return nil
				}}
				go func() {
					io.WriteString(near, upgradeRequest)
					io.Copy(io.Discard, near)
				}()
				err := accept(far, o)
				var e *websocket.HandshakeError
				require.ErrorAs(t, err, &e)
				require.Equal(t, http.StatusServiceUnavailable, e.Status)
				require.NoError(t, <-down)
				require.NoError(t, near.Close())
			})
		})
	}
}

func TestShutdownDoesNotWaitForAClientThatSendsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		near, far := wstest.Pipe(0)
		ended := make(chan error, 1)
		go func() { ended <- accepting["AcceptConn"](far, &websocket.AcceptOptions{Registry: &r}) }()
		io.WriteString(near, "GET / HTTP/1.1\r\n")
		synctest.Wait()
		start := time.Now()
		require.NoError(t, r.Shutdown(context.Background()))
		require.Zero(t, time.Since(start))
		require.NoError(t, near.Close())
		require.Error(t, <-ended)
	})
}

func TestShutdownWaitsForTheFunctionsOfHandler(t *testing.T) {
	var r websocket.Registry
	began, connectionEnded, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var cleanedUp bool
	server := httptest.NewServer(websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		close(began)
		c.Read(ctx)
		close(connectionEnded)
		<-goOn
		cleanedUp = true
	}, &websocket.AcceptOptions{Registry: &r}))
	defer server.Close()
	c, _, err := websocket.Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer c.CloseNow()
	go c.Read(context.Background())
	<-began

	down := make(chan error, 1)
	go func() { down <- r.Shutdown(context.Background()) }()
	<-connectionEnded
	<-c.Done()
	require.Equal(t, 1, r.Stats().Serving)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Shutdown(ended), context.Canceled, "a function that hangs is not waited for any longer")
	require.Empty(t, down)
	close(goOn)
	require.NoError(t, <-down)
	require.True(t, cleanedUp)
}

func TestHandshakesThatFailAreNotWaitedFor(t *testing.T) {
	var r websocket.Registry
	handler := websocket.Handler(echo, &websocket.AcceptOptions{Registry: &r})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	require.NoError(t, r.Shutdown(t.Context()))

	var other websocket.Registry
	handler = websocket.Handler(echo, &websocket.AcceptOptions{
		Registry:    &other,
		CheckOrigin: func(*http.Request) error { panic("a mistake in the application") },
	})
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Origin": {"https://page.example"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	require.Panics(t, func() { handler.ServeHTTP(httptest.NewRecorder(), request) })
	require.NoError(t, other.Shutdown(t.Context()))
}

func TestARegistryMayBeSharedAndShutDownWhileConnectionsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 20 {
					near, far := wstest.Pipe(0)
					dialed := make(chan struct{})
					go func() {
						defer close(dialed)
						c, _, err := websocket.Dial(context.Background(), websockettest.URL, &websocket.DialOptions{
							NetDial: func(context.Context, string, string) (net.Conn, error) { return near, nil },
						})
						if err == nil {
							c.Read(context.Background())
							c.CloseNow()
						}
					}()
					c, _, err := websocket.AcceptConn(context.Background(), far, &websocket.AcceptOptions{Registry: &r})
					if err == nil {
						<-time.After(time.Millisecond)
						c.Close(websocket.StatusNormalClosure, "")
					} else {
						assert.ErrorIs(t, err, http.ErrServerClosed)
					}
					<-dialed
				}
			})
		}
		<-time.After(10 * time.Millisecond)
		require.NoError(t, r.Shutdown(context.Background()))
		require.Zero(t, r.Stats().Open)
		all.Wait()
		require.Zero(t, r.Stats().Open)
		require.EqualValues(t, 400, r.Stats().Total+r.Stats().Refused)
	})
}

func ExampleRegistry() {
	var registry websocket.Registry
	server := &http.Server{
		Handler:           websocket.Handler(echo, &websocket.AcceptOptions{Registry: &registry}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go server.Serve(listener)

	c, _, err := websocket.Dial(context.Background(), "ws://"+listener.Addr().String(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Write(context.Background(), websocket.Text, []byte("hello"))
	c.Read(context.Background())
	fmt.Println("open:", registry.Stats().Open)

	// In a real program this begins when signal.NotifyContext's context ends.
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.RegisterOnShutdown(func() { registry.Shutdown(ctx) })
		server.Shutdown(ctx)
		registry.Shutdown(ctx)
	}()

	_, _, err = c.Read(context.Background())
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		fmt.Println(uint16(closed.Code), closed.WasClean)
	}
	// Output:
	// open: 1
	// 1001 true
}

func TestEntriesSayWhoIsConnectedAndForHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r websocket.Registry
		require.Empty(t, r.Entries())
		begun := time.Now()
		var servers []*websocket.Conn
		for _, name := range []string{"old", "new"} {
			_, server := registered(t, &r, &websockettest.Options{
				Accept: &websocket.AcceptOptions{Subprotocols: []string{name}},
				Dial:   &websocket.DialOptions{Subprotocols: []string{name}},
				Buffer: 64,
			})
			servers = append(servers, server)
			time.Sleep(time.Minute)
		}
		require.NoError(t, servers[1].Send(websocket.Binary, make([]byte, 1000)))
		require.NoError(t, servers[0].SendClose(websocket.StatusGoingAway, ""))
		synctest.Wait() // what the network takes is gone
		entries := r.Entries()
		require.Len(t, entries, 2)
		for i, state := range []websocket.State{websocket.StateClosing, websocket.StateOpen} {
			require.Same(t, servers[i], entries[i].Conn)
			require.Zero(t, entries[i].Since.Sub(begun)-time.Duration(i)*time.Minute)
			require.Equal(t, servers[i].RemoteAddr().String(), entries[i].RemoteAddr)
			require.Equal(t, servers[i].Subprotocol(), entries[i].Subprotocol)
			require.Equal(t, servers[i].BufferedAmount(), entries[i].Buffered)
			require.Equal(t, state, entries[i].State)
		}
		require.Greater(t, servers[1].BufferedAmount(), int64(900))
		servers[0].CloseNow()
		require.Len(t, r.Entries(), 1)
	})
}
