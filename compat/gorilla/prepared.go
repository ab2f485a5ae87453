package websocket

import "github.com/seed60239977/websocket/conn"

// PreparedMessage is a message that goes to many connections and is encoded once.
type PreparedMessage struct {
	messageType int
	data        []byte // of a control message
	p           *conn.Prepared
}

// NewPreparedMessage prepares a message of any type. data is copied.
func NewPreparedMessage(messageType int, data []byte) (*PreparedMessage, error) {
	pm := &PreparedMessage{messageType: messageType}
	switch {
	case messageType == TextMessage || messageType == BinaryMessage:
		pm.p = conn.Prepare(conn.MessageType(messageType), data)
	case !isControl(messageType):
		return nil, errMessageType
	case len(data) > 125:
		return nil, errControl
	default:
		pm.data = append(pm.data, data...)
	}
	return pm, nil
}

// WritePreparedMessage is WriteMessage for a message that was prepared.
func (c *Conn) WritePreparedMessage(pm *PreparedMessage) error {
	if pm.p == nil {
		if err := c.mayWrite(); err != nil { // and a writer stays open: control frames may come between fragments (RFC 6455, section 5.4)
			return err
		}
		return c.writeControl(pm.messageType, pm.data)
	}
	if err := c.beginWrite(pm.messageType); err != nil {
		return err
	}
	return c.writeError(c.c.WritePrepared(c.writeBy.fixed(), pm.p))
}
