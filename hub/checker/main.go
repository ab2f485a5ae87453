// Command checker finds out whether a hub that spans processes keeps its promises when things break.
//
//	go run . -broker redis -time 10m
//
// It starts a broker's server and several processes with a hub each, between them relays that stall, publishers that number
// what they publish, and subscribers that come, go, and resume where they were at another process. All the while it kills
// and stops processes, kills the broker with and without its data, and stalls and cuts the network. In the end every
// message is accounted for:
//
//   - no subscriber has got anything twice, or in another order than any other subscriber;
//   - between two positions, none has missed anything, unless it was told that it could not be recovered, for which there
//     has to be a reason: the loss of the broker's data;
//   - everything that a publisher was told is accepted has arrived, but for what was lost with the data, and nothing
//     that was refused has.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

func main() {
	if role(os.Args[1:]) {
		return
	}
	c := config{}
	flag.StringVar(&c.broker, "broker", "redis", "memory, nats or redis")
	flag.DurationVar(&c.time, "time", time.Minute, "for how long things break")
	flag.IntVar(&c.processes, "processes", 3, "with a hub each; in memory it is one")
	flag.IntVar(&c.publishers, "publishers", 6, "how many publish")
	flag.IntVar(&c.subscribers, "subscribers", 12, "how many subscribe to all topics")
	flag.IntVar(&c.topics, "topics", 4, "how many topics there are")
	flag.Uint64Var(&c.seed, "seed", rand.Uint64(), "of all that is random")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c.log = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	if err := run(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, "checker:", err)
		os.Exit(1)
	}
}

// config is what is checked, and how.
type config struct {
	broker                                     string
	time                                       time.Duration
	processes, publishers, subscribers, topics int
	seed                                       uint64
	log                                        func(format string, args ...any)
}

// topicNames are the topics.
func (c config) topicNames() (names []string) {
	for n := range c.topics {
		names = append(names, fmt.Sprint("topic ", n))
	}
	return names
}
