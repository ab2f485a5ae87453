package hub

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

func TestTheWireFormIsTheOneOfTheDocumentation(t *testing.T) {
	at := Position{300, 7}
	for _, c := range []struct {
		i      Item
		json   string
		binary string // in hex
	}{
		{
			Item{Kind: KindMessage, Topic: "a", Position: at, Type: conn.Text, Data: []byte(`{"x": 1}`)},
			`{"topic":"a","epoch":300,"offset":7,"data":{"x": 1}}`, "01" + "0161" + "ac02" + "07" + hex.EncodeToString([]byte(`{"x": 1}`)),
		},
		{
			Item{Kind: KindMessage, Topic: "a", Type: conn.Text, Data: []byte("hello \"you\"")},
			`{"topic":"a","text":"hello \"you\""}`, "01" + "0161" + "00" + "00" + hex.EncodeToString([]byte("hello \"you\"")),
		},
		{
			Item{Kind: KindMessage, Topic: "a", Position: at, Type: conn.Binary, Data: []byte{0, 255}},
			`{"topic":"a","epoch":300,"offset":7,"binary":"AP8="}`, "02" + "0161" + "ac02" + "07" + "00ff",
		},
		{
			Item{Kind: KindSubscribed, Topic: "a", Position: at, Recovered: true},
			`{"topic":"a","epoch":300,"offset":7,"recovered":true}`, "03" + "0161" + "ac02" + "07" + "01" + "00",
		},
		{
			Item{Kind: KindSubscribed, Topic: "a", Position: at, Missed: 5},
			`{"topic":"a","epoch":300,"offset":7,"recovered":false,"missed":5}`, "03" + "0161" + "ac02" + "07" + "00" + "05",
		},
		{
			Item{Kind: KindSubscribe, Topic: "a", Position: at, Last: 9},
			`{"subscribe":"a","epoch":300,"offset":7,"last":9}`, "04" + "0161" + "ac02" + "07" + "09",
		},
		{Item{Kind: KindSubscribe, Topic: "a"}, `{"subscribe":"a"}`, "04" + "0161" + "00" + "00" + "00"},
		{Item{Kind: KindUnsubscribe, Topic: "a"}, `{"unsubscribe":"a"}`, "05" + "0161"},
	} {
		require.Equal(t, c.json, string(JSONEnvelope.Append(nil, c.i)))
		require.Equal(t, c.binary, hex.EncodeToString(BinaryEnvelope.Append(nil, c.i)))
		for _, e := range []Envelope{JSONEnvelope, BinaryEnvelope} {
			got, err := e.Parse(e.MessageType(), e.Append(nil, c.i))
			require.NoError(t, err)
			require.Equal(t, c.i, got)
		}
	}
}

func TestWhatIsNoEnvelopeIsRefused(t *testing.T) {
	for _, s := range []string{
		``, `x`, `[]`, `{}`, `{"topic":"a"}`, `{"recovered":true}`, `{"data":1}`, `{"topic":1,"data":1}`, `{"topic":"a","data":1,"text":"x"}`, `{"topic":"a","binary":"?"}`,
		`{"subscribe":"a","unsubscribe":"a"}`, `{"subscribe":1}`, `{"subscribe":"a","last":-1}`, `{"subscribe":"a","offset":-1}`,
		`{"subscribe":"a","epoch":9007199254740992}`, `{"topic":"a","recovered":false,"missed":9007199254740992}`, `{"topic":"a","text":"x"} ` + "x",
	} {
		_, err := JSONEnvelope.Parse(conn.Text, []byte(s))
		require.ErrorIs(t, err, ErrEnvelope, s)
	}
	for _, s := range []string{
		"", "00", "06016100", "01", "0102", "010261", "0101ff0000", "01016180808080808080100000", "0501610",
		"050161" + "00", "03016100000", "0301610000", "04016100", "04016100" + "80808080808080808080", "0401610000" + "0000",
	} {
		data, err := hex.DecodeString(s + strings.Repeat("0", len(s)%2))
		require.NoError(t, err)
		_, err = BinaryEnvelope.Parse(conn.Binary, data)
		require.ErrorIs(t, err, ErrEnvelope, s)
	}
	_, err := JSONEnvelope.Parse(conn.Binary, []byte(`{"subscribe":"a"}`))
	require.ErrorIs(t, err, ErrEnvelope)
	_, err = BinaryEnvelope.Parse(conn.Text, []byte{5, 1, 'a'})
	require.ErrorIs(t, err, ErrEnvelope)
}

// What is parsed comes out the same once it is written again.
func FuzzEnvelope(f *testing.F) {
	items := []Item{
		{Kind: KindMessage, Topic: "news", Position: Position{1, 2}, Type: conn.Text, Data: []byte(`{"a":[1,2]}`)},
		{Kind: KindMessage, Topic: "", Type: conn.Text, Data: []byte("plain \" \u2028 text")},
		{Kind: KindMessage, Topic: "你好", Position: Position{maxNumber, maxNumber}, Type: conn.Binary, Data: []byte{0, 1, 254}},
		{Kind: KindSubscribed, Topic: "x", Position: Position{5, 0}, Missed: 100},
		{Kind: KindSubscribe, Topic: "x", Position: Position{5, 6}, Last: 50},
		{Kind: KindUnsubscribe, Topic: "x"},
	}
	for _, i := range items {
		for _, e := range []Envelope{JSONEnvelope, BinaryEnvelope} {
			f.Add(e == BinaryEnvelope, e.Append(nil, i))
		}
	}
	f.Fuzz(func(t *testing.T, binary bool, data []byte) {
		e := JSONEnvelope
		if binary {
			e = BinaryEnvelope
		}
		i, err := e.Parse(e.MessageType(), data)
		if err != nil {
			require.ErrorIs(t, err, ErrEnvelope)
			require.Zero(t, i)
			return
		}
		require.LessOrEqual(t, len(i.Topic)+len(i.Data), 3*len(data))
		if i.Type == conn.Text && !utf8.Valid(i.Data) {
			return // the connection has checked that before
		}
		for _, other := range []Envelope{JSONEnvelope, BinaryEnvelope} {
			again, err := other.Parse(other.MessageType(), other.Append(nil, i))
			require.NoError(t, err)
			want := i
			if other == JSONEnvelope && i.Type == conn.Text && json.Valid(i.Data) {
				want.Data = bytes.Trim(i.Data, " \t\r\n") // it becomes a value
			}
			requireSameItem(t, want, again)
		}
		require.True(t, binary || json.Valid(data))
	})
}

func requireSameItem(t *testing.T, want, got Item) {
	t.Helper()
	require.Equal(t, string(want.Data), string(got.Data))
	want.Data, got.Data = nil, nil
	require.Equal(t, want, got)
}

func TestNumbersAreNoLargerThanThoseOfJavaScript(t *testing.T) {
	for _, e := range []Envelope{JSONEnvelope, BinaryEnvelope} {
		largest := Item{Kind: KindSubscribed, Topic: "x", Position: Position{maxNumber, maxNumber}, Missed: maxNumber}
		got, err := e.Parse(e.MessageType(), e.Append(nil, largest))
		require.NoError(t, err)
		require.Equal(t, largest, got)
		for _, change := range []func(i *Item){
			func(i *Item) { i.Position.Epoch++ },
			func(i *Item) { i.Position.Offset++ },
			func(i *Item) { i.Missed++ },
		} {
			tooLarge := largest
			change(&tooLarge)
			_, err := e.Parse(e.MessageType(), e.Append(nil, tooLarge))
			require.ErrorIs(t, err, ErrEnvelope)
		}
	}
}
