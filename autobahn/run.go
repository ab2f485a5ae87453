package autobahn

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
)

// Options say how to test a server. The zero value runs all 517 cases.
type Options struct {
	// Agent names the server in reports; empty takes its URL.
	Agent string
	// Cases are patterns of case IDs to run: "*" for the 517, "14.*" for the
	// strict group apart, "6.4.*", "9", "1.1.1". Empty is "*".
	Cases []string
	// Exclude are patterns of cases to leave out.
	Exclude []string
	// Parallel is how many cases run at a time; 0 is 8. Those that keep a
	// processor busy (groups 9, 12 and 13) run after the others, no more at a
	// time than there are processors.
	Parallel int
	// Progress, when set, is called with every result, one at a time and in the
	// order in which the cases were started.
	Progress func(done, total int, r *Result)
	// Dial opens TCP; nil is a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for wss URLs; nil is the default of crypto/tls.
	TLS *tls.Config
	// HTTP2 has every case run on a stream of HTTP/2 (RFC 8441) instead of HTTP/1.1: with
	// wss by ALPN, with ws without asking (RFC 9113 §3.3). Cases about the upgrade of
	// HTTP/1.1, all of them in group 14, are left out.
	HTTP2 bool
}

const defaultParallel = 8

// TestServer plays the cases as a client of the server at url (ws or wss), which
// must echo every message. It returns the results in the order of the cases; a
// case that fails is a result, not an error. The error is that of a URL or
// pattern that is none, of a server that cannot be reached at all (a
// *DialError), or of ctx, with the results so far.
func TestServer(ctx context.Context, url string, o *Options) (*Report, error) {
	if o == nil {
		o = &Options{}
	}
	t, err := newTarget(url, o)
	if err != nil {
		return nil, err
	}
	selected, err := Select(o.Cases, o.Exclude)
	if err != nil {
		return nil, err
	}
	selected = forSide(selected, ClientsOnly)
	if o.HTTP2 {
		selected = slices.DeleteFunc(selected, func(c Case) bool { return c.Opening != nil })
	}
	agent := o.Agent
	if agent == "" {
		agent = url
	}
	started := time.Now()
	results := runAll(ctx, t, selected)
	r := newReport(agent, results)
	r.Took = time.Since(started)
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	return r, unreachable(results)
}

// newReport sorts group 14 apart.
func newReport(agent string, results []Result) *Report {
	r := &Report{Agent: agent}
	for _, one := range results {
		if one.Case.Section != "" {
			r.Strict = append(r.Strict, one)
		} else {
			r.Results = append(r.Results, one)
		}
	}
	return r
}

// unreachable returns the error of a server that no case could reach.
func unreachable(results []Result) error {
	for i := range results {
		if results[i].dialError == nil {
			return nil
		}
	}
	if len(results) == 0 {
		return errors.New("no case is selected")
	}
	return results[0].dialError
}

// runAll runs the cases, the quick ones first, and returns the results in the
// order of the cases.
func runAll(ctx context.Context, t *target, cases []Case) []Result {
	parallel := t.options.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	var quick, heavy []int
	for i, c := range cases {
		if c.heavy() {
			heavy = append(heavy, i)
		} else {
			quick = append(quick, i)
		}
	}
	likeByLike(heavy, cases)
	results := make([]Result, len(cases))
	p := inOrder{order: slices.Concat(quick, heavy), results: results, show: t.options.Progress}
	one := func(i int) { p.done(i, t.run(ctx, &cases[i])) }
	// The first case alone, so that a server that is not there is told at once.
	first := p.order[:min(1, len(p.order))]
	if len(first) > 0 && ctx.Err() == nil {
		r := t.run(ctx, &cases[first[0]])
		if r.dialError != nil {
			return []Result{r} // told by the error alone
		}
		p.done(first[0], r)
	}
	inParallel(ctx, quick[min(1, len(quick)):], parallel, one)
	if len(quick) == 0 {
		heavy = heavy[len(first):]
	}
	// One more than there are processors: each waits for the other end at times.
	inParallel(ctx, heavy, min(parallel, runtime.GOMAXPROCS(0)+1), one)
	return slices.DeleteFunc(results, func(r Result) bool { return r.Case.ID == "" })
}

// likeByLike moves the cases of a group that send the same messages next to each
// other, so that these are compressed once.
func likeByLike(numbers []int, cases []Case) {
	slices.SortStableFunc(numbers, func(i, j int) int {
		a, b := &cases[i], &cases[j]
		if a.Echo == nil || a.Echo.Data == "" || a.Group() != b.Group() {
			return cmp.Compare(i, j)
		}
		return cmp.Compare(a.Echo.Len, b.Echo.Len)
	})
}

// inOrder takes results as they come and shows them in order.
type inOrder struct {
	order   []int
	results []Result // by case; those without an ID are still to come
	show    func(done, total int, r *Result)

	mu   sync.Mutex
	next int // place in order of the first that was not shown
}

func (p *inOrder) done(i int, r Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results[i] = r
	for p.next < len(p.order) && p.results[p.order[p.next]].Case.ID != "" {
		p.next++
		if p.show != nil {
			p.show(p.next, len(p.order), &p.results[p.order[p.next-1]])
		}
	}
}

// inParallel calls f for each of the numbers, on n goroutines, until ctx ends.
func inParallel(ctx context.Context, numbers []int, n int, f func(int)) {
	queue := make(chan int)
	var group sync.WaitGroup
	for range min(n, len(numbers)) {
		group.Go(func() {
			for i := range queue {
				f(i)
			}
		})
	}
	for _, i := range numbers {
		if ctx.Err() != nil {
			break
		}
		queue <- i
	}
	close(queue)
	group.Wait()
}

// run plays one case on a connection of its own.
func (t *target) run(ctx context.Context, c *Case) Result {
	started := time.Now()
	dialing, cancel := context.WithTimeout(ctx, handshakeTimeout)
	nc, err := t.dial(dialing)
	cancel()
	if err != nil {
		r := unopened(c, nil, started, err)
		errors.As(err, &r.dialError)
		return r
	}
	nc, o, err := t.open(nc, c)
	refusing := c.Opening != nil && c.Opening.Refused && o.answered()
	if err != nil || refusing {
		_ = nc.Close()
		if refusing {
			return judgeRefusal(c, o, started)
		}
		return unopened(c, o, started, err)
	}
	s := newSession(c, false, nc, o, &t.streams)
	s.run(ctx)
	return s.result(o, started)
}

// open makes the opening handshake that the case asks for. What it returns is the
// connection: nc itself, or a stream on it.
func (t *target) open(nc net.Conn, c *Case) (net.Conn, *opening, error) {
	offers := c.offersNeeded()
	switch {
	case t.options.HTTP2:
		return t.openStream(nc, c, offers)
	case c.Opening != nil:
		o, err := t.openChanged(nc, c, offers)
		return nc, o, err
	}
	o, err := openAsClient(nc, t.newRequest(offers, nil), offers)
	return nc, o, o.strictly(c, offers, err)
}

// strictly holds the server to the terms of the offers, in the strict group alone.
func (o *opening) strictly(c *Case, offers []pmd.Params, err error) error {
	if err == nil && c.Section != "" && o.agreed != nil {
		if why := honours(offers, o.agreed); why != "" {
			return errors.New(why)
		}
	}
	return err
}

// openChanged is open for a case about the opening handshake.
func (t *target) openChanged(nc net.Conn, c *Case, offers []pmd.Params) (*opening, error) {
	r := t.newRequest(offers, c.Opening.change)
	if r.extensions {
		offers = anyOffer
	}
	o, err := openAsClient(nc, r, offers)
	if err == nil && c.Opening.check != nil {
		if why := c.Opening.check(o.header, o.agreed); why != "" {
			return o, errors.New(why)
		}
	}
	return o, err
}

// anyOffer stands for the offers of a request that was changed by hand.
var anyOffer = []pmd.Params{{}}
