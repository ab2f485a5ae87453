package hub

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// oracle is a broker whose history takes as long as the test says.
type oracle struct {
	Broker
	asked   chan Query
	answers chan error
}

func newOracle() *oracle {
	return &oracle{asked: make(chan Query, 100), answers: make(chan error)}
}

func (o *oracle) History(ctx context.Context, _ string, q Query) (Page, error) {
	o.asked <- q
	select {
	case err := <-o.answers:
		return Page{Missed: uint64(q.Last), Complete: err == nil}, err
	case <-ctx.Done():
		return Page{}, ctx.Err()
	}
}

// asking is calls that are under way.
type asking struct {
	questions
	o    *oracle
	work sync.WaitGroup

	lock    sync.Mutex
	answers []Page
	errs    []error
}

func (a *asking) start(ctx context.Context, q Query) {
	a.work.Go(func() {
		page, err := a.ask(ctx, a.o, "x", q)
		a.lock.Lock()
		defer a.lock.Unlock()
		a.answers = append(a.answers, page)
		a.errs = append(a.errs, err)
	})
	synctest.Wait()
}

func TestThoseWhoAskTheSameAtTheSameTimeShareAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := asking{o: newOracle()}
		for range 10 {
			a.start(t.Context(), Query{Last: 1})
		}
		a.start(t.Context(), Query{Last: 2})
		require.Len(t, a.o.asked, 2, "one of either kind")
		a.o.answers <- nil
		a.o.answers <- nil
		synctest.Wait()
		require.Len(t, a.o.asked, 3, "who came while the first was under way needs what was published since")
		require.Len(t, a.answers, 2)
		a.start(t.Context(), Query{Last: 1})
		a.o.answers <- nil
		synctest.Wait()
		require.Len(t, a.answers, 11)
		require.Len(t, a.o.asked, 4)
		a.o.answers <- nil
		a.work.Wait()
		for n, page := range a.answers {
			require.NoError(t, a.errs[n])
			require.True(t, page.Complete)
		}
		require.Empty(t, a.last)
	})
}

func TestAFailureIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := asking{o: newOracle()}
		first, cancelFirst := context.WithCancel(t.Context())
		second, cancelSecond := context.WithCancel(t.Context())
		impatient, cancelImpatient := context.WithCancel(t.Context())
		a.start(first, Query{Last: 1})
		a.start(second, Query{Last: 1})
		a.start(t.Context(), Query{Last: 1})
		a.start(impatient, Query{Last: 1})
		cancelImpatient()
		synctest.Wait()
		require.Equal(t, []error{context.Canceled}, a.errs, "nobody waits for longer than it wants")
		cancelSecond() // which was to ask for the third, too
		synctest.Wait()
		require.Len(t, a.errs, 2)
		require.Len(t, a.o.asked, 3, "the third asks itself")
		cancelFirst()
		a.o.answers <- nil
		a.work.Wait()
		require.Equal(t, []error{context.Canceled, context.Canceled}, a.errs[:2])
		require.ElementsMatch(t, []error{context.Canceled, nil}, a.errs[2:])

		a.errs = nil
		broken := errors.New("broken")
		a.start(t.Context(), Query{Last: 1})
		a.o.answers <- broken
		a.work.Wait()
		require.Equal(t, []error{broken}, a.errs)
		require.Empty(t, a.last)
	})
}
