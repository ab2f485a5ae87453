// Package archtest tests the module itself: which package may import which, what the module may require, and that
// everything exported is documented. It has no code of its own.
package archtest
