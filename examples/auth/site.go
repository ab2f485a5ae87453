package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/examples/internal/program"
)

// site is what is served.
type site struct {
	keys        *keyring
	connections websocket.Registry
}

func newSite(now func() time.Time) *site { return &site{keys: newKeyring(now)} }

// handler serves the page, logging in and out, and a WebSocket for each way of knowing who it is.
func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", program.Page(page))
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("POST /ticket", s.ticket)
	mux.HandleFunc("POST /token", s.token)
	mux.Handle("GET /by-cookie", s.authenticated(s.byCookie))
	mux.Handle("GET /by-ticket", s.authenticated(s.byTicket))
	mux.Handle("GET /by-token", s.authenticated(s.byToken))
	// Pages of other sites cannot POST. A WebSocket begins with a GET, which this lets pass: see AcceptOptions.AllowedOrigins.
	return http.NewCrossOriginProtection().Handler(mux)
}

// cookieName is the cookie that has the session.
const cookieName = "session"

// login begins a session.
func (s *site) login(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.FormValue("name"))
	if name == "" || len(name) > 40 {
		http.Error(w, "a name has 1 to 40 bytes", http.StatusBadRequest)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.keys.begin(name), Path: "/",
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
	fmt.Fprintln(w, name)
}

// logout ends a session, and the connections that were opened with it: nothing else would.
func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		s.keys.revoke(cookie.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1})
}

// byCookie finds the session of a request.
func (s *site) byCookie(r *http.Request) (login, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return login{}, false
	}
	return s.keys.lookUp(session, cookie.Value)
}

// ticket gives out a key for one WebSocket, to be used at once.
func (s *site) ticket(w http.ResponseWriter, r *http.Request) { s.exchange(w, r, ticket) }

// token gives out a key for any number of WebSockets, for an hour.
func (s *site) token(w http.ResponseWriter, r *http.Request) { s.exchange(w, r, token) }

// exchange gives out a key to whoever has a session.
func (s *site) exchange(w http.ResponseWriter, r *http.Request, k kind) {
	l, ok := s.byCookie(r)
	if !ok {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprint(w, s.keys.issue(k, l))
}

// byTicket finds the session of the ticket in the URL, which is used up.
func (s *site) byTicket(r *http.Request) (login, bool) {
	return s.keys.lookUp(ticket, r.URL.Query().Get("ticket"))
}

// tokenPrefix marks the subprotocol that is none, but a token: a page can set no header, but offer subprotocols.
const tokenPrefix = "token."

// byToken finds the session of the token among the subprotocols.
func (s *site) byToken(r *http.Request) (login, bool) {
	for _, offered := range strings.Split(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","), ",") {
		if key, ok := strings.CutPrefix(strings.TrimSpace(offered), tokenPrefix); ok {
			return s.keys.lookUp(token, key)
		}
	}
	return login{}, false
}

// loginKey is the key of contexts for a login.
type loginKey struct{}

// authenticated serves a WebSocket to whoever find knows, and 401 to all others.
func (s *site) authenticated(find func(r *http.Request) (login, bool)) http.Handler {
	ws := websocket.Handler(s.serve, &websocket.AcceptOptions{
		Subprotocols: []string{"chat.v1"}, // and never the token, which would be told to everybody who sees the response
		Registry:     &s.connections,
		ConnContext: func(r *http.Request) context.Context {
			return context.WithValue(context.Background(), loginKey{}, r.Context().Value(loginKey{}))
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l, ok := find(r)
		if !ok {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		ws.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), loginKey{}, l)))
	})
}

// statusUnauthorized is a close code that IANA lists for this.
const statusUnauthorized = 3000

// serve greets, and echoes until either side has enough.
func (s *site) serve(ctx context.Context, c *websocket.Conn) {
	l := ctx.Value(loginKey{}).(login)
	defer context.AfterFunc(l.ended, func() { c.SendClose(statusUnauthorized, "the session has ended") })()
	if c.Write(ctx, websocket.Text, []byte("hello "+l.name)) == nil {
		_ = c.Serve(ctx, func(c *websocket.Conn, m websocket.Message) error { return c.Write(ctx, m.Type, m.Data) })
	}
}
