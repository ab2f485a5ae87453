package websocket

import (
	"flag"
	"net/http"
	"testing"

	"github.com/seed60239977/websocket/internal/compattest"
)

var full = flag.Bool("full", false, "run all 517 cases of the conformance suite")

func TestAnEchoServerWithTheCheckOfTextPassesTheConformanceSuite(t *testing.T) {
	upgrader := Upgrader{EnableCompression: true, CheckUTF8: true}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			typ, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(typ, p) != nil {
				return
			}
		}
	})
	compattest.Conformance(t, url, *full)
}
