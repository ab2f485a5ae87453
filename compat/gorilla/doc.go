// Package websocket has the API of github.com/gorilla/websocket v1.5.3 on the engine of github.com/seed60239977/websocket.
// One line in go.mod moves a program to it, with all of its dependencies that import gorilla/websocket:
//
//	replace github.com/gorilla/websocket => github.com/seed60239977/websocket/compat/gorilla v0.1.0
//
// and go mod tidy after that. The program's go line then is at least this module's.
//
// # What is the same?
//
// Every exported name with its signature, and what programs rely on: errors that stay, [*CloseError] with its codes,
// deadlines that are sticky and may be moved while a call waits, handlers that run on the goroutine that reads, WriteControl
// from any goroutine, no limit for messages unless [Conn.SetReadLimit] sets one.
//
// # What is different?
//
//   - Any number of goroutines may write at once; each message goes out whole. That of a writer of [Conn.NextWriter] ends where
//     another begins, as with gorilla/websocket, and further calls of the writer are errors.
//   - A connection that waits holds no buffers: ReadBufferSize and WriteBufferPool have no effect, and WriteBufferSize says only
//     where a writer of [Conn.NextWriter] cuts a message into frames. WriteMessage sends one frame.
//   - A close frame of the peer's is answered even if a handler of [Conn.SetCloseHandler] sends nothing, and from then on
//     nothing can be sent. The connection ends 10 seconds after the first close frame at the latest.
//   - An error of a handler ends the connection, after the peer was told.
//   - The opening handshake is checked by the whole of the RFC's rules.
//   - A read limit counts bytes after decompression.
//   - Text may be checked to be UTF-8: see [Upgrader].CheckUTF8 and [Dialer].CheckUTF8, which gorilla/websocket has not.
package websocket
