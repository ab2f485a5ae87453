package connect

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/cli"
	"github.com/seed60239977/websocket/cmd/ws/internal/record"
)

// commands are those of the prompt.
var commands = []struct{ name, args, does string }{
	{"/ping", "[TEXT]", "sends a ping and says how long the pong took, or shows the pong with the text"},
	{"/pong", "[TEXT]", "sends a pong that nobody has asked for"},
	{"/close", "[CODE [REASON]]", "closes the connection, with 1000 if there is no code"},
	{"/binary", "FILE", "sends a file as a binary message"},
	{"/text", "FILE", "sends a file as a text message"},
	{"/hex", "BYTES", "sends a binary message of bytes in hexadecimal, as in 01 ff"},
	{"/base64", "TEXT", "sends a binary message that is given in base64"},
	{"/stats", "", "says what went over the connection"},
	{"/help", "", "lists these; // sends a line that begins with one /"},
}

// pongTimeout is how long /ping waits.
const pongTimeout = 10 * time.Second

// command does what a line says.
func (s *session) command(ctx context.Context, c *websocket.Conn, background *sync.WaitGroup, line string) {
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch name {
	case "/ping":
		err = s.ping(ctx, c, background, rest)
	case "/pong":
		if err = c.SendPong([]byte(rest)); err == nil {
			s.emit(record.Control(record.Out, "pong", []byte(rest)))
		}
	case "/close":
		err = s.closeWith(c, rest)
	case "/binary", "/text":
		err = s.sendFile(ctx, c, rest, name == "/binary")
	case "/hex", "/base64":
		err = s.sendBytes(ctx, c, rest, name == "/hex")
	case "/stats":
		s.printStats(c)
	case "/help":
		for _, h := range commands {
			s.out.Notice("%-26s %s", h.name+" "+h.args, h.does)
		}
	default:
		err = s.unknown(name)
	}
	if err != nil {
		s.out.Problem("%v", err)
	}
}

// unknown says what somebody may have meant.
func (s *session) unknown(name string) error {
	names := make([]string, 0, len(commands))
	for _, c := range commands {
		names = append(names, c.name)
	}
	if near := cli.Nearest(name, names); near != "" {
		return fmt.Errorf("no command is called %s; try %s", name, near)
	}
	return fmt.Errorf("no command is called %s; try /help, or /%s to send it", name, name)
}

// ping sends a ping. Without a payload of the user's, what comes back is waited for in the background.
func (s *session) ping(ctx context.Context, c *websocket.Conn, background *sync.WaitGroup, payload string) error {
	if payload != "" {
		s.mu.Lock()
		s.pinged = payload
		s.mu.Unlock()
		err := c.SendPing([]byte(payload))
		if err == nil {
			s.emit(record.Control(record.Out, "ping", []byte(payload)))
		}
		return err
	}
	background.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, pongTimeout)
		defer cancel()
		took, err := c.Ping(ctx)
		switch {
		case err == nil:
			s.stats.pong(took)
			s.out.Notice("pong after %v", took.Round(time.Microsecond))
		case errors.Is(err, context.DeadlineExceeded):
			s.out.Problem("no pong within %v", pongTimeout)
		}
	})
	return nil
}

// closeWith closes as the line says.
func (s *session) closeWith(c *websocket.Conn, line string) error {
	code, reason := websocket.StatusNormalClosure, ""
	if line != "" {
		number, rest, _ := strings.Cut(line, " ")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n < 1000 || n > 4999 {
			return fmt.Errorf("%q is no code: 1000 is normal, 3000 to 4999 are free to use", number)
		}
		code, reason = websocket.StatusCode(n), strings.TrimSpace(rest)
	}
	// Whoever says how to close does not want to come back.
	s.over.Store(true)
	err := c.Close(code, reason)
	if _, ended := errors.AsType[*websocket.CloseError](err); ended {
		return nil // told where messages are received
	}
	if err != nil {
		s.over.Store(false)
	}
	return err
}

// sendFile sends a file as one message.
func (s *session) sendFile(ctx context.Context, c *websocket.Conn, name string, binary bool) error {
	if name == "" {
		return errors.New("the name of a file is missing")
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	s.out.Notice("sending %d bytes of %s", len(data), name) // ahead of the answer
	s.send(ctx, c, entry{data: data, binary: binary})
	return nil
}

// sendBytes sends a binary message that was typed.
func (s *session) sendBytes(ctx context.Context, c *websocket.Conn, text string, inHex bool) error {
	decode, example := base64.StdEncoding.DecodeString, "/base64 Af8="
	if inHex {
		decode, example = hex.DecodeString, "/hex 01 ff"
	}
	data, err := decode(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return fmt.Errorf("%w; try %s", err, example)
	}
	s.send(ctx, c, entry{data: data, binary: true})
	return nil
}

// stats count what went over all connections.
type stats struct {
	in, out           atomic.Int64 // messages
	inBytes, outBytes atomic.Int64
	lastPong          atomic.Int64 // how long it took, in nanoseconds
}

func (t *stats) sent(n int) { t.out.Add(1); t.outBytes.Add(int64(n)) }

func (t *stats) got(n int) { t.in.Add(1); t.inBytes.Add(int64(n)) }

func (t *stats) pong(took time.Duration) { t.lastPong.Store(int64(took)) }

// printStats says what went over the connection.
func (s *session) printStats(c *websocket.Conn) {
	s.mu.Lock()
	since, agreed := time.Since(s.connect), s.agreed
	s.mu.Unlock()
	s.out.Notice("connected to %v for %v%s", c.RemoteAddr(), since.Round(time.Second), agreed)
	s.out.Notice("sent %d messages, %d bytes; received %d messages, %d bytes",
		s.stats.out.Load(), s.stats.outBytes.Load(), s.stats.in.Load(), s.stats.inBytes.Load())
	if took := time.Duration(s.stats.lastPong.Load()); took > 0 {
		s.out.Notice("the last ping took %v", took.Round(time.Microsecond))
	}
}
