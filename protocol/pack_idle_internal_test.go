package protocol

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
)

// idlePair is a sender and the receiver of the same direction, with what the driver does between them.
type idlePair struct {
	t   *testing.T
	s   *Sender
	r   *Receiver
	out []byte
}

// deliver has the receiver take all that is queued, as a driver would, and returns the message.
func (p *idlePair) deliver() string {
	p.t.Helper()
	require.True(p.t, p.s.Take())
	wire, _ := p.s.Pending()
	var message []byte
	var ev Event
	for rest := wire; !ev.Fin; {
		n, err := p.r.Next(rest, &ev)
		require.NoError(p.t, err)
		rest = rest[n:]
		message = append(message, ev.Payload...)
		if ev.Kind == NeedOutput {
			p.r.SetOutput(p.out)
		}
	}
	require.Positive(p.t, p.r.Packed())
	p.s.Sent(len(wire))
	p.r.SetOutput(nil)
	return string(message)
}

// TestWithoutContextTakeoverNothingIsKeptBetweenMessages, and with it only what has a history.
func TestWithoutContextTakeoverNothingIsKeptBetweenMessages(t *testing.T) {
	message := strings.Repeat("again and ", 50)
	for _, role := range []Role{Server, Client} {
		for _, takeover := range []bool{false, true} {
			params := &deflate.Params{ServerNoContextTakeover: !takeover, ClientNoContextTakeover: !takeover}
			p := &idlePair{t: t, s: NewSender(Options{Role: role, Deflate: params}),
				r: NewReceiver(Options{Role: 1 - role, Deflate: params}), out: make([]byte, 200)}
			p.r.SetOutput(nil)
			requireKept := func(kept bool) {
				t.Helper()
				require.Equal(t, kept, p.s.packer.compressor != nil)
				require.Equal(t, kept, p.r.inflater != nil)
			}
			requireKept(false)
			for _, level := range []deflate.Level{deflate.Fastest, deflate.Fastest, deflate.Smallest} {
				p.s.SetCompression(true, level)
				require.NoError(t, p.s.Message(Text, []byte(message)))
				require.Equal(t, message, p.deliver())
				requireKept(takeover)
			}
			require.NoError(t, p.s.Fragment(Text, []byte(message), false))
			require.NotNil(t, p.s.packer.compressor, "its next part refers to this one")
			require.NoError(t, p.s.Fragment(Text, []byte(message), true))
			require.Equal(t, message+message, p.deliver())
			requireKept(takeover)
			p.s.Commit([]byte(message))
			require.NoError(t, p.s.Packed(Text, p.s.Form().Pack(nil, []byte(message)), true))
			require.Equal(t, message, p.deliver())
			requireKept(takeover)
			p.s.ReleasePacker()
			p.r.Release()
			require.Nil(t, p.s.packer.compressor)
		}
	}
}

// TestAMessageThatHasBegunKeepsWhatItNeeds, also while the driver has no use for its output.
func TestAMessageThatHasBegunKeepsWhatItNeeds(t *testing.T) {
	params := &deflate.Params{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	s, r := NewSender(Options{Deflate: params, DeflateOptions: &deflate.Options{MinSize: -1}}), NewReceiver(Options{Role: Client, Deflate: params})
	require.NoError(t, s.Message(Text, []byte(strings.Repeat("again and ", 50))))
	s.Take()
	wire, _ := s.Pending()
	var message, unread []byte
	for _, b := range wire {
		unread = append(unread, b)
		for ev := (Event{Kind: Data}); ev.Kind != NeedBytes && !ev.Fin; {
			n, err := r.Next(unread, &ev)
			require.NoError(t, err)
			unread = unread[n:]
			message = append(message, ev.Payload...)
			if ev.Kind == NeedOutput {
				r.SetOutput(make([]byte, 100))
			}
		}
		r.SetOutput(nil)
	}
	require.Equal(t, strings.Repeat("again and ", 50), string(message))
}

func TestAHalfHasTheSizeThatConnectionsCountOn(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) == 8 {
		require.LessOrEqual(t, int(unsafe.Sizeof(Receiver{})), 64)
		require.LessOrEqual(t, int(unsafe.Sizeof(Sender{})), 48)
		require.LessOrEqual(t, int(unsafe.Sizeof(packer{})), 24)
	}
}
