package http2

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
)

func TestWhatIsNoOffer(t *testing.T) {
	for name, server := range map[string]func(net.Conn){
		"closes at once":              func(nc net.Conn) {},
		"closes after the preface":    func(nc net.Conn) { io.ReadFull(nc, make([]byte, len(http2.ClientPreface))) },
		"speaks HTTP/1.1":             answers(func(nc net.Conn) { io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\n\r\n") }),
		"says something else first":   answers(func(nc net.Conn) { http2.NewFramer(nc, nil).WritePing(false, [8]byte{}) }),
		"has settings without it":     answers(settings()),
		"says that it does not offer": answers(settings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 0})),
	} {
		require.False(t, hears(server), name)
	}
	require.True(t, hears(answers(settings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1}))))
}

// hears asks a server that does as told, and waits for both.
func hears(server func(net.Conn)) bool {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		server(far)
	}()
	defer func() { <-done }()
	return offers(near)
}

// answers reads the client's preface and its SETTINGS, which are empty, and then answers.
func answers(answer func(net.Conn)) func(net.Conn) {
	return func(nc net.Conn) {
		io.ReadFull(nc, make([]byte, len(http2.ClientPreface)+9))
		answer(nc)
	}
}

func settings(s ...http2.Setting) func(net.Conn) {
	return func(nc net.Conn) { http2.NewFramer(nc, nil).WriteSettings(s...) }
}
