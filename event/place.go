package event

import (
	"net"
	"net/netip"
)

// place is where a socket is, and what it is. It never changes, and sockets that are at work with the same Events share one.
type place struct {
	shard *shard
	phase phase    // what there is to do with what comes; nil for a socket that has no slot yet
	other *stream  // instead of Socket.fd, for listeners and in tests; or nil
	ended *ends    // nil until the connection is closed, or about to be
	local net.Addr // of this end, if it is known without asking
}

// ends are the addresses of a connection that is closed, or about to be.
type ends struct {
	local, remote net.Addr
	peer          netip.AddrPort // instead of remote, if it is not the zero value
}

// shard is the part of the loop that s belongs to.
func (s *Socket) shard() *shard { return s.at.Load().shard }

// phase is what s is. Only who runs s may ask.
func (s *Socket) phase() phase { return s.at.Load().phase }

// setPhase makes s what p is. Only who runs s may do so.
func (s *Socket) setPhase(p phase) {
	for {
		was := s.at.Load()
		var is *place
		if w, ok := p.(*working); ok && was.other == nil && was.ended == nil {
			is = was.shard.placeOf(w, was.local)
		} else {
			is = &place{was.shard, p, was.other, was.ended, was.local}
		}
		if s.at.CompareAndSwap(was, is) {
			return
		}
	}
}

// setFirstPhase is setPhase for a socket that nobody else knows of yet. local is the address of its end, or nil if that is not
// known. The place is made in is.
func (s *Socket) setFirstPhase(p phase, local net.Addr, is *place) {
	*is = *s.at.Load()
	is.phase, is.local = p, local
	s.at.Store(is)
}

// keepEnds remembers the addresses of a connection that is about to be closed.
func (s *Socket) keepEnds() {
	var kept struct { // in one piece of memory
		place
		ends
	}
	kept.ends.local = s.LocalAddr()
	if kept.peer = s.accepted(); !kept.peer.IsValid() {
		kept.remote = s.RemoteAddr()
	}
	for was := s.at.Load(); was.ended == nil; was = s.at.Load() {
		kept.place = *was
		kept.ended = &kept.ends
		s.at.CompareAndSwap(was, &kept.place)
	}
}

// stream is the network connection.
func (s *Socket) stream() stream {
	if other := s.at.Load().other; other != nil {
		return *other
	}
	return &s.fd
}

// accepted returns the address of the peer as the loop has noted it, or the zero value if it has not.
func (s *Socket) accepted() (peer netip.AddrPort) {
	at := s.at.Load()
	if at.ended != nil {
		return at.ended.peer
	}
	switch p := at.phase.(type) {
	case nil:
		return peer
	case *guest:
		return p.peer
	}
	return at.shard.peer(s)
}
