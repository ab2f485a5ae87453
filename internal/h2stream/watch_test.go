package h2stream

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/seed60239977/websocket/internal/pipe"
)

// settings is a SETTINGS frame.
func settings(list ...http2.Setting) []byte {
	var b bytes.Buffer
	if err := http2.NewFramer(&b, nil).WriteSettings(list...); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func connectProtocol(value uint32) http2.Setting {
	return http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: value}
}

func TestTheServersSettingsSayWhetherItTakesAnExtendedCONNECT(t *testing.T) {
	window := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20}
	var ping bytes.Buffer
	require.NoError(t, http2.NewFramer(&ping, nil).WritePing(false, [8]byte{}))
	for name, c := range map[string]struct {
		bytes          []byte
		valid, connect bool
	}{
		"nothing":     {settings(), true, false},
		"others":      {settings(window), true, false},
		"0":           {settings(window, connectProtocol(0)), true, false},
		"1":           {settings(window, connectProtocol(1)), true, true},
		"1 at last":   {settings(connectProtocol(0), connectProtocol(1), window), true, true},
		"no longer":   {settings(connectProtocol(1), connectProtocol(0)), true, false},
		"no SETTINGS": {ping.Bytes(), false, false},
		"HTTP/1.1":    {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := pipe.New(0)
			w := Watch(near)
			all := append(c.bytes, "and more"...)
			_, err := far.Write(all)
			require.NoError(t, err)
			require.NoError(t, far.Close())
			var got []byte
			for b := make([]byte, 1); err == nil; {
				var n int
				n, err = w.Read(b)
				got = append(got, b[:n]...)
			}
			require.ErrorIs(t, err, io.EOF)
			require.Equal(t, string(all), string(got), "it is only looked at")
			<-w.Seen()
			require.Equal(t, Settings{Valid: c.valid, Connect: c.connect}, w.Settings())
		})
	}
}

func TestAServerThatSaysNothingOffersNothing(t *testing.T) {
	near, far := pipe.New(0)
	w := Watch(near)
	require.NoError(t, far.Close())
	_, err := w.Read(make([]byte, 1))
	require.Error(t, err)
	<-w.Seen()
	require.Zero(t, w.Settings())
}
