package hub

import (
	"context"
	"encoding/binary"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/internal/pipe"
)

// audience is subscribers over TCP, and some who never read.
type audience struct {
	tb      testing.TB
	h       *Hub
	readers []*conn.Conn
	stuck   []*conn.Conn // the servers' ends
	clients sync.WaitGroup
	got     sync.WaitGroup // counts down as readers get the message that was published last

	published int

	mu   sync.Mutex
	late []time.Duration // how late each message was for each reader
}

const (
	loadTopic   = "x"
	loadMessage = 512 // bytes
)

// newAudience subscribes so many who read, and so many who do not, over what stick returns.
func newAudience(tb testing.TB, o *Options, readers, stuck int, stick func(*audience) (near, far net.Conn)) *audience {
	a := &audience{tb: tb, h: New(o)}
	for range readers {
		client, server := a.connect(a.sockets())
		require.NoError(tb, a.h.Subscribe(server, loadTopic))
		a.readers = append(a.readers, server)
		a.clients.Go(func() { a.read(client) })
	}
	for range stuck {
		_, server := a.connect(stick(a))
		require.NoError(tb, a.h.Subscribe(server, loadTopic))
		a.stuck = append(a.stuck, server)
	}
	return a
}

// connect returns the two ends of a connection.
func (a *audience) connect(near, far net.Conn) (client, server *conn.Conn) {
	client, server = conn.Client(near, nil, nil), conn.Server(far, nil, nil)
	a.tb.Cleanup(func() {
		client.CloseNow()
		server.CloseNow()
	})
	return client, server
}

// sockets returns the two ends of a TCP connection.
func (a *audience) sockets() (near, far net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(a.tb, err)
	defer l.Close()
	near, err = net.Dial("tcp", l.Addr().String())
	require.NoError(a.tb, err)
	far, err = l.Accept()
	require.NoError(a.tb, err)
	return near, far
}

// smallSockets returns sockets that are soon full. When they are, and stay so, is the kernel's affair.
func (a *audience) smallSockets() (near, far net.Conn) {
	near, far = a.sockets()
	near.(*net.TCPConn).SetReadBuffer(4 << 10)
	far.(*net.TCPConn).SetWriteBuffer(4 << 10)
	return near, far
}

// smallPipe is how many bytes fit in what pipe returns.
const smallPipe = 4 << 10

func (*audience) pipe() (near, far net.Conn) { return pipe.New(smallPipe) }

// read measures how late messages are for a reader.
func (a *audience) read(client *conn.Conn) {
	buf := make([]byte, 0, loadMessage)
	for {
		_, data, err := client.ReadAppend(context.Background(), buf)
		if err != nil {
			return
		}
		sent := int64(binary.LittleEndian.Uint64(data))
		late := time.Duration(time.Now().UnixNano() - sent)
		a.mu.Lock()
		a.late = append(a.late, late)
		a.mu.Unlock()
		a.got.Done()
	}
}

// publish publishes one message and waits until all readers have it.
func (a *audience) publish(ctx context.Context) {
	a.published++
	a.got.Add(len(a.readers))
	data := make([]byte, loadMessage)
	binary.LittleEndian.PutUint64(data, uint64(time.Now().UnixNano()))
	require.NoError(a.tb, a.h.Publish(ctx, loadTopic, conn.Prepare(conn.Binary, data)))
	a.got.Wait()
}

// clog publishes until the queues of all who do not read are full, and forgets what was measured.
func (a *audience) clog(ctx context.Context) {
	for slices.ContainsFunc(a.stuck, func(c *conn.Conn) bool { return a.h.Subscription(c).Dropped == 0 }) {
		a.publish(ctx)
	}
	a.measured()
}

// measured returns what was measured since the last time.
func (a *audience) measured() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	late := a.late
	a.late = nil
	return late
}

// leave ends all connections and waits for the readers.
func (a *audience) leave() {
	for _, c := range slices.Concat(a.readers, a.stuck) {
		c.CloseNow()
	}
	a.clients.Wait()
	require.NoError(a.tb, a.h.Shutdown(context.Background()))
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestThoseWhoNeverReadHoldUpNobodyAndLittleMemory(t *testing.T) {
	const readers, stuck, messages = 190, 10, 200
	o := &Options{Policy: DropOldest, QueueMessages: 16}
	a := newAudience(t, o, readers, stuck, (*audience).pipe)
	a.clog(t.Context())
	before := heap()
	for range messages {
		a.publish(t.Context())
	}
	grown := int64(heap()) - int64(before)
	require.Len(t, a.measured(), readers*messages, "every reader gets every message")
	for _, c := range a.stuck {
		s := a.h.Subscription(c)
		require.LessOrEqual(t, s.Queued, o.QueueMessages)
		require.Equal(t, s.Queued*loadMessage, s.Bytes)
		require.Less(t, c.BufferedAmount(), int64(2*Ahead))
		require.GreaterOrEqual(t, int(s.Dropped), a.published-o.QueueMessages-(2*Ahead+smallPipe)/loadMessage)
	}
	// The measurements themselves take memory; all of what was published would be 1 MiB for the ten who are stuck.
	require.Less(t, grown, int64(readers*messages*2*8+512<<10))
	a.leave()
	require.Zero(t, a.h.Stats().Connections)
}

// BenchmarkPublish measures how late messages are for those who read; one operation is a message to all of them.
func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct {
		name           string
		readers, stuck int
	}{
		{"950 read", 950, 0},
		{"950 read and 50 never do", 950, 50},
	} {
		b.Run(c.name, func(b *testing.B) {
			a := newAudience(b, &Options{Policy: DropOldest}, c.readers, c.stuck, (*audience).smallSockets)
			defer a.leave()
			for range 20 {
				a.publish(b.Context())
			}
			a.clog(b.Context())
			before := heap()
			b.ReportAllocs()
			for b.Loop() {
				a.publish(b.Context())
			}
			late := a.measured()
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "p99-µs")
			late = nil
			b.ReportMetric(float64(int64(heap())-int64(before)), "grown-bytes")
		})
	}
}

// BenchmarkFlatOut measures publishing as fast as possible, until all have got everything: what waits for a subscriber goes
// out together. One operation is a message to all of them.
func BenchmarkFlatOut(b *testing.B) {
	const subscribers = 500
	h := New(&Options{QueueMessages: -1, QueueBytes: -1})
	a := &audience{tb: b, h: h}
	var got atomic.Int64 // bytes
	for range subscribers {
		client, server := a.connect(a.sockets())
		require.NoError(b, h.Subscribe(server, loadTopic))
		a.clients.Go(func() {
			buf := make([]byte, 32<<10)
			for {
				n, err := client.NetConn().Read(buf)
				got.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		a.readers = append(a.readers, server)
	}
	defer a.leave()
	data := make([]byte, loadMessage)
	const frame = loadMessage + 4
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N { // b.Loop would stop the clock before all have got it
		require.NoError(b, h.Publish(b.Context(), loadTopic, conn.Prepare(conn.Binary, data)))
	}
	for got.Load() < int64(b.N)*subscribers*frame {
		runtime.Gosched()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*subscribers), "ns/delivery")
}
