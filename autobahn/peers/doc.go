// Package peers runs the suite against the servers of other libraries, as their
// users write them first, and holds the verdicts that are known: what a suite
// finds where it is known to be is what its silence elsewhere is worth.
//
// It has only tests, and is a module of its own so that nobody who uses the
// library has its peers among the requirements.
package peers
