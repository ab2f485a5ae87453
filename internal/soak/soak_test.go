package soak

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/internal/pipe"
	"github.com/seed60239977/websocket/internal/wstest"
)

var (
	duration    = flag.Duration("soak", 0, "how long to put load on a server over TCP; 0 is a short day in memory, in fake time")
	connections = flag.Int("connections", 25, "how many clients there are at a time")
)

// day returns how long a day is, if -soak does not say so. In fake time clients that have much to say say it at once, and it is
// spent in silence.
func day() time.Duration {
	if wstest.All() {
		return 2 * time.Second
	}
	return time.Second / 2
}

// pace is how fast a day goes.
type pace struct {
	ping    time.Duration // the server's interval
	silence time.Duration // of a client that falls silent, at most
	long    int           // times that, for one in twenty of them
}

// usual is the pace at which heartbeats notice some of the clients that are silent.
var usual = pace{time.Second, 1500 * time.Millisecond, 6}

// hurried is for a day that nobody wants to wait for.
var hurried = pace{200 * time.Millisecond, 500 * time.Millisecond, 1}

func TestNothingIsLeftAfterALongDay(t *testing.T) {
	if *duration > 0 {
		wstest.NoLeaks(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		live(t, startServer(t, l, new(net.Dialer).DialContext), *duration, *connections)
		return
	}
	if wstest.Racing { // which makes it thirty times as slow
		*connections = min(*connections, 8)
	}
	synctest.Test(t, func(t *testing.T) {
		l := pipe.Listen()
		live(t, startServer(t, l, l.Dial), day(), *connections)
	})
}

// TestNothingIsLeftAfterALongDayOfAnEventLoop is over TCP in any case, for a loop drives nothing else.
func TestNothingIsLeftAfterALongDayOfAnEventLoop(t *testing.T) {
	wstest.NoLeaks(t)
	n := *connections
	if wstest.Racing {
		n = min(n, 8)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := usual
	if *duration == 0 && !wstest.All() {
		p = hurried
	}
	live(t, startLoop(t, l, p), max(*duration, day()), n)
}

// live puts load on the server and requires it to be as it was before, afterwards.
func live(t *testing.T, s *server, duration time.Duration, connections int) {
	s.warmUp(t, min(duration/2, time.Second), connections)
	before := measure()
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	var clients sync.WaitGroup
	var lives, failed atomic.Int64
	for i := range connections {
		clients.Go(func() {
			for random := rand.New(rand.NewPCG(uint64(i), 1)); ctx.Err() == nil; lives.Add(1) {
				if err := s.live(t.Context(), random); err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	s.drain(t)
	after := measure()
	for end := time.Now().Add(time.Minute); after.holdsMore(before) && time.Now().Before(end); after = measure() {
		<-time.After(10 * time.Millisecond) // goroutines that have done their work are just ending
	}
	t.Logf("%d lives in %v; before: %v; after: %v", lives.Load(), duration, before, after)
	require.Zero(t, failed.Load())
	require.Positive(t, lives.Load())
	require.LessOrEqual(t, after.goroutines, before.goroutines)
	require.LessOrEqual(t, after.descriptors, before.descriptors)
	require.Less(t, after.heap, before.heap+8<<20)
	if before.resident > 0 && !wstest.Racing {
		require.Less(t, after.resident, before.resident+64<<20)
	}
}

// state is what must not grow.
type state struct {
	goroutines, descriptors int
	heap, resident          int64
}

// holdsMore reports whether there are more goroutines or descriptors than before.
func (s state) holdsMore(before state) bool {
	return s.goroutines > before.goroutines || s.descriptors > before.descriptors
}

func (s state) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d KiB heap, %d KiB resident", s.goroutines, s.descriptors, s.heap>>10, s.resident>>10)
}

// measure collects garbage first, twice, because pools give up their contents at the second time.
func measure() state {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := state{goroutines: runtime.NumGoroutine(), heap: int64(m.HeapAlloc)}
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.descriptors = len(entries)
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
		s.resident = pages * int64(os.Getpagesize())
	}
	return s
}

// patience is how long the server waits for a peer. It is more than a machine that is busy makes a living peer wait.
const patience = 5 * time.Second

// server is an echo server.
type server struct {
	addr string
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	http *http.Server
	pace pace
	all  websocket.Registry
}

func startServer(t *testing.T, l net.Listener, dial func(ctx context.Context, network, address string) (net.Conn, error)) *server {
	s := &server{addr: l.Addr().String(), dial: dial, pace: usual}
	s.http = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: websocket.Handler(s.serve, s.acceptOptions())}
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.http.Serve(l)
	}()
	t.Cleanup(func() {
		s.http.Close()
		<-served
	})
	return s
}

// startLoop is startServer with an event loop.
func startLoop(t *testing.T, l net.Listener, p pace) *server {
	s := &server{addr: l.Addr().String(), dial: new(net.Dialer).DialContext, pace: p}
	loop, err := websocket.NewLoop(nil)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() {
		served <- loop.Serve(l, websocket.Events{
			Message: func(c *websocket.Conn, m websocket.Message) error {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				return c.Write(ctx, m.Type, m.Data)
			},
		}, s.acceptOptions())
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, loop.Shutdown(ctx))
		require.ErrorIs(t, <-served, websocket.ErrLoopClosed)
	})
	return s
}

func (s *server) acceptOptions() *websocket.AcceptOptions {
	return &websocket.AcceptOptions{
		Registry: &s.all,
		Deflate:  &websocket.DeflateOptions{},
		Config: websocket.Config{
			ReadLimit: 1 << 20, CloseTimeout: patience, SendQueue: 64 << 10,
			PingInterval: s.pace.ping, IdleTimeout: patience,
		},
	}
}

// serve echoes in one of the ways that there are. A peer that does not take what is sent is cut off.
func (s *server) serve(ctx context.Context, c *websocket.Conn) {
	defer c.CloseNow()
	write := func(m websocket.Message) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return c.Write(ctx, m.Type, m.Data)
	}
	if rand.IntN(2) == 0 {
		c.Serve(ctx, func(_ *websocket.Conn, m websocket.Message) error { return write(m) })
		return
	}
	for m, err := range c.Messages(ctx) {
		if err != nil || write(m) != nil {
			return
		}
	}
}

// warmUp lets pools, and the runtime's free lists, become as large as the load needs.
func (s *server) warmUp(t *testing.T, duration time.Duration, connections int) {
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	var clients sync.WaitGroup
	for i := range min(connections, 100) {
		clients.Go(func() {
			for random := rand.New(rand.NewPCG(uint64(i), 2)); ctx.Err() == nil; {
				if s.live(t.Context(), random) != nil {
					return // the test proper will say so
				}
			}
		})
	}
	clients.Wait()
	s.drain(t)
}

// drain waits until the server has ended all connections.
func (s *server) drain(t *testing.T) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(time.Millisecond) {
		if now := s.all.Stats(); now.Open == 0 && now.Serving == 0 {
			return
		}
	}
	require.FailNow(t, "connections are still open a minute after the last client has gone")
}

// live is the life of one client. It returns an error if the server did something wrong.
func (s *server) live(ctx context.Context, random *rand.Rand) error {
	direct := func(*http.Request) (*url.URL, error) { return nil, nil } // whatever proxy the environment names
	o := &websocket.DialOptions{NetDial: s.dial, Proxy: direct, Config: websocket.Config{ReadLimit: 2 << 20, CloseTimeout: patience}}
	if random.IntN(2) == 0 {
		o.Deflate = &websocket.DeflateOptions{MinSize: -1}
	}
	c, _, err := websocket.Dial(ctx, "ws://"+s.addr, o)
	if err != nil {
		return err
	}
	defer c.CloseNow()
	for range random.IntN(20) {
		if err := talk(ctx, c, random); err != nil {
			return err
		}
	}
	if n := random.IntN(len(ends) + 1); n < len(ends) {
		return ends[n](c, random)
	}
	// Silence, perhaps until the heartbeat notices.
	silence := time.Duration(random.Int64N(int64(s.pace.silence)))
	if random.IntN(20) == 0 {
		silence *= time.Duration(s.pace.long)
	}
	<-time.After(silence)
	return c.CloseNow()
}

// talk sends a message in one way and reads it back in another.
func talk(ctx context.Context, c *websocket.Conn, random *rand.Rand) error {
	sizes := []int{0, 1, 100, 1000, 5000, 70_000, 300_000}
	m := bytes.Repeat([]byte{byte('a' + random.IntN(26))}, sizes[random.IntN(len(sizes))])
	sent := make(chan error, 1)
	way := random.IntN(3)
	go func() { sent <- say(ctx, c, m, way) }()
	for {
		short, cancel := context.WithTimeout(ctx, time.Duration(1+random.IntN(20))*time.Millisecond)
		_, data, err := c.Read(short)
		cancel()
		switch {
		case err == nil && bytes.Equal(data, m):
			return <-sent
		case err == nil:
			return fmt.Errorf("sent %d bytes and received %d others", len(m), len(data))
		case !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
			<-sent
			return fmt.Errorf("reading: %w", err)
		}
	}
}

func say(ctx context.Context, c *websocket.Conn, m []byte, way int) error {
	switch way {
	case 0:
		return c.Write(ctx, websocket.Binary, m)
	case 1:
		if err := c.Send(websocket.Binary, m); err != nil {
			return err
		}
		return c.Flush(ctx)
	}
	w, err := c.Writer(ctx, websocket.Binary)
	if err != nil {
		return err
	}
	for part := m; len(part) > 0; part = part[min(len(part), 9999):] {
		if _, err := w.Write(part[:min(len(part), 9999)]); err != nil {
			return err
		}
	}
	return w.Close()
}

// ends are the ways in which a client may go, but for silence.
var ends = []func(c *websocket.Conn, random *rand.Rand) error{
	func(c *websocket.Conn, _ *rand.Rand) error { return c.Close(websocket.StatusNormalClosure, "done") },
	func(c *websocket.Conn, _ *rand.Rand) error { return c.CloseNow() },
	func(c *websocket.Conn, _ *rand.Rand) error { // within a frame
		c.NetConn().Write([]byte{0x82, 0xfe, 0x10})
		return c.CloseNow()
	},
	func(c *websocket.Conn, random *rand.Rand) error { // noise
		noise := make([]byte, 1+random.IntN(3000))
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		c.NetConn().Write(noise)
		c.NetConn().SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		c.NetConn().Read(make([]byte, 10))
		return c.CloseNow()
	},
	func(c *websocket.Conn, _ *rand.Rand) error { // more than the limit
		c.NetConn().Write([]byte{0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4})
		return c.CloseNow()
	},
	func(c *websocket.Conn, _ *rand.Rand) error { // a peer that sends and does not read
		c.NetConn().SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		ping := []byte{0x89, 0x84, 0, 0, 0, 0, 'p', 'i', 'n', 'g'}
		flood := bytes.Repeat(ping, 1000)
		for range 50 { // far more than anything between holds; in fake time no time passes while the server takes them
			if _, err := c.NetConn().Write(flood); err != nil {
				break
			}
		}
		return c.CloseNow()
	},
}
