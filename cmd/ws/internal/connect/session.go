package connect

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/dial"
	"github.com/seed60239977/websocket/cmd/ws/internal/record"
	"github.com/seed60239977/websocket/cmd/ws/internal/show"
)

// session is a conversation, over one connection or over several, one after another.
type session struct {
	*options
	env     *cli.Env
	address string
	out     *show.Printer
	record  *record.Writer // nil if nothing is recorded
	lines   *record.Writer // of -json
	prompt  *prompt        // nil in a pipe
	in      *input

	stopDialing func() // ends attempts to connect

	received atomic.Int64
	enough   context.Context // ends when -count have come
	complete func()          // ends it
	over     atomic.Bool     // the user has ended it
	timedOut bool
	calls    int     // of -jsonrpc
	unsent   []entry // that failed to be sent on the last connection
	stats    stats

	mu      sync.Mutex
	last    string // JSON that -resume has found
	pinged  string // the payload of the last /ping with one
	agreed  string // what the handshake settled
	connect time.Time
}

// open prepares input and output.
func (s *session) open() error {
	stdout, notices := s.env.Stdout, s.env.Stderr
	_, _, pretty := cli.Terminal(s.env.Stdout)
	_, _, typed := cli.Terminal(s.env.Stdin)
	if pretty && typed && len(s.messages) == 0 && !s.json {
		p, err := openPrompt(s.env, s.history)
		if err != nil {
			return err
		}
		s.prompt, stdout, notices = p, p.t, p.t
	}
	if s.json {
		s.lines, pretty = record.NewWriter(stdout, nil), false
	}
	how := s.binaryMode
	if how == "" && pretty {
		how = "hex"
	} else if how == "" {
		how = "raw"
	}
	s.out = &show.Printer{Out: stdout, Notices: notices, Pretty: pretty, Colour: s.env.Colour(s.colour) && pretty, Binary: how, Null: s.null}
	switch {
	case s.prompt != nil:
		s.slash = true
		s.in = s.prompt.lines(s.stopDialing)
	case len(s.messages) > 0:
		s.in = given(s.messages)
	default:
		s.in = readLines(s.env.Stdin, int(s.options.dial.Websocket.Config.ReadLimit), s.null)
	}
	return nil
}

// close gives the terminal back.
func (s *session) close() {
	close(s.in.stop)
	if s.prompt != nil {
		s.prompt.close()
	}
}

// watch has pings and pongs seen.
func (s *session) watch() {
	c := &s.options.dial.Websocket.Config
	c.OnPing = func(_ *websocket.Conn, payload []byte) (bool, error) {
		s.emit(record.Control(record.In, "ping", payload))
		if s.verbose {
			s.out.Notice("ping %q", payload)
		}
		return true, nil
	}
	c.OnPong = func(_ *websocket.Conn, payload []byte) error {
		s.emit(record.Control(record.In, "pong", payload))
		s.mu.Lock()
		asked := s.pinged != "" && s.pinged == string(payload)
		s.mu.Unlock()
		if s.verbose || asked {
			s.out.Notice("pong %q", payload)
		}
		return nil
	}
}

// emit records.
func (s *session) emit(e record.Entry) {
	s.record.Write(e)
	s.lines.Write(e)
}

// opened tells of a connection.
func (s *session) opened(c *websocket.Conn, resp *http.Response) {
	s.mu.Lock()
	s.agreed, s.connect = dial.Agreed(c, resp), time.Now()
	s.mu.Unlock()
	s.emit(record.Entry{Type: "open", URL: dial.Redact(s.address), Subprotocol: c.Subprotocol()})
	if !s.quiet {
		s.out.Notice("connected to %s%s", dial.Redact(s.address), s.agreed)
	}
	if s.verbose {
		names := make([]string, 0, len(resp.Header))
		for name := range resp.Header {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			s.out.Notice("%s: %s", name, strings.Join(resp.Header[name], ", "))
		}
	}
}

// serve talks on one connection until it or the conversation ends. It returns how the connection has ended, which it always has.
func (s *session) serve(ctx context.Context, c *websocket.Conn) error {
	defer c.CloseNow()
	received := make(chan error, 1)
	reading, stop := context.WithCancel(ctx) // pongs are seen for so long
	go func() {
		err := s.receive(c)
		stop()
		received <- err
	}()
	sending, cut := context.WithCancel(ctx)
	defer cut()
	defer context.AfterFunc(s.enough, cut)()
	s.greet(sending, c)
	err := s.converse(ctx, sending, reading, c, received)
	var end *websocket.CloseError
	if errors.As(err, &end) {
		s.emit(record.Entry{Type: "close", Code: int(end.Code), Reason: end.Reason})
		if s.prompt != nil && cli.CloseStatus(err) == 0 {
			s.out.Notice("%v", err)
		}
	}
	return err
}

// greet sends what -hello says. If that fails it is not kept: the next connection has a greeting of its own.
func (s *session) greet(ctx context.Context, c *websocket.Conn) {
	s.mu.Lock()
	last := cmp.Or(s.last, "null")
	s.mu.Unlock()
	for _, text := range s.hello {
		e := entry{data: []byte(strings.ReplaceAll(text, "{{last}}", last))}
		_ = s.write(ctx, c, e.typ(s.binary), e.data)
	}
}

// converse sends what comes in until there is no more, or the connection ends; received tells how that was. sending cuts what the
// server does not take when nothing more is wanted of it.
func (s *session) converse(ctx, sending, reading context.Context, c *websocket.Conn, received <-chan error) error {
	var background sync.WaitGroup // pings that wait for their pong
	defer background.Wait()
	defer c.CloseNow()
	again := s.unsent
	s.unsent = nil
	for _, e := range again {
		s.send(sending, c, e)
	}
	for {
		select {
		case err := <-received:
			c.Close(websocket.StatusGoingAway, "") // if it is the output that failed
			return err
		case <-s.enough.Done():
			return s.end(c, websocket.StatusNormalClosure, received)
		case <-ctx.Done():
			return s.end(c, websocket.StatusGoingAway, received)
		case e, more := <-s.in.entries:
			switch {
			case more && s.slash && e.command():
				s.command(reading, c, &background, string(e.data))
			case more:
				if err := s.sendEntry(sending, c, e); err != nil {
					s.end(c, websocket.StatusGoingAway, received)
					return err
				}
			case s.in.err != nil:
				s.end(c, websocket.StatusGoingAway, received)
				return s.unreadable()
			default:
				return s.finish(ctx, reading, c, received, &background)
			}
		}
	}
}

// unreadable is the error of the input.
func (s *session) unreadable() error {
	if errors.Is(s.in.err, bufio.ErrTooLong) {
		return &cli.Error{
			Err: fmt.Errorf("cannot read the input: a line is longer than %d bytes", s.options.dial.Websocket.Config.ReadLimit),
			Try: "-max-message with more than that, or -0 if no lines are meant",
		}
	}
	return fmt.Errorf("cannot read the input: %w", s.in.err)
}

// end closes the connection, and waits for what the peer has sent until then.
func (s *session) end(c *websocket.Conn, code websocket.StatusCode, received <-chan error) error {
	s.over.Store(true)
	c.Close(code, "")
	return <-received
}

// finish is what happens at the end of the input.
func (s *session) finish(ctx, reading context.Context, c *websocket.Conn, received <-chan error, background *sync.WaitGroup) error {
	var limit <-chan time.Time
	switch {
	case s.wait > 0:
		t := time.NewTimer(s.wait)
		defer t.Stop()
		limit = t.C
	case s.stay, s.count > 0:
	case s.prompt != nil:
		return s.end(c, websocket.StatusNormalClosure, received)
	default:
		background.Wait()
		// The server has read everything when it answers, so that its own answers are not cut off by a close frame. It gets
		// as long as a closing handshake.
		reading, cancel := context.WithTimeout(reading, websocket.DefaultCloseTimeout)
		defer cancel()
		_, _ = c.Ping(reading)
		return s.end(c, websocket.StatusNormalClosure, received)
	}
	select {
	case err := <-received:
		return err
	case <-s.enough.Done():
	case <-ctx.Done():
		return s.end(c, websocket.StatusGoingAway, received)
	case <-limit:
		s.timedOut = s.count > 0
	}
	return s.end(c, websocket.StatusNormalClosure, received)
}

// send sends a message. What goes wrong is seen where messages are received, or as the end of ctx; the message is kept for
// the next connection.
func (s *session) send(ctx context.Context, c *websocket.Conn, e entry) {
	if s.write(ctx, c, e.typ(s.binary), e.data) != nil {
		s.unsent = append(s.unsent, e)
	}
}

// sendEntry sends what came in. The error is that of a line which is no call for -jsonrpc; somebody at a prompt is told, and may
// try again.
func (s *session) sendEntry(ctx context.Context, c *websocket.Conn, e entry) error {
	e = e.unescaped(s.slash)
	if s.jsonrpc {
		call, err := callOf(e.data, s.calls+1)
		if err != nil && s.prompt != nil {
			s.out.Problem("%v", err)
			return nil
		}
		if err != nil {
			return &cli.Error{Err: err, Try: `METHOD, METHOD 1, "two" or METHOD {"name":"value"}`}
		}
		s.calls++
		e.data = call
	}
	s.send(ctx, c, e)
	return nil
}

// write writes a message, and counts it.
func (s *session) write(ctx context.Context, c *websocket.Conn, typ websocket.MessageType, data []byte) error {
	s.emit(record.Message(record.Out, typ, data)) // ahead of the answer
	err := c.Write(ctx, typ, data)
	if err == nil {
		s.stats.sent(len(data))
	}
	return err
}

// receive prints what comes until the connection ends, and returns how it did.
func (s *session) receive(c *websocket.Conn) error {
	for m, err := range c.Messages(context.Background()) {
		if err != nil {
			return err
		}
		n := s.received.Add(1)
		if s.count > 0 && n > int64(s.count) {
			continue // it is being closed
		}
		s.stats.got(len(m.Data))
		s.emit(record.Message(record.In, m.Type, m.Data))
		s.remember(m)
		if err := s.print(m); err != nil {
			return fmt.Errorf("cannot write the output: %w", err)
		}
		if n == int64(s.count) {
			s.complete()
		}
	}
	return nil // not reached: the loop ends with an error
}

func (s *session) print(m websocket.Message) error {
	if s.lines != nil {
		return s.lines.Err()
	}
	return s.out.Message(m.Type, m.Data)
}

// remember keeps the field of -resume.
func (s *session) remember(m websocket.Message) {
	if s.resume == "" || m.Type != websocket.Text {
		return
	}
	value := json.RawMessage(m.Data)
	for name := range strings.SplitSeq(s.resume, ".") {
		var object map[string]json.RawMessage
		if json.Unmarshal(value, &object) != nil || object[name] == nil {
			return
		}
		value = object[name]
	}
	s.mu.Lock()
	s.last = string(value)
	s.mu.Unlock()
}
