// Command scaling measures the hub beside centrifuge, on the same broker and in one run: CPU time of servers and clients for
// each delivery, latency, and recovery.
//
//	go run . -broker redis
//	go run . -broker memory
//	go run . -broker memory -libraries hub -loads flat -profiles DIRECTORY
//
// It starts redis-server, the server processes, and one process with all clients. Both libraries speak JSON, keep the same
// history, and get the same payloads. CPU time is that of the servers and of the clients, without Redis.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == serverRole {
		fmt.Fprintln(os.Stderr, serve(os.Args[2:]))
		os.Exit(1)
	}
	c := config{}
	flag.StringVar(&c.broker, "broker", "redis", "redis or memory; in memory there is one process")
	flag.IntVar(&c.processes, "processes", 3, "servers")
	flag.IntVar(&c.conns, "conns", 1000, "connections to each server")
	flag.IntVar(&c.topics, "topics", 10, "each connection is subscribed to one of them")
	flag.IntVar(&c.size, "size", 512, "bytes of a message")
	flag.IntVar(&c.rate, "rate", 167, "messages a second, all topics together")
	flag.DurationVar(&c.time, "time", 5*time.Second, "of each load")
	flag.IntVar(&c.rounds, "rounds", 3, "how often the libraries take turns")
	flag.IntVar(&c.missed, "missed", 100, "messages that each client recovers")
	flag.IntVar(&c.recovering, "recovering", 1000, "clients that recover at once")
	flag.StringVar(&c.libraries, "libraries", "hub,centrifuge", "which of them")
	flag.StringVar(&c.loads, "loads", "paced,flat,recovery", "what is measured: at -rate, as fast as they can, clients that recover")
	flag.IntVar(&c.queue, "queue", 16384, "messages that may wait for a connection of the hub; those that find it full are missing")
	flag.IntVar(&c.kernel, "kernel", 0, "bytes of the buffers of each socket, at both ends; 0 leaves that to the system")
	flag.StringVar(&c.profiles, "profiles", "", "a directory for profiles of the servers' CPU, as fast as they can")
	flag.Parse()
	if err := run(c); err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

type config struct {
	broker                               string
	processes, conns, topics, size, rate int
	time                                 time.Duration
	rounds, missed, recovering           int
	queue, kernel                        int
	libraries, loads, profiles           string
}
