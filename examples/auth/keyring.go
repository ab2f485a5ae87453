package main

import (
	"context"
	"crypto/rand"
	"sync"
	"time"
)

// kind is what a key is good for.
type kind uint8

const (
	session kind = iota
	ticket       // for one WebSocket, at once
	token        // for any number of them
)

// lifetime is how long a key of each kind is good.
var lifetime = [...]time.Duration{session: 24 * time.Hour, ticket: 30 * time.Second, token: time.Hour}

// login is what a key stands for.
type login struct {
	name  string
	ended context.Context // ends with the session
}

// keyring knows who has been given which key. Its methods may be called from any goroutine.
type keyring struct {
	now func() time.Time

	mu   sync.Mutex // guards all below
	keys map[string]*key
}

type key struct {
	login
	kind    kind
	expires time.Time
	end     context.CancelFunc // of a session
}

func newKeyring(now func() time.Time) *keyring { return &keyring{now: now, keys: map[string]*key{}} }

// begin returns the key of a new session.
func (k *keyring) begin(name string) string {
	ended, end := context.WithCancel(context.Background())
	return k.add(&key{login: login{name, ended}, kind: session, end: end})
}

// issue returns a key that ends with the session of l at the latest.
func (k *keyring) issue(kind kind, l login) string { return k.add(&key{login: l, kind: kind}) }

func (k *keyring) add(new *key) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, old := range k.keys { // few, in an example
		if !old.good(k.now()) {
			k.drop(id, old)
		}
	}
	new.expires = k.now().Add(lifetime[new.kind])
	id := rand.Text()
	k.keys[id] = new
	return id
}

// good reports whether a key is worth something.
func (key *key) good(now time.Time) bool { return now.Before(key.expires) && key.ended.Err() == nil }

// drop forgets a key, and with that of a session all that hangs on it.
func (k *keyring) drop(id string, key *key) {
	delete(k.keys, id)
	if key.end != nil {
		key.end()
	}
}

// lookUp returns what a key stands for. A ticket is used up.
func (k *keyring) lookUp(kind kind, id string) (l login, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[id]
	if key == nil || key.kind != kind || !key.good(k.now()) {
		return login{}, false
	}
	if kind == ticket {
		k.drop(id, key)
	}
	return key.login, true
}

// revoke ends a session.
func (k *keyring) revoke(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.keys[id]; key != nil && key.kind == session {
		k.drop(id, key)
	}
}
