package record

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRead reads what may be no recording. What is one is read the same when it is written again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-02T03:00:00Z","type":"open","url":"ws://a","subprotocol":"p"}` + "\n" +
		`{"time":"2026-01-02T03:00:01Z","type":"text","dir":"in","data":"x"}` + "\n\n" +
		`{"time":"2026-01-02T03:00:02Z","type":"binary","dir":"out","base64":"/w=="}`))
	f.Add([]byte(`{"type":"ping","dir":"in"}` + "\n" + `{"type":"close","code":1000,"reason":"r"}`))
	f.Add([]byte(`{"type":"open","base64":"00"}`)) // what has no payload may have anything there
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		out := json.NewEncoder(&again)
		for _, e := range all {
			if out.Encode(e) != nil {
				return // a time that JSON has no form for
			}
		}
		same, err := Read(&again)
		require.NoError(t, err)
		require.Len(t, same, len(all))
		for i := range all {
			require.True(t, all[i].Time.Equal(same[i].Time))
			require.Equal(t, all[i].Type, same[i].Type)
			if all[i].Type == "open" || all[i].Type == "close" {
				continue
			}
			typ, data, err := all[i].Payload()
			require.NoError(t, err)
			typ2, data2, err := same[i].Payload()
			require.NoError(t, err)
			require.Equal(t, typ, typ2)
			require.Equal(t, data, data2)
		}
	})
}
