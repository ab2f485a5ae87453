// Package browser makes a net.Conn of a browser's WebSocket, so that package conn works over one as over any other network
// connection. A browser has messages and events where a net.Conn has bytes; [Conn] translates.
//
//	to read    a message        becomes   a frame, unmasked, as a server sends it (§5.2)
//	           a close event              a close frame with its code and reason, and the end of the stream
//	           one with 1006              the end of the stream alone
//	written    a message, also in fragments       becomes   one call of send
//	           a close frame                                close(code, reason)
//	           what the browser does itself                 nothing: the answer to the peer's close frame
//
// What a browser does not let programs do has no translation: [Conn.Carries] says so beforehand.
//
// Files with js in their name use the browser. All others know it as a [Socket] alone, and are tested without.
package browser
