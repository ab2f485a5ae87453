// Package soak has one test for each of the engines, which goes through what happens to a busy server: many connections, traffic of all kinds, peers
// that vanish, stall or break the rules. Afterwards, memory, goroutines and descriptors must be back where they were.
//
//	go test ./internal/soak -soak 10m -connections 2000 -timeout 40m -v
//
// Without flags it is a short day in memory and in fake time, with fewer clients, and as short a day of an event loop over TCP.
package soak
