package autobahn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seed60239977/websocket/autobahn/internal/pmd"
	"github.com/seed60239977/websocket/autobahn/internal/wire"
)

// HandlerOptions say how to test clients. The zero value has all 517 cases.
type HandlerOptions struct {
	// Cases and Exclude are patterns, as in Options.
	Cases, Exclude []string
	// ExcludeFor leaves out cases for agents whose name matches the key, which
	// may contain "*". Such a case is answered with a close frame at once.
	ExcludeFor map[string][]string
	// Dir is where /updateReports writes; empty writes nothing.
	Dir string
	// Progress, when set, is called with every result as it comes, one at a
	// time. It must not call the Handler.
	Progress func(agent string, r *Result)
}

// Handler is the other direction: a server that tests the clients that connect
// to it. It speaks the protocol that test clients know. The last element of the
// request's path says what is wanted, so that it may stand at any prefix:
//
//	getCaseCount                     one message with the number of cases
//	getCaseInfo?case=I               {"id": "1.1.1", "description": "…"}
//	runCase?case=I&agent=NAME        case I (from 1) is played; casetuple=1.1.1 instead of case
//	getCaseStatus?case=I&agent=NAME  {"behavior": "OK"}
//	updateReports?agent=NAME         the reports are written
//	stopServer                       Stopped is closed
//
// It is safe for concurrent use.
type Handler struct {
	options HandlerOptions
	all     []Case // with group 14
	cases   []Case // of these, those to be counted and numbered
	streams streams

	mu      sync.Mutex
	ended   *sync.Cond                   // a case has ended, or somebody has waited long enough
	agents  map[string]map[string]Result // by agent, then case ID
	running map[string]int               // cases under way, by agent
	stop    sync.Once
	stopped chan struct{}
}

// NewHandler returns a Handler. The error is that of a pattern that names
// nothing.
func NewHandler(o *HandlerOptions) (*Handler, error) {
	h := &Handler{
		all:    append(Cases(), StrictCases()...),
		agents: map[string]map[string]Result{}, running: map[string]int{}, stopped: make(chan struct{}),
	}
	h.ended = sync.NewCond(&h.mu)
	if o != nil {
		h.options = *o
	}
	for _, patterns := range h.options.ExcludeFor {
		if _, err := Select(nil, patterns); err != nil {
			return nil, err
		}
	}
	selected, err := Select(h.options.Cases, h.options.Exclude)
	if err != nil {
		return nil, err
	}
	h.cases = forSide(selected, ServersOnly)
	return h, nil
}

// CasesFor returns the cases that are for an agent of that name, in order:
// those selected less those left out for it. The slice is the caller's.
func (h *Handler) CasesFor(agent string) []Case {
	return slices.DeleteFunc(slices.Clone(h.cases), func(c Case) bool { return h.excluded(agent, &c) })
}

// Stopped is closed when a client has asked for stopServer.
func (h *Handler) Stopped() <-chan struct{} { return h.stopped }

// Agents returns the names of the clients that have run cases, in no order.
func (h *Handler) Agents() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for name := range h.agents {
		names = append(names, name)
	}
	return names
}

// Report returns the results of an agent so far, in the order of the cases. The
// last result of a case counts. A client may ask as soon as it has seen the end
// of its connection, so Report waits a little for cases that are just ending.
func (h *Handler) Report(agent string) *Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle(agent)
	var results []Result
	// Any case may have run by its casetuple, selected or not.
	for _, c := range h.all {
		if r, ok := h.agents[agent][c.ID]; ok {
			results = append(results, r)
		}
	}
	r := newReport(agent, results)
	for i := range results {
		r.Took += results[i].Duration
	}
	return r
}

// settle waits, with mu held, until no case of the agent is under way, but not
// longer than the end of a connection may take.
func (h *Handler) settle(agent string) {
	expired := false
	timer := time.AfterFunc(2*closeTimeout, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		expired = true
		h.ended.Broadcast()
	})
	defer timer.Stop()
	for h.running[agent] > 0 && !expired {
		h.ended.Wait()
	}
}

// ServeHTTP takes over the connection of the request and plays what it asks for.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	agent := r.URL.Query().Get("agent")
	if agent == "" {
		agent = "unknown"
	}
	switch path.Base(r.URL.Path) {
	case "getCaseCount":
		h.tell(w, r, strconv.Itoa(len(h.cases)))
	case "getCaseInfo":
		if c := h.find(w, r); c != nil {
			h.tell(w, r, asJSON(map[string]string{"id": c.ID, "description": c.Shows}))
		}
	case "getCaseStatus":
		if c := h.find(w, r); c != nil {
			h.tell(w, r, asJSON(map[string]Verdict{"behavior": h.status(agent, c.ID)}))
		}
	case "runCase":
		if c := h.find(w, r); c != nil {
			h.runCase(w, r, agent, c)
		}
	case "updateReports":
		h.updateReports(w, r, agent)
	case "stopServer":
		h.tell(w, r)
		h.stop.Do(func() { close(h.stopped) })
	default:
		http.Error(w, "a WebSocket conformance suite: ask for getCaseCount, runCase, updateReports", http.StatusNotFound)
	}
}

func asJSON(v any) string {
	b, _ := json.Marshal(v) // maps of strings always marshal
	return string(b)
}

// find returns the case that the request names, or answers that there is none.
func (h *Handler) find(w http.ResponseWriter, r *http.Request) *Case {
	q := r.URL.Query()
	if id := q.Get("casetuple"); id != "" {
		if i := slices.IndexFunc(h.all, func(c Case) bool { return c.ID == id }); i >= 0 {
			return &h.all[i]
		}
	} else if i, err := strconv.Atoi(q.Get("case")); err == nil && i >= 1 && i <= len(h.cases) {
		return &h.cases[i-1]
	}
	http.Error(w, "no such case", http.StatusNotFound)
	return nil
}

func (h *Handler) status(agent, id string) Verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle(agent)
	if r, ok := h.agents[agent][id]; ok {
		return r.Behavior
	}
	return ""
}

// tell sends messages and closes.
func (h *Handler) tell(w http.ResponseWriter, r *http.Request, messages ...string) {
	c := &Case{Close: closesNormally}
	c.Close.WhenReceived = false
	for _, m := range messages {
		c.Steps = append(c.Steps, frame(wire.Text, m))
	}
	c.Steps = append(c.Steps, closeFrame(1000, ""))
	if nc, o, err := h.open(w, r, c); err == nil {
		h.play(r.Context(), c, nc, o)
	}
}

func (h *Handler) runCase(w http.ResponseWriter, r *http.Request, agent string, c *Case) {
	if h.excluded(agent, c) {
		h.tell(w, r)
		return
	}
	h.mu.Lock()
	h.running[agent]++
	h.mu.Unlock()
	started := time.Now()
	var result Result
	if nc, o, err := h.open(w, r, c); err != nil {
		result = unopened(c, o, started, err)
	} else {
		s := h.play(r.Context(), c, nc, o)
		result = s.result(o, started)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[agent]--
	h.ended.Broadcast()
	if h.agents[agent] == nil {
		h.agents[agent] = map[string]Result{}
	}
	h.agents[agent][c.ID] = result
	if h.options.Progress != nil {
		h.options.Progress(agent, &result)
	}
}

func (h *Handler) excluded(agent string, c *Case) bool {
	for name, patterns := range h.options.ExcludeFor {
		if ok, _ := path.Match(name, agent); ok && matchesAny(patterns, c) {
			return true
		}
	}
	return false
}

func (h *Handler) updateReports(w http.ResponseWriter, r *http.Request, agent string) {
	if h.options.Dir != "" {
		if err := h.Report(agent).Write(h.options.Dir); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	h.tell(w, r)
}

func (h *Handler) play(ctx context.Context, c *Case, nc net.Conn, o *opening) *session {
	s := newSession(c, true, nc, o, &h.streams)
	s.run(ctx)
	return s
}

// open answers the opening handshake (RFC 6455 §4.2.2) and takes over the
// connection.
func (h *Handler) open(w http.ResponseWriter, r *http.Request, c *Case) (net.Conn, *opening, error) {
	o := &opening{request: requestHead(r)}
	if err := checkRequest(r); err != nil {
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, o, err
	}
	agreed, err := answer(r.Header, c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, o, err
	}
	nc, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return nil, o, err
	}
	l := acceptance(r.Header.Get("Sec-WebSocket-Key"), agreed)
	if c.Opening != nil && c.Opening.change != nil {
		c.Opening.change(l)
	}
	o.agreed, o.response, o.src = agreed, l.String(), buffered.Reader
	_ = nc.SetDeadline(time.Time{}) // what net/http may have set
	if c.Opening != nil && c.Opening.joined {
		return &joinedConn{Conn: nc, head: []byte(o.response)}, o, nil
	}
	if _, err := nc.Write([]byte(o.response)); err != nil {
		_ = nc.Close()
		return nil, o, err
	}
	return nc, o, nil
}

// joinedConn writes its head in front of what is written first.
type joinedConn struct {
	net.Conn
	head []byte
}

func (c *joinedConn) Write(b []byte) (int, error) {
	n := len(c.head)
	joined := append(c.head, b...)
	c.head = nil
	written, err := c.Conn.Write(joined)
	return max(0, written-n), err
}

func acceptance(key string, agreed *pmd.Params) *lines {
	l := &lines{first: "HTTP/1.1 101 Switching Protocols", fields: [][2]string{
		{"Server", userAgent},
		{"Upgrade", "WebSocket"},
		{"Connection", "Upgrade"},
		{"Sec-WebSocket-Accept", accept(key)},
	}}
	if agreed != nil {
		l.add("Sec-WebSocket-Extensions", agreed.String())
	}
	return l
}

func requestHead(r *http.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Proto, r.Host)
	_ = r.Header.Write(&b)
	return b.String()
}

// checkRequest is what a server must find in an opening handshake (§4.2.1).
func checkRequest(r *http.Request) error {
	keys := r.Header.Values("Sec-Websocket-Key")
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1):
		return errors.New("the request is not a GET of HTTP/1.1 or later")
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return errors.New("the request lacks Upgrade: websocket")
	case !hasToken(r.Header, "Connection", "upgrade"):
		return errors.New("the request lacks Connection: Upgrade")
	case len(keys) != 1 || !validKey(strings.TrimSpace(keys[0])):
		return errors.New("the request lacks one Sec-WebSocket-Key of 16 bytes")
	case r.Header.Get("Sec-Websocket-Version") != "13":
		return errors.New("the request lacks Sec-WebSocket-Version: 13")
	}
	return nil
}

// answer takes up an offer of permessage-deflate as the case says. An offer
// that is ill-formed fails the handshake; other extensions are passed over.
func answer(h http.Header, c *Case) (*pmd.Params, error) {
	var offers []pmd.Params
	for _, element := range elements(h, "Sec-Websocket-Extensions") {
		p, err := pmd.Parse(element, false)
		if errors.Is(err, pmd.ErrOther) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the offer of permessage-deflate: %w", err)
		}
		offers = append(offers, p)
	}
	for _, a := range c.answers() {
		for _, offer := range offers {
			if p := a.to(offer); p != nil {
				return p, nil
			}
		}
	}
	return nil, nil
}

// to returns the parameters of the answer to an offer, nil when it cannot be
// answered so.
func (a Answer) to(offer pmd.Params) *pmd.Params {
	p := pmd.Params{ServerNoTakeover: offer.ServerNoTakeover, ServerBits: offer.ServerBits, ClientNoTakeover: a.ClientNoTakeover}
	if a.ClientBits > 0 {
		if !offer.ClientBitsBare && offer.ClientBits == 0 {
			return nil
		}
		p.ClientBits = a.ClientBits
		if offer.ClientBits > 0 { // §7.1.2.2: never more than the client can hold
			p.ClientBits = min(p.ClientBits, offer.ClientBits)
		}
	}
	return &p
}

var _ http.Handler = (*Handler)(nil)
