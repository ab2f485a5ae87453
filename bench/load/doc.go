// Package load generates the load of the benchmarks: connections with prebuilt frames, on one thread and with as few
// system calls as there can be, so that what is measured is the server.
//
// It has its own code for frames and handshakes and knows none of the libraries that it measures. What it reads it only
// counts: the headers of frames are looked at, payloads are not, except that the first reply is compared with what was sent.
package load
