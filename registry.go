package websocket

import (
	"context"
	"iter"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/seed60239977/websocket/handshake"
)

// Registry keeps track of the connections of a server, so that they can be closed in an orderly way: net/http forgets a
// connection once it is hijacked, and http.Server.Shutdown neither closes it nor waits for it. Set a Registry in AcceptOptions;
// any number of options may share one. The zero value is ready for use. Its methods may be called from any goroutine. It needs
// no goroutine per connection.
//
// To shut down a server, call both:
//
//	server.RegisterOnShutdown(func() { registry.Shutdown(ctx) }) // at the same time as what follows
//	...
//	server.Shutdown(ctx)   // no more requests; waits for those that are answered
//	registry.Shutdown(ctx) // no more connections; waits for those that are open
//
// The first line closes connections while requests are still being answered: those of HTTP/2 last as long as their streams. The
// last line is always needed, because http.Server.Shutdown does not wait for the functions that it calls.
type Registry struct {
	mu      sync.Mutex              // never held while a method of a connection is called
	start   time.Time               // when there was the first connection
	conns   map[*Conn]time.Duration // the open ones, and when they came, counted from start
	serving int                     // goroutines of Handler, and handshakes
	total   uint64
	refused uint64

	down    bool           // Shutdown was called
	idle    chan struct{}  // made by Shutdown, closed when nothing is left
	over    bool           // idle is closed
	closers sync.WaitGroup // goroutines of Shutdown, one for each connection
}

// RegistryStats describes a [Registry] at one moment.
type RegistryStats struct {
	Open    int    // connections that have not ended
	Serving int    // functions of [Handler] that have not returned, and handshakes whose request has arrived
	Total   uint64 // connections that were accepted, open or not
	Refused uint64 // requests and connections that were refused because of Shutdown
}

// Stats returns the numbers of connections at this moment.
func (r *Registry) Stats() RegistryStats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return RegistryStats{Open: len(r.conns), Serving: r.serving, Total: r.total, Refused: r.refused}
}

// Conns returns the connections that are open when the iteration begins, in no particular order. Some may end while it
// goes on.
func (r *Registry) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for _, c := range r.snapshot() {
			if !yield(c) {
				return
			}
		}
	}
}

func (r *Registry) snapshot() []*Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.conns))
}

// RegistryEntry describes a connection of a [Registry] at one moment.
type RegistryEntry struct {
	Conn        *Conn     // the connection, which may have ended meanwhile
	Since       time.Time // when its handshake was done
	RemoteAddr  string    // of the net.Conn: with a proxy in front of the server, that of the proxy
	Subprotocol string    // "" if none was agreed to
	State       State     // open, closing or closed
	Buffered    int64     // bytes that wait to be sent, as Conn.BufferedAmount says
}

// Entries describes the open connections, the oldest first. Each is described at a slightly different moment.
func (r *Registry) Entries() []RegistryEntry {
	r.mu.Lock()
	all := make([]RegistryEntry, 0, len(r.conns))
	for c, since := range r.conns {
		all = append(all, RegistryEntry{Conn: c, Since: r.start.Add(since)})
	}
	r.mu.Unlock()
	slices.SortFunc(all, func(a, b RegistryEntry) int { return a.Since.Compare(b.Since) })
	for i := range all {
		e := &all[i]
		e.Subprotocol, e.State, e.Buffered = e.Conn.Subprotocol(), e.Conn.State(), e.Conn.BufferedAmount()
		if a := e.Conn.RemoteAddr(); a != nil {
			e.RemoteAddr = a.String()
		}
	}
	return all
}

// Shutdown closes all connections with [StatusGoingAway], at the same time, each after what was already accepted for sending on
// it. It returns nil once all have ended, all functions of [Handler] have returned, and no [Accept], [AcceptConn] or [Handler]
// is still answering a request that has arrived.
//
// If ctx ends first, Shutdown cuts the remaining connections, stops waiting, and returns the error of ctx. Give ctx a deadline,
// because some peers may never read what was sent to them. Until then, Shutdown uses one goroutine for each connection.
//
// From the call on, requests are refused with 503 (Service Unavailable). A connection whose handshake is just being completed
// is closed with [StatusGoingAway]. In both cases the error is a [*HandshakeError] that matches [http.ErrServerClosed].
// Shutdown may be called more than once; every call waits.
func (r *Registry) Shutdown(ctx context.Context) error {
	idle := r.beginShutdown(ctx)
	err := waitFor(ctx, idle)
	if err != nil {
		for _, c := range r.snapshot() {
			c.CloseNow()
		}
	}
	r.closers.Wait()
	return err
}

// waitFor waits until ready is closed, or else returns the error of ctx.
func waitFor(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	default:
	}
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beginShutdown sends all connections away, unless that was done before. It returns the channel to wait for.
func (r *Registry) beginShutdown(ctx context.Context) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		return r.idle
	}
	r.down = true
	r.idle = make(chan struct{})
	for c := range r.conns {
		r.closers.Go(func() {
			c.Flush(ctx) // what waits has until the end of ctx, and not only Config.CloseTimeout
			c.Close(StatusGoingAway, "")
		})
	}
	r.settle()
	return r.idle
}

// settle notices that nothing is left. The caller must hold mu.
func (r *Registry) settle() {
	if r.down && !r.over && len(r.conns) == 0 && r.serving == 0 {
		r.over = true
		close(r.idle)
	}
}

// admit returns the refusal if there may be no more connections. r may be nil.
func (r *Registry) admit() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.down {
		return nil
	}
	r.refused++
	return &handshake.Error{Status: http.StatusServiceUnavailable, Reason: shuttingDown, Err: http.ErrServerClosed}
}

// shuttingDown is why a Registry refuses.
const shuttingDown = "the server is shutting down"

// add takes c in until it ends. If Shutdown was called since it was admitted, c is closed, and Shutdown waits for that as
// for the others: the handshake is still counted. r may be nil.
func (r *Registry) add(c *Conn) error {
	if r == nil {
		return nil
	}
	late := r.enter(c)
	c.OnEnd(func() { r.remove(c) })
	if late {
		c.Close(StatusGoingAway, "")
		return failed(shuttingDown, http.ErrServerClosed)
	}
	return nil
}

// enterDriven is add for a connection that an event loop has just made.
func (r *Registry) enterDriven(c *Conn) {
	late := r.enter(c)
	c.OnEnd(func() { r.remove(c) })
	if late {
		c.SendClose(StatusGoingAway, "")
	}
}

// enter takes c in and reports whether it is too late for it to stay.
func (r *Registry) enter(c *Conn) (late bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		r.start, r.conns = time.Now(), map[*Conn]time.Duration{}
	}
	r.conns[c] = time.Since(r.start)
	if r.down {
		r.refused++
	} else {
		r.total++
	}
	return r.down
}

func (r *Registry) remove(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
	r.settle()
}

// begin counts a handshake, or a function of [Handler] and its handshake, unless Shutdown was called: what comes since then
// is refused, and nothing to wait for. It reports whether that was counted; then done must be called. r may be nil.
func (r *Registry) begin() bool {
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.down {
		r.serving++
	}
	return !r.down
}

// done is the end of what begin has counted. r may be nil.
func (r *Registry) done() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.serving--
	r.settle()
}
