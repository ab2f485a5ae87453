// Package cpu finds out, once when the program starts, which instructions the processor has. It is empty where nobody asks:
// on processors other than amd64, and in builds with the tag purego.
package cpu
