// Package archtest tests the module itself: which package may import which, what the module may require, that package
// protocol never waits, how long functions are, and that the documentation is complete and names what exists. It has no code of its own.
package archtest
