package conn

import (
	"context"
)

// Serve calls handle for each message that comes, until there is an error, and returns that: what handle returned, the
// error of ctx, or how the connection ended. It never returns nil and does not close the connection. m.Data is valid, and
// may be changed, until handle returns. handle must not read from the connection; it may close it.
//
// Serve is [Conn.Messages] for servers that answer: while more messages have already arrived, what is written by
// [Conn.Write] and [Conn.Send] is gathered and goes out in one system call: when the last of these messages has been
// handled, at 16 KiB, on [Conn.Flush], and after about 1 ms at the latest. So a Write that returns may not be on the
// wire yet. Nothing is gathered while messages come one at a time.
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
