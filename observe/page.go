package observe

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed60239977/websocket"
)

// Page returns an http.Handler that shows the connections of r: their addresses, subprotocols and ages, and how many bytes are
// waiting to be sent. The page is read-only. With "Accept: application/json" the answer is JSON.
//
// It is for operators only, because it shows who is connected from where, and has no access control of its own. Serve it on a
// listener that the public cannot reach, or behind authentication:
//
//	internal.Handle("/connections", observe.Page(&registry))
//
// The query parameter q selects the connections whose address or subprotocol contains it. The parameter sort is age (the oldest
// first, the default), new (the newest first) or waiting (those with the most bytes first). At most [PageRows] connections are
// shown.
func Page(r *websocket.Registry) http.Handler {
	sum := sha256.Sum256([]byte(pageStyle))
	return &page{
		registry: r,
		template: template.Must(template.New("page").Parse(pageText)), // here, so that only programs with a page have templates
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}
}

// PageRows is the largest number of connections that a [Page] shows.
const PageRows = 1000

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
)

type page struct {
	registry *websocket.Registry
	template *template.Template
	policy   string // Content-Security-Policy
}

// orders are the ways of sorting, the first of which is how they come.
var orders = []struct {
	name, text string
	compare    func(a, b *row) int
}{
	{"age", "the oldest first", nil},
	{"new", "the newest first", func(a, b *row) int { return cmp.Compare(a.Seconds, b.Seconds) }},
	{"waiting", "most bytes waiting first", func(a, b *row) int { return cmp.Compare(b.Buffered, a.Buffered) }},
}

// order is one of them as the page shows it.
type order struct {
	Name, Text string
	Chosen     bool
}

// row is a connection.
type row struct {
	RemoteAddr  string        `json:"address"`
	Subprotocol string        `json:"subprotocol"`
	State       string        `json:"state"`
	Seconds     float64       `json:"age_seconds"`
	Age         time.Duration `json:"-"`
	Buffered    int64         `json:"bytes_waiting"`
}

// view is what the page shows.
type view struct {
	Stats    websocket.RegistryStats `json:"-"`
	Open     int                     `json:"open"`
	Total    uint64                  `json:"accepted"`
	Buffered int64                   `json:"bytes_waiting"` // of all
	Found    int                     `json:"found"`         // how many match
	Rows     []row                   `json:"connections"`
	Query    string                  `json:"-"`
	Orders   []order                 `json:"-"`
	Style    template.CSS            `json:"-"`
}

// ServeHTTP implements http.Handler.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	v := p.view(r.URL.Query().Get("q"), r.URL.Query().Get("sort"))
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		h.Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy)
	p.template.Execute(w, v)
}

// view returns what there is to show of connections that contain query.
func (p *page) view(query, sort string) *view {
	stats := p.registry.Stats()
	v := &view{Stats: stats, Open: stats.Open, Total: stats.Total, Query: query, Style: template.CSS(pageStyle), Rows: []row{}}
	for _, e := range p.registry.Entries() {
		v.Buffered += e.Buffered
		if !strings.Contains(e.RemoteAddr, query) && !strings.Contains(e.Subprotocol, query) {
			continue
		}
		age := time.Since(e.Since)
		v.Rows = append(v.Rows, row{
			RemoteAddr: e.RemoteAddr, Subprotocol: e.Subprotocol, State: e.State.String(),
			Seconds: age.Seconds(), Age: age.Truncate(time.Second), Buffered: e.Buffered,
		})
	}
	v.Found = len(v.Rows)
	for _, o := range orders {
		v.Orders = append(v.Orders, order{o.name, o.text, o.name == sort})
		if o.name == sort && o.compare != nil {
			slices.SortStableFunc(v.Rows, func(a, b row) int { return o.compare(&a, &b) })
		}
	}
	v.Rows = v.Rows[:min(len(v.Rows), PageRows)]
	return v
}
