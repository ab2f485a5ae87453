package hub

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

var records = []Message{
	{Type: conn.Text, Data: []byte("hello")},
	{Type: conn.Binary, Data: []byte{}},
	{Type: conn.Text, Data: []byte("v"), Latest: true, Key: "a\x00key"},
	{Type: conn.Binary, Data: []byte{0xff}, Latest: true, Except: Origin{maxNumber, 1}},
}

func TestRecordsGoThereAndBack(t *testing.T) {
	for _, m := range records {
		got, err := ParseRecord(AppendRecord(nil, &m))
		require.NoError(t, err)
		require.Equal(t, &m, got)
	}
	for _, p := range []Presence{{}, {"id", "value"}, {"", "x"}} {
		got, err := ParsePresence(AppendPresence(nil, p))
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	for _, s := range []string{"", "\x01", "\x02\x01x", "\x01\x00x", "\x01\x03x", "\x01\x41", "\x01\x11\x05k", "\x01\x22\x01", "\x01\x01\xff"} {
		_, err := ParseRecord([]byte(s))
		require.ErrorIs(t, err, errRecord, "%q", s)
	}
	_, err := ParsePresence([]byte("\x05abc"))
	require.ErrorIs(t, err, errRecord)
}

// What is parsed comes out the same once it is written again, and a record takes no more than its bytes.
func FuzzRecord(f *testing.F) {
	for _, m := range records {
		f.Add(AppendRecord(nil, &m))
	}
	f.Add(AppendPresence(nil, Presence{"id", "value"}))
	f.Fuzz(func(t *testing.T, record []byte) {
		if m, err := ParseRecord(record); err == nil {
			require.LessOrEqual(t, len(m.Key)+len(m.Data), len(record))
			again, err := ParseRecord(AppendRecord(nil, m))
			require.NoError(t, err)
			require.Equal(t, m, again)
		}
		if p, err := ParsePresence(record); err == nil {
			again, err := ParsePresence(AppendPresence(nil, p))
			require.NoError(t, err)
			require.Equal(t, p, again)
		}
	})
}
