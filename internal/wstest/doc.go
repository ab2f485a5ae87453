// Package wstest is what this module's tests share: an in-memory net.Conn that works in fake time, a peer that says on
// the wire exactly what a test wants, faults on demand, and a check that nothing is left behind.
package wstest
