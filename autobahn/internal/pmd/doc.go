// Package pmd is the suite's own permessage-deflate (RFC 7692): a compressor
// that keeps to any window, an inflater that notices when one was not kept, and
// the extension's parameters. It shares no code with the endpoints it judges.
package pmd
