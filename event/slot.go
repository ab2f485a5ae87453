package event

import "net/netip"

// slot is where the poller's tokens lead: a number that may be used again, and how often it was. Where accept has told the peer, and
// that has an IPv4 address, a slot knows it, in memory that would be padding.
type slot struct {
	socket *Socket
	turn   uint16
	port   uint16 // 0: not known
	ip     [4]byte
}

// setPeer notes the address of the peer, or that it is not known.
func (s *slot) setPeer(a netip.AddrPort) {
	s.port = 0
	if a.Addr().Is4() {
		s.ip, s.port = a.Addr().As4(), a.Port()
	}
}

// peer returns the address of the peer, or the zero value if it is not known.
func (s *slot) peer() (a netip.AddrPort) {
	if s.port != 0 {
		a = netip.AddrPortFrom(netip.AddrFrom4(s.ip), s.port)
	}
	return a
}

// slots are a page of the table. It does not move as the table grows, and no memory is left over.
type slots [slotsPerPage]slot

const slotsPerPage = 256

// freeSlot returns a slot that nobody has. The caller holds mu.
func (h *shard) freeSlot() uint32 {
	if n := len(h.free); n > 0 {
		free := h.free[n-1]
		h.free = h.free[:n-1]
		return free
	}
	if h.unused == 0 {
		h.slots, h.unused = append(h.slots, new(slots)), slotsPerPage
	}
	n := len(h.slots)*slotsPerPage - h.unused
	h.unused--
	return uint32(n)
}

// at returns a slot. The caller holds mu.
func (h *shard) at(n uint32) *slot { return &h.slots[n/slotsPerPage][n%slotsPerPage] }

// remove takes the slot of s back: whatever the poller still says of it is about nobody.
func (h *shard) remove(s *Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiters, s)
	at := h.at(s.slot)
	at.socket = nil
	at.turn++
	h.free = append(h.free, s.slot)
}

// peer returns who is at the other end of s, which has a slot, or the zero value if that is not known.
func (h *shard) peer(s *Socket) (a netip.AddrPort) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.at(s.slot); at.socket == s {
		a = at.peer()
	}
	return a
}

// token is what the poller calls s, which has a slot.
func (h *shard) token(s *Socket) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at(s.slot).token(s.slot)
}

// token is what the poller calls whoever has the slot of that number.
func (s *slot) token(number uint32) uint64 { return uint64(s.turn)<<32 | uint64(number) }

// lookUp returns the socket that a token stands for, or nil if it is gone.
func (h *shard) lookUp(token uint64) *Socket {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.at(uint32(token)); at.turn == uint16(token>>32) {
		return at.socket
	}
	return nil
}

// sockets returns all sockets.
func (h *shard) sockets() (all []*Socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, page := range h.slots {
		for i := range page {
			if s := page[i].socket; s != nil {
				all = append(all, s)
			}
		}
	}
	return all
}
