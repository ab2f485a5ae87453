package websocket

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/pipe"
)

func TestTheZoneOfAnAddressIsNotPartOfItsCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP("fe80::1")}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	for _, address := range []string{"[fe80::1]", "[fe80::1%25eth0]"} {
		near, far := pipe.New(0)
		go AcceptConn(context.Background(), tls.Server(far, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}), nil)
		c, _, err := Dial(t.Context(), "wss://"+address+"/", &DialOptions{
			TLSConfig: &tls.Config{RootCAs: roots},
			NetDial:   func(context.Context, string, string) (net.Conn, error) { return near, nil },
		})
		require.NoError(t, err, address)
		c.CloseNow()
	}
}
