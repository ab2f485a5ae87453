package observe_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/conn"
	"github.com/seed60239977/websocket/observe"
	"github.com/seed60239977/websocket/websockettest"
)

// get asks a page.
func get(h http.Handler, method, target, accept string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// text returns a body as it reads, with one space between words.
func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, resp.Write(&b))
	_, body, _ := strings.Cut(b.String(), "<h1>")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, " ")), " ")
}

// connected opens a connection that the registry knows. It holds 64 bytes that the client has not read.
func connected(t *testing.T, r *websocket.Registry, subprotocol string) (server *websocket.Conn) {
	t.Helper()
	_, server = websockettest.Pair(t, &websockettest.Options{
		Buffer: 64, Accept: &websocket.AcceptOptions{Registry: r, Subprotocols: []string{subprotocol}},
		Dial: &websocket.DialOptions{Subprotocols: []string{subprotocol}},
	})
	return server
}

// shown is the JSON of a page.
type shown struct {
	Open        int   `json:"open"`
	Found       int   `json:"found"`
	Waiting     int64 `json:"bytes_waiting"`
	Connections []struct {
		Address     string  `json:"address"`
		Subprotocol string  `json:"subprotocol"`
		State       string  `json:"state"`
		Age         float64 `json:"age_seconds"`
		Waiting     int64   `json:"bytes_waiting"`
	} `json:"connections"`
}

// ask returns the JSON of a page.
func ask(t *testing.T, h http.Handler, target string) (s shown) {
	t.Helper()
	resp := get(h, "GET", target, "application/json")
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&s))
	return s
}

func TestThePageShowsWhoIsConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var registry websocket.Registry
		page := observe.Page(&registry)
		require.Contains(t, text(t, get(page, "GET", "/", "text/html")), "There are none.")
		require.Equal(t, shown{Connections: ask(t, page, "/").Connections}, ask(t, page, "/"))

		first := connected(t, &registry, "chat.v1")
		time.Sleep(time.Minute)
		connected(t, &registry, "chat.v2")
		time.Sleep(time.Minute)
		require.NoError(t, first.Send(conn.Binary, make([]byte, 1000)))
		synctest.Wait()

		got := text(t, get(page, "GET", "/", "text/html"))
		require.Contains(t, got, "For operators only")
		require.Contains(t, got, "2 of 2 connections")
		require.Regexp(t, `chat\.v1 open 2m0s 1004 .*chat\.v2 open 1m0s 0`, got)

		all := ask(t, page, "/")
		require.Equal(t, 2, all.Open)
		require.Equal(t, first.BufferedAmount(), all.Waiting)
		require.Equal(t, 120.0, all.Connections[0].Age)
		require.Equal(t, "open", all.Connections[0].State)
		require.Equal(t, first.RemoteAddr().String(), all.Connections[0].Address)
		require.Equal(t, first.BufferedAmount(), all.Connections[0].Waiting)
		for target, want := range map[string][]string{
			"/?sort=age": {"chat.v1", "chat.v2"}, "/?sort=new": {"chat.v2", "chat.v1"}, "/?sort=waiting": {"chat.v1", "chat.v2"},
			"/?sort=nonsense": {"chat.v1", "chat.v2"}, "/?q=v2": {"chat.v2"}, "/?q=nobody": nil,
		} {
			var got []string
			s := ask(t, page, target)
			for _, c := range s.Connections {
				got = append(got, c.Subprotocol)
			}
			require.Equal(t, want, got, target)
			require.Equal(t, len(want), s.Found)
			require.Equal(t, 2, s.Open)
		}
		require.Contains(t, text(t, get(page, "GET", "/?q=nobody", "")), "There are none that match.")
		first.CloseNow()
		require.Equal(t, 1, ask(t, page, "/").Open)
	})
}

func TestThePageTakesNoScriptsAndStaysOutOfCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var registry websocket.Registry
		connected(t, &registry, "chat")
		resp := get(observe.Page(&registry), "GET", `/?q="><script>alert(1)</script>&sort="><script>`, "text/html")
		var b strings.Builder
		require.NoError(t, resp.Write(&b))
		require.NotContains(t, b.String(), "<script")
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.Equal(t, "noindex", resp.Header.Get("X-Robots-Tag"))
		_, style, _ := strings.Cut(b.String(), "<style>")
		style, _, found := strings.Cut(style, "</style>")
		require.True(t, found)
		sum := sha256.Sum256([]byte(style))
		require.Contains(t, resp.Header.Get("Content-Security-Policy"),
			"default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	})
}

func TestThePageShowsNoMoreThanItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var registry websocket.Registry
		for range observe.PageRows + 1 {
			connected(t, &registry, "chat")
		}
		s := ask(t, observe.Page(&registry), "/?q=chat")
		require.Len(t, s.Connections, observe.PageRows)
		require.Equal(t, observe.PageRows+1, s.Found)
		require.Contains(t, text(t, get(observe.Page(&registry), "GET", "/", "")), "1000 of 1001 connections")
	})
}

func TestThePageIsOnlyToBeLookedAt(t *testing.T) {
	page := observe.Page(&websocket.Registry{})
	resp := get(page, "POST", "/", "")
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
	require.Equal(t, "GET, HEAD", resp.Header.Get("Allow"))
	require.Equal(t, http.StatusOK, get(page, "HEAD", "/", "").StatusCode)
}
