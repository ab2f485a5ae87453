package conn

import (
	"context"
)

// Serve calls handle for each message that arrives, until there is an error, which it returns: that of handle, that of ctx, or
// the one with which the connection ended. It never returns nil and does not close the connection. handle may change m.Data,
// which is valid until handle returns. handle must not read from the connection, but may close it.
//
// Serve is like [Conn.Messages], for servers that answer messages: while more messages have already arrived, it collects what
// [Conn.Write] and [Conn.Send] write, and sends it in one system call: once the last of these messages has been handled, at 16
// KiB, on [Conn.Flush], and after about 1 ms at the latest. So a message may not be on the wire yet when Write returns. While
// messages arrive one at a time, nothing is collected.
//
// Serve itself does not wait for a peer that does not read, but reads on meanwhile. handle waits for it in Write, unless that
// collects; Send does not wait, and Config.SendQueue is its limit.
func (c *Conn) Serve(ctx context.Context, handle func(c *Conn, m Message) error) error {
	var l loan
	for holds := false; ; {
		err := c.lendNext(ctx, &l, holds, true)
		if err == nil {
			err = handle(c, l.message())
			if holds = c.giveBack(&l); holds && err != nil {
				c.endRead()
			}
		}
		if err != nil {
			c.uncork()
			return err
		}
	}
}
