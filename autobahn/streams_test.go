package autobahn

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn/internal/payload"
	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// inflated reads message k of a stream.
func inflated(t *testing.T, s *stream, i *pmd.Inflater, e *Echo, k int) {
	t.Helper()
	plain := payload.Of(e.Data).Message(nil, k, e.Len)
	got, err := i.Message(s.message(k, plain), len(plain))
	require.NoError(t, err)
	require.True(t, bytes.Equal(plain, got), "message %d", k)
}

func TestConnectionsThatAgreeOnTheSameShareTheirMessages(t *testing.T) {
	var shared streams
	e := &Echo{Data: payload.HTML, Len: 5000, Messages: 1000}
	first := shared.of(e, &pmd.Deflater{Window: 1 << 10})
	second := shared.of(e, &pmd.Deflater{Window: 1 << 10})
	require.Same(t, first, second)
	ahead, behind := &pmd.Inflater{Window: 1 << 10, Strict: true}, &pmd.Inflater{Window: 1 << 10, Strict: true}
	for k := range 20 {
		inflated(t, first, ahead, e, k)
		if k%3 == 0 {
			inflated(t, second, behind, e, k/3)
		}
	}
	for _, d := range []*pmd.Deflater{{Window: 1 << 9}, {Window: 1 << 10, NoTakeover: true}} {
		require.NotSame(t, first, shared.of(e, d))
	}
	require.NotSame(t, first, shared.of(&Echo{Data: payload.HTML, Len: 5001, Messages: 1000}, &pmd.Deflater{Window: 1 << 10}))
}

func TestStreamsKeepTheirBound(t *testing.T) {
	var shared streams
	big := &Echo{Data: payload.Packed, Len: 131072, Messages: 1000}
	s := shared.of(big, &pmd.Deflater{Window: 1 << 15})
	require.Empty(t, shared.recent, "a stream that would not fit is not shared")
	i := &pmd.Inflater{Window: 1 << 15, Strict: true}
	for k := range 5 {
		inflated(t, s, i, big, k)
	}
	require.Len(t, s.messages, 1)

	var last *stream
	for _, n := range []int{40000, 80000, 120000, 100000, 60000} {
		last = shared.of(&Echo{Data: payload.Prose, Len: n, Messages: 1000}, &pmd.Deflater{Window: 1 << 15})
		total := 0
		for _, s := range shared.recent {
			total += s.size
		}
		require.LessOrEqual(t, total, streamsKept)
		require.Same(t, last, shared.recent[0])
	}
	require.Less(t, len(shared.recent), 5)
}

func TestCasesThatSendTheSameRunOneAfterTheOther(t *testing.T) {
	cases, err := Select([]string{"9.7.1", "9.7.2", "12.1.*", "12.2.1"}, nil)
	require.NoError(t, err)
	numbers := make([]int, len(cases))
	for i := range numbers {
		numbers[i] = i
	}
	likeByLike(numbers, cases)
	var ids []string
	for _, i := range numbers {
		ids = append(ids, cases[i].ID)
	}
	require.Equal(t, []string{"9.7.1", "9.7.2", "12.1.1", "12.1.2", "12.1.3", "12.1.4", "12.1.5", "12.1.6", "12.1.11", "12.1.7", "12.1.12",
		"12.1.8", "12.1.13", "12.1.9", "12.1.14", "12.1.10", "12.1.15", "12.1.16", "12.1.17", "12.1.18", "12.2.1"}, ids)
}
