// Package xconnect has net/http offer extended CONNECT (RFC 8441). That is switched on by the setting http2xconnect=1 in
// GODEBUG, which net/http reads when it is initialized and never again; a //go:debug line does not reach it.
//
// Go initializes packages in the order of their import paths, as soon as all that they import is initialized. This package
// imports os alone, and its path comes before "net/http", so it is always first: it must not import anything else, nor may
// its path change to one that comes after.
package xconnect

import "os"

// before is what GODEBUG was, if it was set.
var before, wasSet = os.LookupEnv("GODEBUG")

func init() {
	const on = "http2xconnect=1"
	if before == "" {
		os.Setenv("GODEBUG", on)
	} else {
		os.Setenv("GODEBUG", before+","+on)
	}
}

// Restore makes GODEBUG what it was, once net/http has read it: what this program starts is to decide for itself.
func Restore() {
	if wasSet {
		os.Setenv("GODEBUG", before)
	} else {
		os.Unsetenv("GODEBUG")
	}
}
