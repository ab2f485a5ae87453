package protocol_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/internal/wstest"
	"github.com/seed60239977/websocket/protocol"
)

func TestWhatIsBeingWrittenStaysAsItIsWhileMoreIsQueued(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role})
		require.NoError(t, s.Message(protocol.Text, []byte("first")))
		require.True(t, s.Take())
		p, more := s.Pending()
		require.Empty(t, more)
		before := bytes.Clone(p)
		for range 1000 {
			require.NoError(t, s.Message(protocol.Binary, make([]byte, 100)))
		}
		require.True(t, s.Take())
		again, _ := s.Pending()
		require.Equal(t, before, p)
		require.Equal(t, before, again)
		all := s.Buffered()
		require.Greater(t, all, int64(1000*100+len("first")))
		s.Sent(1)
		rest, _ := s.Pending()
		require.Equal(t, before[1:], rest)
		require.Equal(t, all-1, s.Buffered())
		require.Equal(t, all, s.Queued())
		s.Sent(len(rest))
		require.Len(t, frames(t, role, write(s, 777)), 1000)
		require.Zero(t, s.Buffered())
		require.Equal(t, s.Queued(), s.Done())
	})
}

// The race detector sees whether a write that the network has refused touches what other connections are writing.
func TestAnEncodedMessageIsNotTouchedByThoseWhoSendIt(t *testing.T) {
	m := protocol.Encode(protocol.Text, []byte("for everybody"))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s := protocol.NewSender(protocol.Options{Role: protocol.Server})
			if !assert.NoError(t, s.Encoded(m)) {
				return
			}
			for _, n := range []int{0, 1, 0, 5} {
				assert.True(t, s.Take())
				s.Sent(n)
			}
			rest, _ := s.Pending()
			assert.Equal(t, "everybody", string(rest[len(rest)-9:]))
		})
	}
	all.Wait()
}

func TestALongMessageIsWrittenFromWhereItLies(t *testing.T) {
	payload := bytes.Repeat([]byte("0123456789abcdef!"), 20_000)
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for _, step := range []int{1 << 20, 70_001, 4099, 1_000} {
			for _, detach := range []int{-1, 0, 1, 5, 100_000} { // bytes written before the rest is copied
				s := protocol.NewSender(protocol.Options{Role: role})
				require.NoError(t, s.Ping(nil))
				mine := bytes.Clone(payload)
				ok, err := s.Through(protocol.Binary, mine)
				require.True(t, ok)
				require.NoError(t, err)
				ok, err = s.Through(protocol.Binary, mine)
				require.False(t, ok, "one at a time")
				require.NoError(t, err)
				require.NoError(t, s.Message(protocol.Text, []byte("behind")))
				total := s.Buffered()
				require.Greater(t, total, int64(len(payload)+len("behind")))
				var wire []byte
				for detach >= 0 && len(wire) < detach {
					p, more := s.Pending()
					n := min(step, len(p)+len(more), detach-len(wire))
					wire = appendFirst(wire, n, p, more)
					s.Sent(n)
					require.Equal(t, total-int64(len(wire)), s.Buffered())
				}
				if detach >= 0 {
					s.Detach()
					clear(mine)
				}
				require.Equal(t, total-int64(len(wire)), s.Buffered())
				wire = append(wire, write(s, step)...)
				require.Len(t, wire, int(total))
				fs := frames(t, role, wire)
				require.Len(t, fs, 3)
				require.True(t, bytes.Equal(payload, fs[1].Payload))
				require.Equal(t, "behind", string(fs[2].Payload))
				require.Zero(t, s.Buffered())
				if detach < 0 {
					require.True(t, bytes.Equal(payload, mine), "what is sent is not changed")
				}
			}
		}
	})
}

func TestAWriteMayEndAnywhere(t *testing.T) {
	payload := []byte("written from where it lies")
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for step := range 40 {
			s := protocol.NewSender(protocol.Options{Role: role})
			require.NoError(t, s.Ping([]byte("?")))
			ok, err := s.Through(protocol.Binary, payload)
			require.True(t, ok)
			require.NoError(t, err)
			total := s.Buffered()
			wire := write(s, step+1)
			require.Len(t, wire, int(total))
			fs := frames(t, role, wire)
			require.Len(t, fs, 2)
			require.Equal(t, payload, fs[1].Payload)
		}
	})
}

func TestAnEmptyMessageMayBeWrittenFromWhereItLies(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role})
		ok, err := s.Through(protocol.Text, nil)
		require.True(t, ok)
		require.NoError(t, err)
		require.Len(t, frames(t, role, write(s, 100)), 1)
		require.False(t, s.Taken())
		require.Zero(t, s.Buffered())
		require.NoError(t, s.Message(protocol.Text, nil))
		queued := s.Buffered()
		require.Positive(t, queued)
		require.True(t, s.Take())
		require.Equal(t, queued, s.Buffered(), "as without one before")
	})
}

// TestAClientMasksMoreWhenHalfOfWhatItHasMaskedIsWritten: not a little for each little that the network takes.
func TestAClientMasksMoreWhenHalfOfWhatItHasMaskedIsWritten(t *testing.T) {
	const piece = 64 << 10
	s := protocol.NewSender(protocol.Options{Role: protocol.Client})
	ok, err := s.Through(protocol.Binary, make([]byte, 1<<20))
	require.True(t, ok)
	require.NoError(t, err)
	pending := func() int {
		p, more := s.Pending()
		require.Empty(t, more, "it is not masked")
		return len(p)
	}
	require.Equal(t, piece, pending())
	s.Sent(1)
	require.Equal(t, piece-1, pending())
	s.Sent(piece/2 - 1)
	require.Equal(t, piece/2, pending())
	s.Sent(1)
	require.Equal(t, piece, pending())
}

func TestSendingTakesNoMemory(t *testing.T) {
	if wstest.Racing {
		t.Skip("with the race detector pools forget at random")
	}
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		for _, params := range []*deflate.Params{nil, {}} {
			s := protocol.NewSender(protocol.Options{Role: role, Deflate: params})
			message := make([]byte, 5000)
			require.Zero(t, testing.AllocsPerRun(100, func() {
				for range 2 {
					s.Message(protocol.Binary, message)
				}
				s.Through(protocol.Binary, message)
				for s.Taken() {
					p, more := s.Pending()
					s.Sent(len(p) + len(more))
				}
			}))
			s.ReleasePacker()
		}
	})
}

func TestWhatIsDroppedIsNotWritten(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role})
		ok, err := s.Through(protocol.Binary, make([]byte, 100_000))
		require.True(t, ok)
		require.NoError(t, err)
		require.NoError(t, s.Message(protocol.Text, nil))
		s.Pending()
		s.DropTaken()
		s.DropQueue()
		require.False(t, s.Take())
		require.Zero(t, s.Buffered())

		s = protocol.NewSender(protocol.Options{Role: role})
		require.NoError(t, s.Message(protocol.Text, nil))
		s.DropQueue()
		require.False(t, s.Take())
		for range protocol.MaxPongs + 1 { // the last is put off
			s.Answer(nil)
		}
		s.DropQueue()
		require.False(t, s.Take())
	})
}
