package websocket

import (
	"flag"
	"net/http"
	"testing"

	"github.com/seed60239977/websocket/internal/compattest"
)

var full = flag.Bool("full", false, "run all 517 cases of the conformance suite")

func TestAnEchoServerWithTheCheckOfTextPassesTheConformanceSuite(t *testing.T) {
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
	compattest.Conformance(t, url, *full)
}
