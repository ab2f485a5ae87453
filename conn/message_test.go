package conn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed60239977/websocket/conn"
)

func TestMessageTypesHaveNamesAndOthersNumbers(t *testing.T) {
	for typ, name := range map[conn.MessageType]string{conn.Text: "text", conn.Binary: "binary", 0: "0", 8: "8", 9: "9", 255: "255"} {
		require.Equal(t, name, typ.String())
	}
}
