package nats

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// testServer is a NATS server of a test's own, in this process.
type testServer struct {
	t       testing.TB
	options server.Options
	s       *server.Server
}

func newServer(t testing.TB) *testServer {
	t.Helper()
	s := &testServer{t: t, options: server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	}}
	s.start()
	t.Cleanup(s.stop)
	return s
}

// start starts the server, on the port where it was before.
func (s *testServer) start() {
	s.t.Helper()
	o := s.options
	var err error
	s.s, err = server.NewServer(&o)
	require.NoError(s.t, err)
	s.s.Start()
	require.True(s.t, s.s.ReadyForConnections(30*time.Second))
	s.options.Port = s.s.Addr().(*net.TCPAddr).Port
}

func (s *testServer) stop() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}

func (s *testServer) addr() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.options.Port))
}

// streams returns what manages the streams of the server.
func (s *testServer) streams() jetstream.JetStream {
	s.t.Helper()
	nc, err := nats.Connect("nats://" + s.addr())
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	return js
}

// lose has the server lose all streams. That with the epoch is the first, or a process could make the others again with the
// same one before that is gone, too.
func (s *testServer) lose() {
	s.t.Helper()
	js := s.streams()
	all := []string{}
	names := js.StreamNames(context.Background())
	for name := range names.Name() {
		all = append(all, name)
	}
	require.NoError(s.t, names.Err())
	slices.SortFunc(all, func(a, b string) int { return strings.Index(b, "-epoch") - strings.Index(a, "-epoch") })
	for _, name := range all {
		require.NoError(s.t, js.DeleteStream(context.Background(), name))
	}
}
