package conn_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/mask"
)

// story is what came of a session.
type story struct {
	messages []got
	end      conn.CloseError
}

// readToTheEnd reads in one way until the connection ends.
func readToTheEnd(c *conn.Conn, way string) (messages []got, err error) {
	if way == "Serve" {
		err = c.Serve(context.Background(), func(c *conn.Conn, m conn.Message) error {
			messages = append(messages, got{m.Type, string(m.Data)})
			return nil
		})
		return messages, err
	}
	read := ways[way]
	if way == "callback" {
		read = callback
	}
	for {
		m, err := read(context.Background(), c)
		if err != nil {
			return messages, err
		}
		messages = append(messages, m)
	}
}

// tell throws bytes at a connection, then the end of the stream, and returns what came of it.
func tell(t *testing.T, role frame.Role, cfg *setup, session []byte, way string) (s story) {
	synctest.Test(t, func(t *testing.T) {
		near, far := wstest.Pipe(len(session) + 64<<10)
		var c *conn.Conn
		if way == "callback" {
			c = openDriven(near, role, cfg)
		} else {
			c = open(near, role, cfg)
		}
		far.Write(session)
		far.CloseWrite()
		start := time.Now()
		messages, err := readToTheEnd(c, way)
		require.LessOrEqual(t, time.Since(start), conn.DefaultCloseTimeout)
		var e *conn.CloseError
		require.ErrorAs(t, err, &e)
		require.Equal(t, conn.StateClosed, c.State())
		c.CloseNow()
		require.Same(t, e, c.Err())
		s = story{messages, *e}
		answers, err := io.ReadAll(far)
		require.NoError(t, err)
		requireLawful(t, role, answers, e)
	})
	return s
}

// requireLawful requires what a connection sent without being asked to be allowed: pongs, and at its end one close frame
// at most, with the code that fits the error.
func requireLawful(t testing.TB, role frame.Role, sent []byte, e *conn.CloseError) {
	checker := frame.Checker{Role: 1 - role}
	var last frame.Header
	for len(sent) > 0 {
		h, n, err := frame.Parse(sent)
		require.NoError(t, err)
		require.Positive(t, n)
		require.NoError(t, checker.Check(&h))
		require.NotEqual(t, frame.Close, last.Opcode, "nothing follows a close frame")
		require.Contains(t, []frame.Opcode{frame.Pong, frame.Close}, h.Opcode)
		body := sent[n : n+int(h.Length)]
		if h.Masked {
			mask.XOR(h.Key, 0, body)
		}
		if h.Opcode == frame.Close {
			code, _, err := frame.ParseClose(body)
			require.NoError(t, err)
			require.Equal(t, e.Code, code)
		}
		sent, last = sent[n+int(h.Length):], h
	}
	require.Equal(t, e.Code != conn.StatusAbnormalClosure, last.Opcode == frame.Close)
}

// requireSensible checks a story by itself.
func requireSensible(t testing.TB, cfg *setup, s story) {
	for _, m := range s.messages {
		require.LessOrEqual(t, int64(len(m.data)), cfg.ReadLimit)
		require.Contains(t, []conn.MessageType{conn.Text, conn.Binary}, m.typ)
		require.True(t, m.typ == conn.Binary || utf8.ValidString(m.data))
	}
	var protocol *frame.ProtocolError
	switch err := error(&s.end); {
	case s.end.WasClean:
		require.True(t, s.end.Remote)
		require.NoError(t, s.end.Err)
	case errors.As(err, &protocol):
		require.Equal(t, protocol.Code, s.end.Code)
	case errors.Is(err, conn.ErrInvalidUTF8), errors.As(err, new(*deflate.CorruptError)):
		require.Equal(t, conn.StatusInvalidPayload, s.end.Code)
	case errors.Is(err, conn.ErrMessageTooBig):
		require.Equal(t, conn.StatusMessageTooBig, s.end.Code)
	case errors.Is(err, conn.ErrTooManyFragments):
		require.Equal(t, conn.StatusPolicyViolation, s.end.Code)
	default:
		require.Equal(t, conn.StatusAbnormalClosure, s.end.Code)
		require.True(t, s.end.Remote)
	}
}

// FuzzSessionIsTheSameForEveryWayOfReading throws bytes at whole connections, also one that an event loop drives. Their limits
// are small, so that they are met.
func FuzzSessionIsTheSameForEveryWayOfReading(f *testing.F) {
	for role := range frame.Role(2) {
		peer := wstest.NewPeer(f, nil, 1-role)
		client := role == frame.Client
		f.Add(peer.Encode(text("Hello"), begin("日"), ping("p"), more("本"), last("語"), binary(""), bye, text("ignored")), client, false)
		f.Add(peer.Encode(text("\xff")), client, false)
		f.Add(peer.Encode(binary(string(pattern(3000)))), client, false)
		f.Add(peer.Encode(begin(""), more(""), more("x")), client, false)
		f.Add(peer.Encode(wstest.Whole(3, "")), client, false)
		f.Add(peer.Encode(squeeze([]byte("compressed")), squeeze([]byte("compressed"))), client, true)
		f.Add(peer.Encode(text("cut"))[:4], client, true)
	}
	f.Fuzz(func(t *testing.T, session []byte, client, compressed bool) {
		role := frame.Server
		if client {
			role = frame.Client
		}
		cfg := &setup{Config: conn.Config{ReadLimit: 2000, MaxFragments: 10}}
		if compressed {
			cfg.Deflate = &deflate.Params{}
		}
		want := tell(t, role, cfg, session, "Read")
		requireSensible(t, cfg, want)
		for _, way := range []string{"ReadAppend", "Reader", "Messages", "Serve", "callback"} {
			require.Equal(t, want, tell(t, role, cfg, session, way), way)
		}
	})
}
