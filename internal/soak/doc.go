// Package soak has one test, which lives through what a busy server does: many connections, traffic of all kinds, peers
// that vanish, stall, break the rules. When it is over, memory, goroutines and descriptors are where they were before.
//
//	go test ./internal/soak -soak 10m -connections 2000 -timeout 20m -v
//
// Without flags it is a short day in memory and in fake time, with fewer clients.
package soak
