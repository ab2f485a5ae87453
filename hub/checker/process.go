package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/hub"
	"github.com/seed60239977/websocket/hub/nats"
	"github.com/seed60239977/websocket/hub/redis"
)

// What the first argument says this process is, if it is not the checker itself.
const (
	roleHub  = "hub-process"
	roleNATS = "nats-process"
)

// role does what the arguments of a process say that the checker has started, and otherwise returns false.
func role(args []string) bool {
	if len(args) == 0 {
		return false
	}
	var err error
	switch args[0] {
	case roleHub:
		err = hubProcess(args[1], args[2])
	case roleNATS:
		err = natsProcess(args[1], args[2])
	default:
		return false
	}
	fmt.Fprintln(os.Stderr, args[0]+":", err)
	os.Exit(1)
	return true
}

// Statuses of publishing over HTTP.
const (
	statusRefused = http.StatusConflict
	statusUnknown = http.StatusBadGateway
)

// retention is larger than anything that is missed while things break.
var retention = hub.Retention{Messages: 100_000, Age: time.Hour, Bytes: 100 << 20}

// openBroker opens the broker of a process.
func openBroker(url string) (hub.Broker, error) {
	keep := hub.Keep(retention)
	switch {
	case url == "memory":
		return hub.NewMemory(keep), nil
	case url[:5] == "redis":
		return redis.Open(url, &redis.Options{Prefix: "check", Retention: keep, PresenceTTL: 5 * time.Second})
	}
	return nats.Open(url, &nats.Options{Prefix: "check", Retention: keep, MaxMessages: retention.Messages, PresenceTTL: 5 * time.Second})
}

// hubProcess serves subscribers at /ws and takes what is published at /publish.
func hubProcess(addr, url string) error {
	broker, err := openBroker(url)
	if err != nil {
		return err
	}
	h := hub.New(&hub.Options{Broker: broker, Envelope: hub.BinaryEnvelope, QueueMessages: 4096, QueueBytes: 4 << 20, Linger: time.Second})
	mux := http.NewServeMux()
	mux.Handle("/ws", websocket.Handler(func(ctx context.Context, c *websocket.Conn) { subscriberOf(ctx, h, c) }, nil))
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			err = h.Publish(ctx, r.URL.Query().Get("topic"), websocket.Prepare(websocket.Text, data))
		}
		switch {
		case errors.Is(err, hub.ErrRefused):
			http.Error(w, err.Error(), statusRefused)
		case err != nil:
			http.Error(w, err.Error(), statusUnknown)
		}
	})
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(listener)
}

// subscriberOf does what a subscriber asks for. If the broker does not answer, it has to come back.
func subscriberOf(ctx context.Context, h *hub.Hub, c *websocket.Conn) {
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return
		}
		i, err := hub.BinaryEnvelope.Parse(m.Type, m.Data)
		if err == nil {
			limit, cancel := context.WithTimeout(ctx, 5*time.Second)
			_, err = h.Handle(limit, c, i)
			cancel()
		}
		if err == nil {
			err = h.Enter(ctx, c, i.Topic, hub.Presence{ID: fmt.Sprintf("%p", c)})
		}
		if err != nil {
			c.Close(websocket.StatusTryAgainLater, "")
			return
		}
	}
}

// natsProcess is a NATS server that can be killed.
func natsProcess(port, dir string) error {
	o := server.Options{Host: "127.0.0.1", JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true}
	if _, err := fmt.Sscan(port, &o.Port); err != nil {
		return err
	}
	s, err := server.NewServer(&o)
	if err != nil {
		return err
	}
	s.Start()
	s.WaitForShutdown()
	return errors.New("it has ended")
}
