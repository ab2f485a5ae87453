// Command bench measures this library and its peers in one run, and writes a table and a chart:
//
//	go run -C bench .              # from the root of the repository: half an hour and more; writes bench/results.md and bench/results.svg
//	go run -C bench . -short       # under a minute: everything runs once, nothing is written
//	go run -C bench . -only idle -servers Serve,gws -rounds 1 -out somewhere
//	go run -C bench ./latency      # how long answers take at a share of full load, sent on a schedule that no slow answer delays
//
// It needs Linux, two cores, as many file descriptors as connections (ulimit -Hn), and best a machine that nobody else uses.
// -profiles writes a CPU profile of each server; go tool pprof reads them.
//
// # What is measured
//
// Each server is a process of its own, alone on one core with GOMAXPROCS=1; package serve has their code. The load comes
// from this process, on another core, with prebuilt frames; package load has it. A server is started anew for each
// measurement. Measurements of one scenario are interleaved: all servers take their turn in each round, so that what
// disturbs the machine for a while disturbs all. The tables have medians of the rounds, and the spread: the largest minus
// the smallest, in percent of the median.
//
//   - CPU: what the server's process used in user and system mode, divided by messages received and answered (for a
//     broadcast: delivered). This is the figure to compare: it does not depend on the load generator.
//   - Throughput and latency: of a closed loop that sends when the last burst was answered. Where a server has CPU time
//     left, the load generator was the limit.
//   - Allocations: of the whole process, divided by messages.
//   - TCP is the floor: a server that echoes bytes and knows nothing of messages. It answers a large message in pieces as
//     they come, which costs it more system calls than a server that waits for the whole.
//   - Memory: how much the resident set of the process grew, divided by connections, after garbage collection and after
//     what is free was given back to the system. A few connections come first and are not counted, so that the memory of
//     code that runs for the first time is nobody's.
package main
