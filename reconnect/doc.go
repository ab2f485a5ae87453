// Package reconnect keeps a client connected: it dials, and when the connection has ended it dials again, after a random
// and growing wait (RFC 6455 §7.2.3), for as long as that makes sense.
//
// # When does it not reconnect?
//
// When the server has said so, or when the same would happen again. [ShouldRetry] decides, or Options.ShouldRetry if that is
// set:
//
//	how it ended                                           reconnects
//	1000 normal closure                                    no: the purpose is fulfilled
//	1001 going away, 1012 service restart                  yes
//	1002, 1003, 1007, 1008, 1009, 1010                     no: one side does what the other one does not accept
//	1005 no status code, 1006 no close frame               yes
//	1011 internal error, 1013 try again later, 1014        yes
//	1004, 1015, 1016 to 2999                               no: nobody may send them yet
//	3000 to 4999                                           no: the application has said it, and only that knows
//	the server cannot be reached, its certificate fails, … yes
//	HTTP 5xx but for 501 and 505; 408, 425, 429            yes
//	any other HTTP status                                  no
//	the URL is wrong, or the server's answer is            no
//
// # How long does it wait?
//
// A random time below a bound that doubles with each attempt, from Options.InitialBackoff to Options.MaxBackoff. A server
// that refuses with 429 or 503 may say in Retry-After how long to stay away: that time is added, up to
// Options.MaxRetryAfter. Options.OnWait is told, and may change it.
//
// # What is lost in between?
//
// Whatever was not sent, and whatever the server sends to others meanwhile. A protocol that minds has to say where it
// stopped when it comes back; the function that serves is the place for that, as it is called for each connection anew.
package reconnect
