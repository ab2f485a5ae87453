package wsjson_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/websockettest"
	"github.com/seed60239977/websocket/wsjson"
)

type move struct {
	From string  `json:"from"`
	To   string  `json:"to"`
	Took float64 `json:"took,omitempty"`
}

// inFakeTime runs f with both ends of a connection; read limits are 1000 bytes.
func inFakeTime(t *testing.T, f func(t *testing.T, client, server *websocket.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := websocket.Config{ReadLimit: 1000}
		client, server := websockettest.Pair(t, &websockettest.Options{
			Dial:   &websocket.DialOptions{Config: cfg},
			Accept: &websocket.AcceptOptions{Config: cfg},
		})
		f(t, client, server)
	})
}

func TestAValueArrivesAsItWasSent(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		for _, want := range []move{{}, {From: "e2", To: "e4", Took: 1.5}, {From: "<&>", To: "世界\u2028"}} {
			require.NoError(t, wsjson.Write(t.Context(), client, want))
			got, err := wsjson.Read[move](t.Context(), server)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		require.NoError(t, wsjson.Write(t.Context(), client, []any{nil, true, "x", 1}))
		list, err := wsjson.Read[[]any](t.Context(), server)
		require.NoError(t, err)
		require.Equal(t, []any{nil, true, "x", 1.0}, list)
	})
}

func TestWhatIsSentIsTextAndNoLongerThanItMustBe(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		require.NoError(t, wsjson.Write(t.Context(), server, move{From: "<&>"}))
		p, err := wsjson.Prepare(move{From: "<&>"})
		require.NoError(t, err)
		require.NoError(t, server.WritePrepared(t.Context(), p))
		for range 2 {
			typ, data, err := client.Read(t.Context())
			require.NoError(t, err)
			require.Equal(t, websocket.Text, typ)
			require.Equal(t, `{"from":"<&>","to":""}`, string(data))
		}
	})
}

func TestABinaryMessageIsReadLikeText(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		require.NoError(t, client.Write(t.Context(), websocket.Binary, []byte("[1,2]")))
		got, err := wsjson.Read[[]int](t.Context(), server)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2}, got)
	})
}

// picky refuses to be decoded.
type picky struct{ N int }

var errPicky = errors.New("not to my taste")

func (p *picky) UnmarshalJSON([]byte) error {
	p.N = 7
	return errPicky
}

func TestBadJSONClosesNothing(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		for _, bad := range []string{"", "{", `{"from":"e2"} trailing`, `{"from":1}`, "null x", strings.Repeat("[", 999)} {
			require.NoError(t, client.Write(t.Context(), websocket.Text, []byte(bad)))
			got, err := wsjson.Read[move](t.Context(), server)
			var decode *wsjson.DecodeError
			require.ErrorAs(t, err, &decode, bad)
			require.NotEmpty(t, decode.Error())
			require.True(t, errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError)), bad)
			require.Zero(t, got)
		}
		require.NoError(t, client.Write(t.Context(), websocket.Text, []byte("{}")))
		got, err := wsjson.Read[picky](t.Context(), server)
		require.ErrorIs(t, err, errPicky)
		require.Zero(t, got, "a value that is half decoded is not given out")

		require.NoError(t, wsjson.Write(t.Context(), client, move{From: "e7"}))
		next, err := wsjson.Read[move](t.Context(), server)
		require.NoError(t, err)
		require.Equal(t, "e7", next.From)
	})
}

func TestLimitsOfTheConnectionHold(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		go client.Read(t.Context())
		require.NoError(t, wsjson.Write(t.Context(), client, strings.Repeat("x", 1000)))
		_, err := wsjson.Read[string](t.Context(), server)
		require.ErrorIs(t, err, websocket.ErrMessageTooBig)
		require.False(t, errors.As(err, new(*wsjson.DecodeError)))
	})
}

func TestAContextCutsTheReadAndNotTheMessage(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		w, err := client.Writer(t.Context(), websocket.Text)
		require.NoError(t, err)
		w.Write([]byte(`{"from":"a1",`))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = wsjson.Read[move](ctx, server)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		w.Write([]byte(`"to":"h8"}`))
		require.NoError(t, w.Close())
		got, err := wsjson.Read[move](t.Context(), server)
		require.NoError(t, err)
		require.Equal(t, move{From: "a1", To: "h8"}, got)
	})
}

func TestWhatCannotBeEncodedIsNotSent(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		for _, c := range []struct {
			v   any
			err any
		}{
			{math.Inf(1), new(*json.UnsupportedValueError)},
			{func() {}, new(*json.UnsupportedTypeError)},
			{[]any{1, make(chan int)}, new(*json.UnsupportedTypeError)},
			{json.RawMessage("{"), new(*json.MarshalerError)},
		} {
			require.ErrorAs(t, wsjson.Write(t.Context(), client, c.v), c.err)
			_, err := wsjson.Prepare(c.v)
			require.ErrorAs(t, err, c.err)
		}
		require.ErrorIs(t, wsjson.Write(t.Context(), client, json.RawMessage("\"\xff\"")), websocket.ErrInvalidUTF8)
		require.NoError(t, wsjson.Write(t.Context(), client, "a\xffb"))
		got, err := wsjson.Read[string](t.Context(), server)
		require.NoError(t, err)
		require.Equal(t, "a\uFFFDb", got)
	})
}

func TestValuesOfManyGoroutinesStayWhole(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		const writers, each = 8, 50
		var all sync.WaitGroup
		for n := range writers {
			all.Go(func() {
				for range each {
					wsjson.Write(t.Context(), client, strings.Repeat(string(rune('a'+n)), 1+n*100))
				}
			})
		}
		for range writers * each {
			s, err := wsjson.Read[string](t.Context(), server)
			require.NoError(t, err)
			require.Equal(t, strings.Repeat(s[:1], 1+int(s[0]-'a')*100), s)
		}
		all.Wait()
	})
}

func TestALargeValueArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := websockettest.Pair(t, nil)
		large := strings.Repeat("x", 200_000)
		go wsjson.Write(t.Context(), client, large)
		got, err := wsjson.Read[string](t.Context(), server)
		require.NoError(t, err)
		require.Equal(t, large, got)
	})
}

func TestAConnectionThatHasEndedSaysSo(t *testing.T) {
	inFakeTime(t, func(t *testing.T, client, server *websocket.Conn) {
		client.CloseNow()
		_, err := wsjson.Read[move](t.Context(), server)
		require.ErrorAs(t, err, new(*websocket.CloseError))
		require.ErrorAs(t, wsjson.Write(t.Context(), client, 1), new(*websocket.CloseError))
	})
}

func BenchmarkAValueThereAndBack(b *testing.B) {
	client, server := websockettest.Pair(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := wsjson.Write(b.Context(), client, move{From: "e2", To: "e4"}); err != nil {
			b.Fatal(err)
		}
		if _, err := wsjson.Read[move](b.Context(), server); err != nil {
			b.Fatal(err)
		}
	}
}
