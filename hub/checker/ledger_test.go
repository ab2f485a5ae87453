package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/hub"
)

func at(epoch, offset uint64) hub.Position { return hub.Position{Epoch: epoch, Offset: offset} }

func said(id string, p hub.Position) hub.Item {
	return hub.Item{Kind: hub.KindMessage, Type: conn.Text, Data: []byte(id), Position: p}
}

func answered(p hub.Position, recovered bool) hub.Item {
	return hub.Item{Kind: hub.KindSubscribed, Position: p, Recovered: recovered}
}

// checkLedger accounts for what two subscribers, who begin at 1:0, and a publisher have noted.
func checkLedger(note func(l *ledger, a, b *account)) error {
	l := newLedger()
	a, b := l.account("a", "x"), l.account("b", "x")
	for _, s := range []*account{a, b} {
		s.ask()
		s.answer(answered(at(1, 0), false))
	}
	for _, id := range []string{"m1", "m2", "m3"} {
		l.publish(id, accepted)
	}
	note(l, a, b)
	l.verify([]*account{a, b})
	return l.err()
}

func TestALedgerWithoutFaultsHasNoProblem(t *testing.T) {
	for name, note := range map[string]func(l *ledger, a, b *account){
		"all get everything": func(_ *ledger, a, b *account) {
			for n, id := range []string{"m1", "m2", "m3"} {
				a.message(said(id, at(1, uint64(n+1))))
				b.message(said(id, at(1, uint64(n+1))))
			}
		},
		"one resumes": func(_ *ledger, a, b *account) {
			for n, id := range []string{"m1", "m2", "m3"} {
				a.message(said(id, at(1, uint64(n+1))))
			}
			b.message(said("m1", at(1, 1)))
			b.ask()
			b.message(said("m2", at(1, 2)))
			b.message(said("m3", at(1, 3)))
			b.answer(answered(at(1, 3), true))
		},
		"one is cut off while it resumes": func(_ *ledger, a, b *account) {
			for n, id := range []string{"m1", "m2", "m3"} {
				a.message(said(id, at(1, uint64(n+1))))
			}
			b.message(said("m1", at(1, 1)))
			b.ask()
			b.message(said("m2", at(1, 2)))
			b.ask()
			b.message(said("m2", at(1, 2)))
			b.message(said("m3", at(1, 3)))
			b.answer(answered(at(1, 3), true))
		},
		"data are lost": func(l *ledger, a, b *account) {
			a.message(said("m1", at(1, 1)))
			l.lose()
			l.publish("m4", accepted)
			for _, s := range []*account{a, b} {
				s.ask()
				s.message(said("m4", at(2, 1)))
				s.answer(answered(at(2, 1), false))
			}
		},
		"what is unknown arrives, or does not": func(l *ledger, a, b *account) {
			l.publish("u1", unknown)
			l.publish("u2", unknown)
			l.publish("r", refused)
			for n, id := range []string{"m1", "u2", "m2", "m3"} {
				a.message(said(id, at(1, uint64(n+1))))
				b.message(said(id, at(1, uint64(n+1))))
			}
		},
	} {
		t.Run(name, func(t *testing.T) { require.NoError(t, checkLedger(note)) })
	}
}

func TestALedgerNoticesBrokenPromises(t *testing.T) {
	both := func(a, b *account, ids ...string) {
		for n, id := range ids {
			a.message(said(id, at(1, uint64(n+1))))
			b.message(said(id, at(1, uint64(n+1))))
		}
	}
	for problem, note := range map[string]func(l *ledger, a, b *account){
		"came twice": func(_ *ledger, a, b *account) {
			both(a, b, "m1", "m2", "m3")
			a.message(said("m3", at(1, 3)))
		},
		"and others have": func(_ *ledger, a, b *account) {
			both(a, b, "m1", "m2")
			a.message(said("m3", at(1, 3)))
			b.message(said("m4", at(1, 3)))
		},
		"comes after": func(_ *ledger, a, b *account) {
			a.message(said("m2", at(1, 2)))
			a.message(said("m1", at(1, 1)))
			both(b, b, "m3")
		},
		"is at": func(_ *ledger, a, b *account) {
			both(a, b, "m1", "m2", "m3")
			a.message(said("m1", at(1, 4)))
		},
		"b: missed": func(_ *ledger, a, b *account) {
			for n, id := range []string{"m1", "m2", "m3"} {
				a.message(said(id, at(1, uint64(n+1))))
			}
			b.message(said("m1", at(1, 1)))
			b.message(said("m3", at(1, 3)))
		},
		`b: missed "m3"`: func(_ *ledger, a, b *account) {
			for n, id := range []string{"m1", "m2", "m3"} {
				a.message(said(id, at(1, uint64(n+1))))
			}
			b.message(said("m1", at(1, 1)))
			b.message(said("m2", at(1, 2)))
			b.ask()
			b.answer(answered(at(1, 3), true))
		},
		"recovered in x up to": func(_ *ledger, a, b *account) {
			both(a, b, "m1", "m2", "m3")
			b.ask()
			b.answer(answered(at(1, 2), true))
		},
		"though the log is the same": func(_ *ledger, a, b *account) {
			both(a, b, "m1", "m2", "m3")
			b.ask()
			b.answer(answered(at(1, 3), false))
		},
		"without being told": func(l *ledger, a, b *account) {
			l.lose()
			a.message(said("m1", at(2, 1)))
		},
		"and nothing was lost": func(_ *ledger, a, b *account) {
			both(a, b, "m1", "m2", "m3")
			b.ask()
			b.answer(answered(at(2, 0), false))
		},
		"was refused": func(l *ledger, a, b *account) {
			l.publish("r", refused)
			both(a, b, "m1", "r", "m2", "m3")
		},
		`"m3" was accepted`: func(_ *ledger, a, b *account) { both(a, b, "m1", "m2") },
		`"m4" was accepted`: func(l *ledger, a, b *account) {
			l.lose()
			l.publish("m4", accepted)
		},
		"nobody has published": func(_ *ledger, a, b *account) { both(a, b, "m1", "m2", "m3", "ghost") },
		"has no position":      func(_ *ledger, a, b *account) { both(a, b, "m1", "m2", "m3"); a.message(said("m1", hub.Position{})) },
	} {
		t.Run(problem, func(t *testing.T) { require.ErrorContains(t, checkLedger(note), problem) })
	}
}
