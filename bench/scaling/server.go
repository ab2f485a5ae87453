package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/redis"
)

const serverRole = "server"

// history is what both keep of each topic.
var history = hub.Retention{Messages: 1000, Age: 10 * time.Minute, Bytes: 100 << 20}

// library is a server of one kind.
type library interface {
	handler() http.Handler
	publish(topic string, data []byte) error
}

// serve serves subscribers at /ws, publishes what /publish asks for, and tells what it has used. args are the library, the address,
// the broker, and the queue and kernel of config.
func serve(args []string) error {
	kind, addr, broker := args[0], args[1], args[2]
	queue, _ := strconv.Atoi(args[3])
	kernel, _ := strconv.Atoi(args[4])
	var l library
	var err error
	if kind == "hub" {
		l, err = newHub(broker, queue)
	} else {
		l, err = newCentrifuge(broker)
	}
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/ws", l.handler())
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		published, err := publish(r, l)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintln(w, published, err)
	})
	mux.HandleFunc("GET /profile", pprof.Profile)
	mux.HandleFunc("GET /used", func(w http.ResponseWriter, r *http.Request) {
		u := used{CPU: cpu(), Resident: resident()}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		u.Memory = m.HeapInuse + m.StackInuse
		json.NewEncoder(w).Encode(u)
	})
	config := net.ListenConfig{Control: bounded(kernel, syscall.SO_SNDBUF)} // which connections inherit
	listener, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(listener)
}

// used is what a process has used so far.
type used struct {
	CPU      time.Duration
	Resident uint64 // memory of the process, before the collection
	Memory   uint64 // bytes in use after it
}

// resident is the resident memory of this process in bytes, or 0 where that is not known.
func resident() (bytes uint64) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// publish publishes to topics by turns: rate messages a second for some time, as many as possible if that is 0, or n messages. It
// returns how many it has published.
func publish(r *http.Request, l library) (int64, error) {
	value := func(name string) int { n, _ := strconv.Atoi(r.FormValue(name)); return n }
	topics, size, rate, n := value("topics"), value("size"), value("rate"), value("n")
	limit, _ := time.ParseDuration(r.FormValue("time"))
	publishers := 1
	if rate == 0 && n == 0 {
		publishers = topics
	}
	began := time.Now()
	var all sync.WaitGroup
	var published atomic.Int64
	errs := make(chan error, publishers)
	for p := range publishers {
		all.Go(func() {
			for i := 0; (n == 0 || i < n) && (limit == 0 || time.Since(began) < limit); i++ {
				if rate > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / time.Duration(rate))))
				}
				if err := l.publish(topicName((p+i)%topics), payload(size)); err != nil {
					errs <- err
					return
				}
				published.Add(1)
			}
		})
	}
	all.Wait()
	close(errs)
	return published.Load(), <-errs
}

func topicName(n int) string { return fmt.Sprint("topic", n) }

// payload is JSON with the time at which it was published.
func payload(size int) []byte {
	data := fmt.Appendf(nil, `{"%s":%d,"x":"`, stamp, time.Now().UnixNano())
	return append(append(data, strings.Repeat("x", max(0, size-len(data)-2))...), `"}`...)
}

// stamp is the field with the time. Nothing else that servers send has it.
const stamp = "published"

type hubServer struct{ h *hub.Hub }

func newHub(broker string, queue int) (library, error) {
	o := &hub.Options{Envelope: hub.JSONEnvelope, QueueMessages: queue, QueueBytes: 16 << 20}
	o.Broker = hub.NewMemory(hub.Keep(history))
	if broker != "memory" {
		b, err := redis.Open("redis://"+broker, &redis.Options{Retention: hub.Keep(history)})
		if err != nil {
			return nil, err
		}
		o.Broker = b
	}
	return &hubServer{hub.New(o)}, nil
}

func (s *hubServer) publish(topic string, data []byte) error {
	return s.h.Publish(context.Background(), topic, websocket.Prepare(websocket.Text, data))
}

func (s *hubServer) handler() http.Handler {
	return websocket.Handler(func(ctx context.Context, c *websocket.Conn) {
		for m, err := range c.Messages(ctx) {
			if err != nil {
				return
			}
			i, err := hub.JSONEnvelope.Parse(m.Type, m.Data)
			if err == nil {
				_, err = s.h.Handle(ctx, c, i)
			}
			if err != nil {
				return
			}
		}
	}, nil)
}

type centrifugeServer struct{ node *centrifuge.Node }

func newCentrifuge(broker string) (library, error) {
	node, err := centrifuge.New(centrifuge.Config{ClientQueueMaxSize: 16 << 20, ClientChannelLimit: 1000})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: "x"}}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
			reply(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: true}}, nil)
		})
	})
	if broker != "memory" {
		shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: broker})
		if err != nil {
			return nil, err
		}
		b, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}, Prefix: "centrifuge"})
		if err != nil {
			return nil, err
		}
		node.SetBroker(b)
	}
	return &centrifugeServer{node}, node.Run()
}

func (s *centrifugeServer) publish(topic string, data []byte) error {
	_, err := s.node.Publish(topic, data, centrifuge.WithHistory(history.Messages, history.Age))
	return err
}

func (s *centrifugeServer) handler() http.Handler {
	return centrifuge.NewWebsocketHandler(s.node, centrifuge.WebsocketConfig{CheckOrigin: func(*http.Request) bool { return true }})
}
