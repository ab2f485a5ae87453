// Package websocket has the API of github.com/coder/websocket v1.8.15 on the engine of github.com/seed60239977/websocket. One
// line in go.mod moves a program to it, with all of its dependencies that import coder/websocket:
//
//	replace github.com/coder/websocket => github.com/seed60239977/websocket/compat/coder v0.1.0
//
// and go mod tidy after that. The program's go line then is at least this module's. It may stand in for nhooyr.io/websocket, as
// coder/websocket was called before, in the same way; but not for both in one program, since a module replaces only one other.
//
// # What is the same?
//
// Every exported name with its signature, and what programs rely on: a context that ends while a call waits closes the
// connection; the peer's close frame is a [CloseError] in the error that reads it, and net.ErrClosed is what comes after; no
// message is longer than 32768 bytes unless [Conn.SetReadLimit] allows it; Accept writes its response through the
// http.ResponseWriter, and Dial sends its request with an http.Client.
//
// # What is different?
//
//   - A message that was not read to its end is dropped by the next call that reads.
//   - What is sent through a writer of [Conn.Writer] goes out in frames of 4 KiB, and the rest when it is closed.
//   - The opening handshake is checked by the whole of the RFC's rules.
//   - Frames that break a rule end the connection, after the peer was told.
//   - A reason that is too long for a close frame is cut.
//   - Close of a [NetConn] sends a close frame even while another goroutine reads. It does not wait for the answer then.
//   - Where the network ends in the middle of a message, that is an error, and the part of it is no message.
//   - Compression works with windows of any size, and keeps 34 KiB for its context, not more than a megabyte.
//   - Text may be checked to be UTF-8: see [AcceptOptions].CheckUTF8 and [DialOptions].CheckUTF8, which coder/websocket has not.
//   - A connection that nobody closes is not closed by the garbage collector.
//   - In a browser (GOOS=js) it does not work.
package websocket
