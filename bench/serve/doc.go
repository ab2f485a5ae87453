// Package serve has the servers that are compared, each written as its library's documentation recommends where speed
// and memory matter, and each checking that text is UTF-8:
//
//   - No handler of net/http stays for as long as its connection lives, where the library allows that, so that nothing of
//     the request does either.
//   - Buffers are reused from message to message and not held between them, where the library allows that.
//   - A library that has something for broadcasting is measured with it; others write to one connection after the other. The event
//     loop broadcasts by package hub, the other servers of this library send a prepared message to each.
//   - Compression levels are each library's default, its fastest, unless it says otherwise.
package serve
