package websocket

import (
	"net/http"
	"net/url"

	"github.com/seed60239977/websocket/handshake"
)

// isRedirect reports whether the response asks for the same request elsewhere. A GET stays one with all of these.
func isRedirect(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follows reports whether the response is a redirect that is followed.
func (d *dialer) follows(resp *http.Response) bool { return d.MaxRedirects > 0 && isRedirect(resp) }

// redirect returns the URL that the response to u redirects to, and strips d of what is not for another origin. It
// never puts anything back: who has sent us away may not send us back with credentials.
func (d *dialer) redirect(u *url.URL, resp *http.Response) (*url.URL, error) {
	refused := func(reason string, err error) (*url.URL, error) {
		return nil, &handshake.Error{Status: resp.StatusCode, Header: resp.Header, Reason: reason, Err: err}
	}
	location, err := httpURL(u).Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return refused("the redirect has no valid Location", err)
	}
	location.Fragment, location.RawFragment = "", "" // which is for whoever displays a page (RFC 9110 §10.2.2)
	next, err := handshake.ParseURL(location.String())
	if err != nil {
		return refused("the redirect does not lead to a WebSocket URL", err)
	}
	if u.Scheme == "wss" && next.Scheme != "wss" {
		return refused("the redirect leads from wss to ws", nil)
	}
	if next.Scheme == u.Scheme && handshake.Address(next) == handshake.Address(u) {
		next.User = u.User
		return next, nil
	}
	next.User = nil
	d.strip()
	return next, nil
}

// strip forgets what is between the caller and the first origin only.
func (d *dialer) strip() {
	public := http.Header{}
	for _, name := range []string{"Origin", "User-Agent"} {
		if values, ok := d.Header[name]; ok {
			public[name] = values
		}
	}
	d.Header, d.Host, d.HTTP2 = public, "", nil // a pool tells connections apart by the TLSConfig that it was given
	if d.TLSConfig != nil {
		cfg := d.TLSConfig.Clone()
		cfg.Certificates, cfg.GetClientCertificate = nil, nil
		d.TLSConfig = cfg
	}
}
