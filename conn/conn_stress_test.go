package conn_test

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
)

// Many short connections on which goroutines send, read and close in every way at once, against a peer that is a model: it
// writes down what comes.

// stressRounds is how many such connections there are for each role and driver.
const stressRounds = 30

// play is one such connection.
type play struct {
	c        *conn.Conn
	peer     *wstest.Peer
	rand     *rand.Rand // of who sets it up
	writers  bool       // some messages come from a Writer
	orderly  bool       // closed when all has been sent
	cut      bool       // ended without a closing handshake
	senders  []*sender
	received []string      // by the peer, until the close frame
	closed   bool          // the close frame came
	saying   chan struct{} // has room for whoever writes as the peer
}

// sender is what one goroutine has sent.
type sender struct {
	id       int
	rand     *rand.Rand
	accepted map[int]bool // by number; false: perhaps. What is not in it was refused
}

func TestWhatIsAcceptedArrivesOnceAndInOrderWhateverElseIsGoingOn(t *testing.T) {
	for _, d := range drivers {
		for round := range wstest.Rounds(stressRounds) {
			for _, role := range roles {
				ok := t.Run(fmt.Sprint(d.name, " ", role, " ", round), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { newPlay(t, d, role, uint64(round)).run(t) })
				})
				if !ok {
					return
				}
			}
		}
	}
}

func newPlay(t *testing.T, d driver, role frame.Role, seed uint64) *play {
	r := rand.New(rand.NewPCG(seed, uint64(role)))
	cfg := &setup{Config: conn.Config{CloseTimeout: time.Minute, FragmentSize: []int{0, 100, -1}[r.IntN(3)]}}
	if r.IntN(2) == 0 {
		cfg.Deflate, cfg.DeflateOptions = &deflate.Params{}, &deflate.Options{MinSize: []int{-1, 0, 50}[r.IntN(3)]}
	}
	near, far := wstest.Pipe([]int{0, 10, 1000}[r.IntN(3)])
	p := &play{c: d.open(near, role, cfg), peer: wstest.NewPeer(t, far, other(role)), rand: r, saying: make(chan struct{}, 1)}
	p.writers, p.orderly, p.cut = r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(4) == 0
	for id := range 1 + r.IntN(4) {
		p.senders = append(p.senders, &sender{id, rand.New(rand.NewPCG(seed, uint64(id))), map[int]bool{}})
	}
	return p
}

func (p *play) run(t *testing.T) {
	start := time.Now()
	heard := make(chan struct{})
	go func() { defer close(heard); p.listen(t) }()
	talked := make(chan struct{})
	read := make(chan struct{})
	go func() { defer close(talked); p.talk() }()
	way := p.rand.IntN(4)
	go func() { defer close(read); p.read(way) }()
	var sending sync.WaitGroup
	for _, s := range p.senders {
		sending.Go(func() { s.send(p, 15) })
	}
	if p.orderly {
		sending.Wait()
	} else {
		<-time.After(time.Duration(p.rand.IntN(2000)) * time.Microsecond)
	}
	p.end(t)
	sending.Wait()
	p.c.CloseNow()
	<-read
	p.peer.Conn().Close()
	<-heard
	<-talked
	require.Less(t, time.Since(start), 30*time.Second, "something waited for its time limit")
	p.check(t)
}

// end ends the connection, perhaps from several goroutines at once.
func (p *play) end(t *testing.T) {
	var ending sync.WaitGroup
	for range 1 + p.rand.IntN(2) {
		way := p.rand.IntN(3)
		ending.Go(func() {
			switch {
			case p.cut && way == 0:
				p.peer.Conn().Close()
				<-p.c.Done()
			case p.cut:
				p.c.CloseNow()
			case way == 0:
				p.c.SendClose(conn.StatusGoingAway, "")
				fallthrough
			default:
				assert.NoError(t, p.c.Close(conn.StatusNormalClosure, "done"))
			}
		})
	}
	ending.Wait()
}

// send sends n messages, one after the other.
func (s *sender) send(p *play, n int) {
	for i := range n {
		if s.rand.IntN(3) == 0 {
			<-time.After(time.Duration(s.rand.IntN(200)) * time.Microsecond)
		}
		size := []int{0, 10, 200, 5000, 70_000}[s.rand.IntN(5)]
		m := []byte(fmt.Sprintf("%d %d %s", s.id, i, strings.Repeat("x", size)))
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if s.rand.IntN(2) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(s.rand.IntN(300))*time.Microsecond)
		}
		err := s.sendOne(ctx, p, m)
		cancel()
		switch {
		case err == nil:
			s.accepted[i] = true
		case err != conn.ErrQueueFull:
			s.accepted[i] = false
		}
	}
}

// sendOne sends one message in one of all ways, and something else perhaps.
func (s *sender) sendOne(ctx context.Context, p *play, m []byte) error {
	switch c := p.c; s.rand.IntN(9) {
	case 0, 1:
		return c.Write(ctx, conn.Text, m)
	case 2:
		return c.WritePrepared(ctx, conn.Prepare(conn.Text, m))
	case 3:
		return c.SendPrepared(conn.Prepare(conn.Text, m))
	case 4:
		if p.writers {
			return s.writeParts(p.c, m)
		}
	case 5:
		c.Flush(ctx)
	case 6:
		c.SetWriteCompression(s.rand.IntN(3) > 0, deflate.Level(s.rand.IntN(2)))
	case 7:
		c.SendPing([]byte("ping"))
		c.Pong(ctx, []byte("pong"))
		c.BufferedAmount()
	}
	return p.c.Send(conn.Text, m)
}

func (s *sender) writeParts(c *conn.Conn, m []byte) error {
	w, err := c.Writer(context.Background(), conn.Text)
	if err != nil {
		return err
	}
	half := len(m) / 2
	w.Write(m[:half])
	if s.rand.IntN(2) == 0 {
		w.Flush()
	}
	w.Write(m[half:])
	return w.Close()
}

// read reads until the end, in one of all ways.
func (p *play) read(way int) {
	ctx := context.Background()
	if p.c.EventDriven() { // then the loop reads
		<-p.c.Done()
		return
	}
	switch way {
	case 0:
		for _, err := range p.c.Messages(ctx) {
			if err != nil {
				return
			}
		}
	case 1:
		for p.c.Err() == nil {
			if _, r, err := p.c.Reader(ctx); err == nil {
				io.CopyN(io.Discard, r, 20)
			}
		}
	case 2:
		p.c.Serve(ctx, func(c *conn.Conn, m conn.Message) error {
			c.Send(conn.Text, []byte("echo"))
			return nil
		})
	default:
		for p.c.Err() == nil {
			cut, cancel := context.WithTimeout(ctx, 50*time.Microsecond)
			p.c.Read(cut)
			cancel()
		}
	}
}

// talk is the peer's half that sends, until the connection takes nothing more.
func (p *play) talk() {
	for range 20 {
		if p.say(text("hello"), ping("p"), begin("a"), last("b"), text("again")) != nil {
			return
		}
		<-time.After(30 * time.Microsecond)
	}
}

// say sends frames as the peer.
func (p *play) say(frames ...wstest.Frame) error {
	p.saying <- struct{}{}
	defer func() { <-p.saying }()
	_, err := p.peer.Conn().Write(p.peer.Encode(frames...))
	return err
}

// listen is the peer's half that receives. It answers the close frame, and hangs up if it is a server.
func (p *play) listen(t *testing.T) {
	var message, history []byte
	var packed bool
	for {
		f, err := p.peer.TryReceive()
		if err != nil {
			return
		}
		switch {
		case f.Opcode == frame.Close:
			p.closed = true
			p.say(wstest.Whole(frame.Close, string(f.Payload)))
			p.peer.Conn().(*wstest.End).CloseWrite()
			continue
		case f.Opcode.IsControl():
			continue
		}
		if !assert.False(t, p.closed, "a message behind the close frame") {
			return
		}
		if f.Opcode != frame.Continuation {
			message, packed = nil, f.RSV != 0
		}
		if message = append(message, f.Payload...); !f.Fin {
			continue
		}
		if packed {
			r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(message), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")), history)
			if message, err = io.ReadAll(r); !assert.NoError(t, err) {
				return
			}
			history = append(history, message...)
			history = history[max(0, len(history)-32<<10):]
		}
		p.received = append(p.received, string(message))
	}
}

func (p *play) check(t *testing.T) {
	came := make([]map[int]bool, len(p.senders))
	newest := make([]int, len(p.senders))
	for i := range came {
		came[i], newest[i] = map[int]bool{}, -1
	}
	for _, m := range p.received {
		if m == "echo" {
			continue
		}
		fields := strings.SplitN(m, " ", 3)
		require.Len(t, fields, 3)
		id, err := strconv.Atoi(fields[0])
		require.NoError(t, err)
		n, err := strconv.Atoi(fields[1])
		require.NoError(t, err)
		require.Greater(t, n, newest[id], "sender %d: once, and in order", id)
		newest[id] = n
		came[id][n] = true
		require.Empty(t, strings.Trim(fields[2], "x"))
		require.Contains(t, p.senders[id].accepted, n, "sender %d: what was refused does not come", id)
	}
	if p.cut || p.writers && !p.orderly { // what Send has left behind a Writer's message is lost with that
		return
	}
	require.True(t, p.closed)
	for _, s := range p.senders {
		for n, surely := range s.accepted {
			require.True(t, !surely || came[s.id][n], "sender %d: message %d was accepted and never came", s.id, n)
		}
	}
}
