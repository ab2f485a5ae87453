package websocket

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"

	engine "github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/handshake"
)

// replaceHost replaces what is no name of a host in u by localhost. Behind "ws:///path" or "ws://.run.app.sock/path" may be a
// socket that the program's NetDial knows: that gets the address as gorilla/websocket makes it. Nobody else takes it for the
// localhost: neither a proxy, which is not asked, nor TLS, nor a jar.
func (n *network) replaceHost(u *url.URL, o *engine.DialOptions) error {
	_, err := handshake.ParseURL(u.String())
	if err == nil || u.Opaque != "" {
		return nil
	}
	if n.proxy != "" {
		return err
	}
	name, address := hostPort(u)
	n.host, n.instead, n.address = u.Host, "localhost"+ports[u.Scheme], address
	if u.Scheme == "wss" && o.NetDialTLS == nil {
		if o.TLSConfig, err = certified(o.TLSConfig, name); err != nil {
			return err
		}
	}
	if o.Jar != nil {
		at := *u
		at.Scheme = schemes[u.Scheme]
		o.Jar = jarAt{o.Jar, &at}
	}
	o.Host = cmp.Or(o.Host, u.Host)
	u.Host = "localhost"
	return nil
}

// keepAddress has the program's own NetDial get the address as it is in u: it may know names that differ in case.
func (n *network) keepAddress(u *url.URL) {
	if n.instead != "" || n.proxy != "" {
		return
	}
	if parsed, err := handshake.ParseURL(u.String()); err == nil {
		n.instead = handshake.Address(parsed)
		_, n.address = hostPort(u)
	}
}

var ports = map[string]string{"ws": ":80", "wss": ":443"}

// hostPort returns the host of u and the address to dial, as gorilla/websocket makes them.
func hostPort(u *url.URL) (name, address string) {
	if i := strings.LastIndex(u.Host, ":"); i > strings.LastIndex(u.Host, "]") {
		return u.Host[:i], u.Host
	}
	return u.Host, u.Host + ports[u.Scheme]
}

// certified returns cfg for a server whose certificate is for name, unless cfg has another.
func certified(cfg *tls.Config, name string) (*tls.Config, error) {
	if cfg = cfg.Clone(); cfg == nil {
		cfg = &tls.Config{}
	}
	if cfg.ServerName = cmp.Or(cfg.ServerName, strings.Trim(name, "[]")); cfg.ServerName == "" && !cfg.InsecureSkipVerify {
		return nil, errors.New("tls: either ServerName or InsecureSkipVerify must be specified in the tls.Config")
	}
	return cfg, nil
}

// jarAt is a jar whose cookies are those of one URL.
type jarAt struct {
	http.CookieJar
	u *url.URL
}

func (j jarAt) Cookies(*url.URL) []*http.Cookie            { return j.CookieJar.Cookies(j.u) }
func (j jarAt) SetCookies(_ *url.URL, them []*http.Cookie) { j.CookieJar.SetCookies(j.u, them) }

// storing is a jar for a request that has cookies of the program's: they replace those of the jar.
type storing struct{ http.CookieJar }

func (storing) Cookies(*url.URL) []*http.Cookie { return nil }
