package protocol_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/protocol"
)

func TestAMessageIsCompressedWhenThatIsWorthwhile(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role, Deflate: &deflate.Params{}})
		long := strings.Repeat("again and ", 100)
		require.NoError(t, s.Message(protocol.Text, []byte("short")))
		require.NoError(t, s.Message(protocol.Text, []byte(long)))
		require.NoError(t, s.Fragment(protocol.Text, []byte("a part"), false)) // how long it will be nobody knows
		require.NoError(t, s.Fragment(protocol.Text, []byte(long), true))
		fs := frames(t, role, write(s, 5))
		require.Equal(t, []frame.RSV{0, frame.RSV1, frame.RSV1, 0}, []frame.RSV{fs[0].RSV, fs[1].RSV, fs[2].RSV, fs[3].RSV})
		require.Less(t, len(fs[1].Payload), 100)
	})
}

func TestPackingApartGivesTheSameBytes(t *testing.T) {
	message := []byte(strings.Repeat("compressed once ", 20))
	o := protocol.Options{Deflate: &deflate.Params{}}
	inOne, apart := protocol.NewSender(o), protocol.NewSender(o)
	for range 3 {
		require.NoError(t, inOne.Message(protocol.Text, message))
		require.True(t, apart.Packs(len(message), true))
		packed := apart.Compressor().AppendPart(nil, message, true)
		require.LessOrEqual(t, len(packed), protocol.PackedBound(len(message)))
		require.NoError(t, apart.Packed(protocol.Text, packed, true))
	}
	require.Equal(t, write(inOne, 1<<20), write(apart, 1<<20))
}

func TestAPreparedFormIsUnderstoodAmongMessagesWithContext(t *testing.T) {
	message := []byte(strings.Repeat("the same for everybody ", 20))
	o := protocol.Options{Deflate: &deflate.Params{}}
	s := protocol.NewSender(o)
	r := protocol.NewReceiver(protocol.Options{Role: protocol.Client, Deflate: o.Deflate})
	packed := s.Form().Pack(nil, message)
	for i := range 6 {
		if i%2 == 0 {
			s.Compressor().Commit(message)
			require.NoError(t, s.Packed(protocol.Text, packed, true))
		} else {
			require.NoError(t, s.Message(protocol.Text, message))
		}
		wire := write(s, 1<<20)
		var ev protocol.Event
		n, err := r.Next(wire, &ev)
		require.NoError(t, err)
		require.Equal(t, len(wire), n)
		require.Equal(t, string(message), string(ev.Payload))
	}
	r.Release()
	s.ReleasePacker()
}

func TestAChangeOfLevelHoldsFromTheNextMessageOn(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		message := []byte(strings.Repeat("again and ", 20) + "not like anything before")
		s := protocol.NewSender(protocol.Options{Role: role, Deflate: &deflate.Params{}})
		r := protocol.NewReceiver(protocol.Options{Role: 1 - role, Deflate: &deflate.Params{}})
		size := func() int {
			require.NoError(t, s.Message(protocol.Text, message))
			wire := write(s, 1<<20)
			var ev protocol.Event
			n, err := r.Next(wire, &ev)
			require.NoError(t, err)
			require.Equal(t, len(wire), n)
			require.Equal(t, string(message), string(ev.Payload))
			return n
		}
		first := size()
		require.Less(t, size(), first, "it refers to the one before")
		s.SetCompression(true, deflate.Smallest)
		require.NotEqual(t, deflate.Smallest, s.Form().Level, "no message has begun")
		require.GreaterOrEqual(t, size(), first, "it refers to nothing")
		require.Equal(t, deflate.Smallest, s.Form().Level)
		require.Less(t, size(), first)
		s.SetCompression(false, deflate.Smallest)
		require.Greater(t, size(), len(message))
		s.ReleasePacker()
		r.Release()
	})
}

func TestASenderThatDoesNotCompressHasNothingToRelease(t *testing.T) {
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		s := protocol.NewSender(protocol.Options{Role: role})
		require.Nil(t, s.Compressor())
		s.SetCompression(true, deflate.Smallest)
		s.ReleasePacker()
		require.NoError(t, s.Message(protocol.Text, []byte(strings.Repeat("as it is ", 100))))
		fs := frames(t, role, write(s, 1000))
		require.Len(t, fs, 1)
		require.Zero(t, fs[0].RSV)
	})
}

func TestAMessageIsCompressedAsTheOptionsSay(t *testing.T) {
	params := deflate.Params{ServerMaxWindowBits: 10, ClientMaxWindowBits: 12}
	var message []byte
	for i := range 300 { // the levels differ
		message = append(message, "abcde"[i%5:]...)
		message = append(message, byte(i*i))
	}
	bothRoles(t, func(t *testing.T, role protocol.Role) {
		bits := map[protocol.Role]int{protocol.Server: 10, protocol.Client: 12}[role]
		asIs := func(level deflate.Level) []byte {
			return params.Compressor(role == protocol.Server, &deflate.Options{Level: level}).Append(nil, message)
		}
		require.NotEqual(t, asIs(deflate.Balanced), asIs(deflate.Fastest))
		o := protocol.Options{Role: role, Deflate: &params, DeflateOptions: &deflate.Options{Level: deflate.Balanced, MinSize: 100}}
		s := protocol.NewSender(o)
		require.Equal(t, protocol.Form{WindowBits: bits, Level: deflate.Balanced}, s.Form())
		for _, level := range []deflate.Level{deflate.Balanced, deflate.Fastest} {
			s.SetCompression(true, level)
			require.NoError(t, s.Message(protocol.Binary, message))
			require.Equal(t, asIs(level), frames(t, role, write(s, 10_000))[0].Payload)
			require.Equal(t, protocol.Form{WindowBits: bits, Level: level}, s.Form())
			require.False(t, s.Packs(99, true), "too short to gain")
			require.True(t, s.Packs(100, true))
		}
		s.ReleasePacker()
	})
	require.Less(t, protocol.PackedBound(1<<20), 1<<20+2000)
}

func TestWhatCannotBeCompressedFitsTheBound(t *testing.T) {
	for _, n := range []int{0, 1, 100, 1 << 20} {
		noise := make([]byte, n)
		rand.NewChaCha8([32]byte{}).Read(noise)
		s := protocol.NewSender(protocol.Options{Deflate: &deflate.Params{}})
		require.LessOrEqual(t, len(s.Compressor().AppendPart(nil, noise, false)), protocol.PackedBound(n))
	}
}
