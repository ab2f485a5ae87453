package conn

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/internal/pipe"
)

func TestCloseKeepsWhatThePeerDidBefore(t *testing.T) {
	for name, c := range map[string]struct {
		frame []byte
		code  StatusCode
	}{"1008": {[]byte{0x88, 2, 0x03, 0xf0}, StatusPolicyViolation}, "violation": {[]byte{0xf1, 0}, StatusProtocolError}} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				synctest.Test(t, func(t *testing.T) {
					near, far := pipe.New(0)
					client := Client(near, nil)
					defer client.CloseNow() // does not wait for TCP
					go client.Read(context.Background())
					far.Write(c.frame)
					synctest.Wait()
					client.Close(StatusNormalClosure, "")
					var end *CloseError
					require.ErrorAs(t, client.Err(), &end)
					require.Equal(t, c.code, end.Code, "%v", end)
				})
			}
		})
	}
}
