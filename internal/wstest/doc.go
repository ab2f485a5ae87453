// Package wstest has what this module's tests share: an in-memory net.Conn that works in fake time, a peer that sends
// exactly what a test wants, faults on demand, and a check for leaks.
package wstest
