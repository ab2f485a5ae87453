// Package deflate compares this library's permessage-deflate codec with those that others use:
//
//	go test -C bench -bench . ./deflate                # codecs alone: time, ratio, allocations
//	go test -C bench -bench Deflate -benchtime 1x .    # servers in processes of their own: CPU, ratio, allocations, memory
//
// The ratio is of bytes after and before. Levels are the fastest ones, which all libraries default to.
package deflate
