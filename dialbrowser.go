package websocket

import (
	"net/url"

	"github.com/seed60239977/websocket/handshake"
)

// beyondBrowsers returns why a browser could not do what is asked for, or nil. It also checks what another request would
// be checked for.
func (d *dialer) beyondBrowsers(u *url.URL) error {
	for _, ask := range []struct {
		asked bool
		what  string
	}{
		{u.User != nil, "log in by the URL"},
		{d.Deflate != nil, "choose how messages are compressed (DialOptions.Deflate)"},
		{len(d.Header) > 0, "send header fields (DialOptions.Header)"},
		{d.Host != "", "send another host (DialOptions.Host)"},
		{d.Lenient, "take what servers get wrong (DialOptions.Lenient)"},
		{d.TLSConfig != nil, "configure TLS (DialOptions.TLSConfig)"},
		{d.NetDial != nil, "make network connections (DialOptions.NetDial)"},
		{d.NetDialTLS != nil, "make network connections (DialOptions.NetDialTLS)"},
		{d.Proxy != nil, "choose a proxy (DialOptions.Proxy)"},
		{len(d.ProxyHeader) > 0, "talk to proxies (DialOptions.ProxyHeader)"},
		{d.ProxyConnectHeader != nil, "talk to proxies (DialOptions.ProxyConnectHeader)"},
		{d.ProxyTLSConfig != nil, "talk to proxies (DialOptions.ProxyTLSConfig)"},
		{d.Jar != nil, "choose cookies (DialOptions.Jar)"},
		{d.HTTP2 != nil, "choose the version of HTTP (DialOptions.HTTP2)"},
		{d.MaxRedirects > 0, "follow redirects (DialOptions.MaxRedirects)"},
		{d.Config.PingInterval > 0, "send pings (Config.PingInterval)"},
		{d.Config.OnPing != nil, "see pings (Config.OnPing)"},
		{d.Config.OnPong != nil, "see pongs (Config.OnPong)"},
	} {
		if ask.asked {
			return &handshake.Error{Reason: "this cannot be had in a browser", Err: &BrowserError{What: ask.what}}
		}
	}
	_, err := (&handshake.ClientOptions{Subprotocols: d.Subprotocols}).NewOffer(u)
	return err
}
