package websocket

import (
	_ "github.com/coder/websocket"
)
