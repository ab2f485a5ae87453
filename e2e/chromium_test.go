package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "embed"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

//go:embed peers/page.js
var pageScript string

// browse starts a Chromium of its own, without anything that would reach beyond this machine, and opens a page.
func browse(t *testing.T, url string, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	profile, err := os.MkdirTemp("", "websocket-e2e-profile")
	require.NoError(t, err)
	options := append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(findChromium(t)),
		chromedp.UserDataDir(profile),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true), // containers have little of it
	}, flags...)
	ctx, stop := context.WithTimeout(context.Background(), 2*patience)
	ctx, release := chromedp.NewExecAllocator(ctx, options...)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // asks the browser to close, and waits for it
		closeTab()
		release()
		stop()
		_ = os.RemoveAll(profile)
	})
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url)))
	return ctx
}

// evaluate runs an expression in the page, waits if its value is a promise, and returns the value as JSON.
func evaluate(t *testing.T, ctx context.Context, expression string) string {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	return string(value)
}

// scenario runs one of the scenarios of page.js.
func scenario(t *testing.T, ctx context.Context, name, url string) string {
	t.Helper()
	got := evaluate(t, ctx, fmt.Sprintf("(%s).%s(%q)", pageScript, name, url))
	t.Logf("%s: %s", name, got)
	return got
}

// What each scenario returns when all is well.
const (
	wantEcho = `{"good": 20, "bad": [], "blob": 8, "close": {"code": 1000, "reason": "done", "wasClean": true}}`
	// readyState is CONNECTING 0, OPEN 1, CLOSING 2, CLOSED 3; bufferedAmount counts what has not been sent.
	wantStates = `{"states": [0, 1, 2, 3], "buffered": [1048576, 0], "protocol": "echo.v1", "extensions": "",
		"close": {"code": 3000, "reason": "that was 好", "wasClean": true}}`
)

func TestChromiumTalksToTheEchoServer(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			_, addr := startEcho(t, "-engine", engine)
			ctx := browse(t, "http://"+addr+"/")
			url := "ws://" + addr + "/echo"
			require.JSONEq(t, wantEcho, scenario(t, ctx, "echo", url))
			require.JSONEq(t, wantStates, scenario(t, ctx, "states", url))
			require.JSONEq(t, `{"code": 1005, "reason": "", "wasClean": true}`, scenario(t, ctx, "noStatus", url))
		})
	}
}

func TestChromiumTalksToTheEchoServerOverTLS(t *testing.T) {
	cert, key, pin := selfSigned(t)
	_, addr := startEcho(t, "-tls-cert", cert, "-tls-key", key)
	ctx := browse(t, "https://"+addr+"/", chromedp.Flag("ignore-certificate-errors-spki-list", pin))
	url := "wss://" + addr + "/echo"
	require.JSONEq(t, wantEcho, scenario(t, ctx, "echo", url))
	require.JSONEq(t, wantStates, scenario(t, ctx, "states", url))
}

func TestChromiumGetsWhatOthersBroadcast(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			_, addr := startEcho(t, "-mode", "broadcast", "-engine", engine)
			ctx := browse(t, "http://"+addr+"/")
			require.JSONEq(t, `["to all 🚀", "to all 🚀", "to all 🚀"]`, scenario(t, ctx, "broadcast", "ws://"+addr+"/"))
		})
	}
}

func TestChromiumIsToldThatTheEchoServerGoesAway(t *testing.T) {
	server, addr := startEcho(t)
	ctx := browse(t, "http://"+addr+"/")
	require.JSONEq(t, `"connected"`, scenario(t, ctx, "wait", "ws://"+addr+"/"))
	server.terminate()
	require.Zero(t, server.exitCode(patience))
	var closed struct {
		Code     int
		WasClean bool
	}
	require.NoError(t, json.Unmarshal([]byte(evaluate(t, ctx, "globalThis.goneAway")), &closed))
	require.Equal(t, 1001, closed.Code)
	require.True(t, closed.WasClean)
}

// selfSigned writes a certificate for 127.0.0.1 and its key to files. pin is the hash of the public key by which
// Chromium is told to accept it, and no other.
func selfSigned(t *testing.T) (certFile, keyFile, pin string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)

	write := func(name, kind string, der []byte) string {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return file
	}
	hash := sha256.Sum256(public)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8),
		base64.StdEncoding.EncodeToString(hash[:])
}
