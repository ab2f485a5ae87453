package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/seed60239977/websocket/autobahn"
)

// client tests servers.
func client(ctx context.Context, args []string, stdout io.Writer) (int, error) {
	c := newFlags("client", "reports/servers", stdout)
	one := target{}
	c.set.StringVar(&one.URL, "url", "", "`URL` of the server, ws or wss")
	c.set.StringVar(&one.Agent, "agent", "", "`name` of the server in the reports (default its URL)")
	parallel := c.set.Int("parallel", 0, "cases at a time (default 8)")
	http2 := c.set.Bool("http2", false, "run the cases on streams of HTTP/2 (RFC 8441)")
	insecure := c.set.Bool("insecure", false, "accept any certificate of a wss server")
	s, err := c.parse(args)
	if err != nil {
		return unable, err
	}
	if c.quiet {
		stdout = io.Discard
	}
	if one.URL != "" {
		s.Servers = []target{one}
	}
	if len(s.Servers) == 0 {
		return unable, errors.New("no server: -url is missing")
	}
	status := passed
	for _, t := range s.Servers {
		if t.Agent == "" {
			t.Agent = t.URL
		}
		o := &autobahn.Options{Agent: t.Agent, Cases: s.Cases, Exclude: s.excludedFor(t.Agent), Parallel: *parallel, HTTP2: *http2}
		if *insecure {
			o.TLS = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // asked for
		}
		report, err := testServer(ctx, stdout, t.URL, o)
		if err != nil {
			return unable, err
		}
		if err := conclude(stdout, report, s.Out, nil); err != nil {
			return unable, err
		}
		if !report.Passed(c.strict) {
			status = failed
		}
	}
	return status, nil
}

// testServer tests one server and shows how far it has come.
func testServer(ctx context.Context, stdout io.Writer, url string, o *autobahn.Options) (*autobahn.Report, error) {
	p := newProgress(stdout, o.Agent)
	defer p.end()
	o.Progress = p.show
	return autobahn.TestServer(ctx, url, o)
}

// conclude writes the reports and prints the summary; cases are
// those that should have run.
func conclude(stdout io.Writer, r *autobahn.Report, dir string, cases []autobahn.Case) error {
	if dir != "" {
		if err := r.Write(dir); err != nil {
			return err
		}
	}
	if len(r.Results) > 0 {
		fmt.Fprintf(stdout, "%s: %s (%.1f s)\n", r.Agent, autobahn.Summary(r.Results), r.Took.Seconds())
	}
	if len(r.Strict) > 0 {
		fmt.Fprintf(stdout, "%s: strict: %s\n", r.Agent, autobahn.Summary(r.Strict))
	}
	if n := missing(r, cases); n > 0 {
		fmt.Fprintf(stdout, "%s: not run: %d of %d cases\n", r.Agent, n, len(cases))
	}
	return nil
}

// missing counts the cases that have no result.
func missing(r *autobahn.Report, cases []autobahn.Case) (n int) {
	ran := map[string]bool{}
	for _, x := range slices.Concat(r.Results, r.Strict) {
		ran[x.Case.ID] = true
	}
	for _, c := range cases {
		if !ran[c.ID] {
			n++
		}
	}
	return n
}
