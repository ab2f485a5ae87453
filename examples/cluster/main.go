// Command cluster is the chat of examples/chat on several processes behind one address.
//
//	go run .
//	go run . -broker redis://localhost:6379
//
// It starts a NATS server in this process, unless it is given a broker, and three chat processes, and spreads connections
// over them. Kill any of them: it starts again, and its guests come back on another one, miss nothing, and say nothing
// twice. A single process of the chat, for a cluster of your own, is
//
//	go run . chat -addr localhost:9010 -broker nats://localhost:4222
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seed60239977/websocket/examples/internal/chat"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/nats"
	"github.com/seed60239977/websocket/hub/redis"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "chat" {
		os.Args = append(os.Args[:1], os.Args[2:]...)
		if os.Getenv(asWorker) != "" {
			go endWithParent(os.Stdin)
		}
		chat.Program("cluster chat", dial).Main()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// endWithParent ends a worker in good order when the process that has started it is gone, and with it the other end of
// stdin.
func endWithParent(stdin io.Reader) {
	_, _ = io.Copy(io.Discard, stdin)
	self, err := os.FindProcess(os.Getpid())
	if err != nil || self.Signal(syscall.SIGTERM) != nil {
		os.Exit(1)
	}
}

// dial opens the broker of a URL.
func dial(url string) (hub.Broker, error) {
	scheme, _, _ := strings.Cut(url, "://")
	switch scheme {
	case "nats", "tls":
		return nats.Open(url, &nats.Options{Prefix: "chat", Retention: chat.Retention, MaxAge: 24 * time.Hour, PresenceTTL: presenceTTL})
	case "redis", "rediss":
		return redis.Open(url, &redis.Options{Prefix: "chat", Retention: chat.Retention, PresenceTTL: presenceTTL})
	}
	return nil, fmt.Errorf("%q is neither memory nor the URL of a NATS or Redis server", url)
}

// presenceTTL is after what time the guests of a process that was killed are gone.
const presenceTTL = 10 * time.Second

// run runs the cluster until ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:9020", "`host:port` to listen on; port 0 takes a free one")
	broker := flags.String("broker", "", "`URL` of a NATS or Redis server; without one, a NATS server is started here")
	processes := flags.Int("processes", 3, "how many chat processes there are")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *broker == "" {
		url, stop, err := startNATS()
		if err != nil {
			return err
		}
		defer stop()
		*broker = url
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	c := &cluster{listener: listener, stdout: stdout}
	for n := range *processes {
		c.workers = append(c.workers, &worker{n: n, broker: *broker, stdout: stdout})
	}
	return c.run(ctx)
}

// startNATS starts a server in this process, whose history lasts as long as that.
func startNATS() (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return "", nil, err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true})
	if err != nil {
		return "", nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return "", nil, fmt.Errorf("the NATS server does not start")
	}
	return s.ClientURL(), func() {
		s.Shutdown()
		s.WaitForShutdown()
		os.RemoveAll(dir)
	}, nil
}
