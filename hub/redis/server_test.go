package redis

import (
	"context"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// server is a Redis server of a test's own.
type server struct {
	t    testing.TB
	addr string
	args []string
	cmd  *exec.Cmd
}

// newServer starts a server that keeps everything in a file. It takes more options.
func newServer(t testing.TB, options ...string) *server {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "redis-server is not installed")
		t.Skip("redis-server is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	s := &server{t: t, addr: addr, args: append([]string{
		bin, "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "",
		"--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning",
	}, options...)}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start returns when the server answers.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.args[0], s.args[1:]...)
	require.NoError(s.t, s.cmd.Start())
	client := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1})
	defer client.Close()
	require.Eventually(s.t, func() bool { return client.Ping(context.Background()).Err() == nil }, 30*time.Second, 10*time.Millisecond)
}

// kill ends the server as a crash does.
func (s *server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// flush has the server lose everything.
func (s *server) flush() {
	client := redis.NewClient(&redis.Options{Addr: s.addr})
	defer client.Close()
	require.NoError(s.t, client.FlushAll(context.Background()).Err())
}
