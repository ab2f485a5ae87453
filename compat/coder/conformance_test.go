package websocket

import (
	"flag"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/autobahn"
)

var full = flag.Bool("full", false, "run all 517 cases of the conformance suite")

func passed(r autobahn.Result) bool {
	return r.Verdict() == autobahn.OK || r.Verdict() == autobahn.Informational
}

func TestAnEchoServerWithTheCheckOfTextPassesTheConformanceSuite(t *testing.T) {
	o := &autobahn.Options{}
	if !*full {
		o.Cases = autobahn.Quick()
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, &AcceptOptions{CompressionMode: CompressionContextTakeover, CheckUTF8: true})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			typ, p, err := c.Read(r.Context())
			if err != nil || c.Write(r.Context(), typ, p) != nil {
				return
			}
		}
	})
	report, err := autobahn.TestServer(t.Context(), url, o)
	require.NoError(t, err)
	for _, r := range report.Results {
		for try := 0; try < 3 && !passed(r); try++ { // on a busy machine a second is now and then too short: alone it does
			once, err := autobahn.TestServer(t.Context(), url, &autobahn.Options{Cases: []string{r.Case.ID}})
			require.NoError(t, err)
			r = once.Results[0]
		}
		require.True(t, passed(r), r.Plain())
	}
	t.Log(autobahn.Summary(report.Results))
}
