package main

import (
	"math"
	"reflect"
	"slices"

	"github.com/seed60239977/websocket/bench/serve"
)

// results are the samples of a run, by measurement and server.
type results struct {
	scenarios []scenario
	servers   []serve.Server
	samples   map[string]map[string][]sample
	machine   machine
}

func newResults(scs []scenario, servers []serve.Server) *results {
	r := &results{scenarios: scs, servers: servers, samples: map[string]map[string][]sample{}}
	for _, sc := range scs {
		r.samples[sc.measurement()] = map[string][]sample{}
	}
	return r
}

func (r *results) add(sc scenario, v serve.Server, s sample) {
	r.samples[sc.measurement()][v.Name] = append(r.samples[sc.measurement()][v.Name], s)
}

// has reports whether a scenario was measured already, with another one.
func (r *results) has(sc scenario) bool { return len(r.samples[sc.measurement()]) > 0 }

// median returns the medians of all fields, each for itself. ok is false if a server did not take part.
func (r *results) median(sc scenario, server string) (m sample, ok bool) {
	all := r.samples[sc.measurement()][server]
	if len(all) == 0 {
		return m, false
	}
	out := reflect.ValueOf(&m).Elem()
	for i := range out.NumField() {
		out.Field(i).SetFloat(median(all, func(s sample) float64 { return reflect.ValueOf(s).Field(i).Float() }))
	}
	return m, true
}

func median(all []sample, of func(sample) float64) float64 {
	v := make([]float64, len(all))
	for i, s := range all {
		v[i] = of(s)
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// spread is the largest cost minus the smallest, as a share of the median.
func (r *results) spread(sc scenario, server string) float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	all := r.samples[sc.measurement()][server]
	for _, s := range all {
		lo, hi = min(lo, sc.cost(s)), max(hi, sc.cost(s))
	}
	return (hi - lo) / median(all, func(s sample) float64 { return sc.cost(s) })
}

// best returns the peer with the smallest cost.
func (r *results) best(sc scenario) (server string, cost float64) {
	cost = math.Inf(1)
	for _, v := range r.servers {
		m, ok := r.median(sc, v.Name)
		if c := sc.cost(m); ok && v.Kind == serve.Peer && c < cost {
			server, cost = v.Name, c
		}
	}
	return server, cost
}

// ratio returns the cost of a server divided by the best peer's, NaN if there is none of either.
func (r *results) ratio(sc scenario, server string) float64 {
	m, ok := r.median(sc, server)
	best, cost := r.best(sc)
	if !ok || best == "" {
		return math.NaN()
	}
	return sc.cost(m) / cost
}
