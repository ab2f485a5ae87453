// Package cpu detects, once when the program starts, which instructions the processor has. It is empty where nobody needs
// that: on processors other than amd64, and in builds with the tag purego.
package cpu
