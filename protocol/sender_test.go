package protocol_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

// bothRoles runs f for either end of a connection.
func bothRoles(t *testing.T, f func(t *testing.T, role protocol.Role)) {
	for _, role := range []protocol.Role{protocol.Server, protocol.Client} {
		t.Run(role.String(), func(t *testing.T) { f(t, role) })
	}
}

// write takes everything that is to be written, at most step bytes at a time.
func write(s *protocol.Sender, step int) (wire []byte) {
	for s.Take() {
		p, more := s.Pending()
		n := min(step, len(p)+len(more))
		wire = appendFirst(wire, n, p, more)
		s.Sent(n)
	}
	return wire
}

// appendFirst appends the first n bytes of p and more, which have as many.
func appendFirst(wire []byte, n int, p, more []byte) []byte {
	ofP := min(n, len(p))
	return append(append(wire, p[:ofP]...), more[:n-ofP]...)
}

// frames parses what went over the wire, unmasked.
func frames(t testing.TB, role protocol.Role, wire []byte) (fs []wstest.Frame) {
	checker := frame.Checker{Role: 1 - role, Claimed: frame.RSV1}
	for len(wire) > 0 {
		h, n, err := frame.Parse(wire)
		require.NoError(t, err)
		require.Positive(t, n)
		require.NoError(t, checker.Check(&h))
		payload := bytes.Clone(wire[n : n+int(h.Length)])
		if h.Masked {
			for i := range payload {
				payload[i] ^= h.Key[i%4]
			}
		}
		fs = append(fs, wstest.Frame{Fin: h.Fin, RSV: h.RSV, Opcode: h.Opcode, Payload: payload})
		wire = wire[n+int(h.Length):]
	}
	return fs
}

func TestTheExamplesOfTheRFCAreSentAsTheyStandThere(t *testing.T) { // §5.7
	s := protocol.NewSender(protocol.Options{Role: protocol.Server})
	require.NoError(t, s.Message(protocol.Text, []byte("Hello")))
	require.Equal(t, "\x81\x05Hello", string(write(s, 100)))

	require.NoError(t, s.Fragment(protocol.Text, []byte("Hel"), false))
	require.True(t, s.InMessage())
	require.NoError(t, s.Fragment(protocol.Text, []byte("lo"), true))
	require.False(t, s.InMessage())
	require.Equal(t, "\x01\x03Hel\x80\x02lo", string(write(s, 100)))

	require.NoError(t, s.Ping([]byte("Hello")))
	require.Equal(t, "\x89\x05Hello", string(write(s, 100)))

	long := bytes.Repeat([]byte("x"), 256)
	require.NoError(t, s.Message(protocol.Binary, long))
	require.Equal(t, "\x82\x7e\x01\x00"+string(long), string(write(s, 100)))

	huge := make([]byte, 65536)
	require.NoError(t, s.Message(protocol.Binary, huge))
	require.Equal(t, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"+string(huge), string(write(s, 1000)))
}

func TestAClientMasksEveryFrameWithAKeyOfItsOwn(t *testing.T) {
	s := protocol.NewSender(protocol.Options{Role: protocol.Client})
	keys := map[[4]byte]bool{}
	for range 100 {
		require.NoError(t, s.Message(protocol.Text, []byte("Hello")))
		wire := write(s, 100)
		require.Equal(t, []wstest.Frame{wstest.Whole(frame.Text, "Hello")}, frames(t, protocol.Client, bytes.Clone(wire)))
		keys[[4]byte(wire[2:6])] = true
		ok, err := s.Through(protocol.Text, []byte("Hello"))
		require.True(t, ok)
		require.NoError(t, err)
		wire = write(s, 100)
		require.Equal(t, []wstest.Frame{wstest.Whole(frame.Text, "Hello")}, frames(t, protocol.Client, bytes.Clone(wire)))
		keys[[4]byte(wire[2:6])] = true
	}
	require.Greater(t, len(keys), 195)
}

func TestControlFramesGoBetweenTheFragmentsOfAMessage(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role})
		require.NoError(t, s.Fragment(protocol.Binary, []byte("a"), false))
		require.NoError(t, s.Ping([]byte("?")))
		s.Answer([]byte("!"))
		require.NoError(t, s.Pong(nil))
		require.NoError(t, s.Fragment(protocol.Binary, nil, true))
		require.Equal(t, []wstest.Frame{
			wstest.Part(frame.Binary, false, "a"), wstest.Whole(frame.Ping, "?"), wstest.Whole(frame.Pong, "!"), wstest.Whole(frame.Pong, ""),
			wstest.Part(frame.Continuation, true, ""),
		}, normalFrames(frames(t, role, write(s, 3))))
	})
}

// normalFrames makes empty payloads comparable.
func normalFrames(fs []wstest.Frame) []wstest.Frame {
	for i := range fs {
		fs[i].Payload = append([]byte{}, fs[i].Payload...)
	}
	return fs
}

func TestNothingIsQueuedBehindACloseFrame(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role, Deflate: &deflate.Params{}})
		for range protocol.MaxPongs + 1 { // the last is put off
			s.Answer([]byte("pong"))
		}
		require.NoError(t, s.Err())
		require.NoError(t, s.Close(frame.StatusNormalClosure, "bye"))
		queued := s.Queued()
		require.Equal(t, protocol.ErrCloseSent, s.Err())
		for name, err := range map[string]error{
			"message": s.Message(protocol.Text, nil), "fragment": s.Fragment(protocol.Text, nil, false), "ping": s.Ping(nil), "pong": s.Pong(nil),
			"close": s.Close(frame.StatusNormalClosure, ""), "encoded": s.Encoded(protocol.Encode(protocol.Text, nil)),
			"packed": s.Packed(protocol.Text, []byte{0}, true), "through": second(s.Through(protocol.Text, make([]byte, 100))),
		} {
			require.Equal(t, protocol.ErrCloseSent, err, name)
		}
		s.Answer([]byte("late"))
		require.Equal(t, queued, s.Queued())
		fs := frames(t, role, write(s, 1000))
		require.Len(t, fs, protocol.MaxPongs+1)
		require.Equal(t, wstest.CloseFrame(frame.StatusNormalClosure, "bye"), fs[protocol.MaxPongs])
	})
}

func second[T any](_ T, err error) error { return err }

func TestABadCloseFrameQueuesNothing(t *testing.T) {
	s := protocol.NewSender(protocol.Options{})
	var broken *frame.ProtocolError
	require.ErrorAs(t, s.Close(1006, ""), &broken)
	require.ErrorAs(t, s.Close(1000, strings.Repeat("x", 124)), &broken)
	require.Equal(t, protocol.ErrControlTooLong, s.Ping(make([]byte, 126)))
	require.Equal(t, protocol.ErrControlTooLong, s.Pong(make([]byte, 126)))
	require.Zero(t, s.Queued())
	require.NoError(t, s.Ping(make([]byte, 125)))
}

func TestAnEncodedMessageIsSentWithoutACopyAndNeverChanged(t *testing.T) {
	m := protocol.Encode(protocol.Text, []byte("for all"))
	require.Equal(t, "for all", string(m.Payload()))
	s := protocol.NewSender(protocol.Options{})
	require.NoError(t, s.Encoded(m))
	require.True(t, s.Take())
	p, _ := s.Pending()
	require.Same(t, &m.Payload()[0], &p[2])
	require.NoError(t, s.Message(protocol.Text, []byte("between")))
	require.NoError(t, s.Encoded(m))
	s.Sent(3)
	require.Equal(t, "or all\x81\x07between\x81\x07for all", string(write(s, 4)))
	require.Equal(t, "for all", string(m.Payload()))
	require.NoError(t, s.Encoded(m))
	require.NoError(t, s.Encoded(m))
	require.Equal(t, "\x81\x07for all\x81\x07for all", string(write(s, 100)))
}

// FuzzSender does what the input says to a Sender, and holds what goes over the wire against what was asked for.
func FuzzSenderSendsWhatItIsTold(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08"), false, false, uint64(1))
	f.Add([]byte("\x01\x03\x01\x04\x02\x07\x01\x06\x05"), true, true, uint64(2))
	f.Fuzz(func(t *testing.T, script []byte, client, compressed bool, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		o := protocol.Options{Role: protocol.Server, ReadLimit: -1, MaxFragments: -1}
		if client {
			o.Role = protocol.Client
		}
		if compressed {
			o.Deflate = &deflate.Params{}
		}
		s := protocol.NewSender(o)
		var want model
		var wire []byte
		for _, op := range script[:min(len(script), 200)] {
			payload := bytes.Repeat([]byte{op}, random.IntN(1<<random.IntN(13)))
			want.do(t, s, op%9, payload, random, &wire)
		}
		wire = append(wire, write(s, 1+random.IntN(5000))...)
		o.Role = 1 - o.Role
		r := protocol.NewReceiver(o)
		got := collect(t, r, wire)
		require.Equal(t, want.messages, got.messages)
		require.Equal(t, want.pings, got.pings)
		require.Equal(t, want.closed, got.closed)
	})
}

// model is what a peer is to see.
type model struct {
	messages, pings []string
	part            []byte
	closed          bool
}

func (m *model) do(t *testing.T, s *protocol.Sender, op byte, payload []byte, random *rand.Rand, wire *[]byte) {
	closed := m.closed
	message := func(err error) {
		if closed {
			require.Equal(t, protocol.ErrCloseSent, err)
			return
		}
		require.NoError(t, err)
		m.messages = append(m.messages, string(payload))
	}
	switch op {
	case 0, 1: // a message, or the next fragment of one
		if s.InMessage() || op == 1 {
			fin := random.IntN(2) == 0
			if s.Fragment(protocol.Binary, payload, fin) == nil {
				if m.part = append(m.part, payload...); fin {
					m.messages, m.part = append(m.messages, string(m.part)), nil
				}
			}
			return
		}
		message(s.Message(protocol.Binary, payload))
	case 2:
		payload = payload[:min(len(payload), 125)]
		if s.Ping(payload) == nil {
			m.pings = append(m.pings, string(payload))
		}
	case 3:
		s.Answer(payload[:min(len(payload), 125)])
	case 4, 5, 6:
		if s.Take() {
			p, more := s.Pending()
			n := random.IntN(len(p) + len(more) + 1)
			*wire = append(*wire, append(bytes.Clone(p), more...)[:n]...)
			s.Sent(n)
		}
		if op == 5 {
			s.Detach()
		}
	case 7:
		if s.InMessage() {
			return
		}
		mine := bytes.Clone(payload)
		ok, err := s.Through(protocol.Binary, mine)
		if ok || err != nil {
			message(err)
		}
	case 8:
		if random.IntN(4) == 0 && !s.InMessage() && s.Close(1000, "") == nil {
			m.closed = true
		}
	}
}

// collect reads all of wire.
func collect(t *testing.T, r *protocol.Receiver, wire []byte) (m model) {
	for {
		var ev protocol.Event
		n, err := r.Next(wire, &ev)
		require.NoError(t, err)
		wire = wire[n:]
		switch ev.Kind {
		case protocol.Data:
			if m.part = append(m.part, ev.Payload...); ev.Fin {
				m.messages, m.part = append(m.messages, string(m.part)), nil
			}
		case protocol.Ping:
			m.pings = append(m.pings, string(ev.Payload))
		case protocol.Close:
			m.closed = true
		case protocol.NeedBytes:
			require.Empty(t, wire)
			return m
		}
	}
}

func TestASenderIsFullWithSoManyBytes(t *testing.T) {
	for n, full := range map[int]bool{protocol.MaxQueued - 5: false, protocol.MaxQueued - 4: true, protocol.MaxQueued: true} {
		s := protocol.NewSender(protocol.Options{Role: protocol.Server})
		require.False(t, s.Full())
		require.NoError(t, s.Message(protocol.Binary, make([]byte, n)))
		require.Equal(t, full, s.Full(), "%d bytes", n)
		s.Take()
		require.False(t, s.Full(), "what is being written does not count")
	}
}
