package connect

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/seed60239977/websocket"
)

// entry is something to send, or a command.
type entry struct {
	data   []byte
	binary bool // it is binary, whatever is in it
}

// command reports whether the entry is a command, where there are commands.
func (e entry) command() bool {
	return len(e.data) > 1 && e.data[0] == '/' && e.data[1] != '/'
}

// unescaped takes off the first of two slashes, where there are commands.
func (e entry) unescaped(slash bool) entry {
	if slash && bytes.HasPrefix(e.data, []byte("//")) {
		e.data = e.data[1:]
	}
	return e
}

// typ is what an entry is sent as.
func (e entry) typ(binary bool) websocket.MessageType {
	if binary || e.binary || !utf8.Valid(e.data) {
		return websocket.Binary
	}
	return websocket.Text
}

// input is a stream of entries. Closing stop ends it once the read that is under way has returned, which nobody waits for: it
// may never do so.
type input struct {
	entries chan entry
	err     error // once entries is closed
	stop    chan struct{}
}

// given is an input of messages that are there.
func given(messages []string) *input {
	in := &input{entries: make(chan entry, len(messages)), stop: make(chan struct{})}
	for _, m := range messages {
		in.entries <- entry{data: []byte(m)}
	}
	close(in.entries)
	return in
}

// readLines reads lines, or what ends with a zero byte. The longest may have so many bytes.
func readLines(r io.Reader, longest int, null bool) *input {
	in := &input{entries: make(chan entry), stop: make(chan struct{})}
	go func() {
		defer close(in.entries)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, longest+2) // with the end of the line
		if null {
			scanner.Split(splitNull)
		}
		for scanner.Scan() {
			if len(scanner.Bytes()) > longest {
				in.err = bufio.ErrTooLong
				return
			}
			select {
			case in.entries <- entry{data: bytes.Clone(scanner.Bytes())}:
			case <-in.stop:
				return
			}
		}
		in.err = scanner.Err()
	}()
	return in
}

// splitNull is a bufio.SplitFunc for what ends with a zero byte.
func splitNull(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// callOf makes a call of JSON-RPC 2.0 of a line: a method, and its parameters as an array, an object, or values with commas between.
func callOf(line []byte, id int) ([]byte, error) {
	method, params, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
	switch {
	case len(method) == 0:
		return nil, errors.New("the name of a method is missing")
	case !utf8.Valid(line):
		return nil, errors.New("the line is not UTF-8")
	}
	params = bytes.TrimSpace(params)
	if len(params) == 0 || params[0] != '[' && params[0] != '{' || !json.Valid(params) {
		params = slices.Concat([]byte("["), params, []byte("]"))
	}
	name, err := json.Marshal(string(method))
	if err != nil {
		return nil, err
	}
	call := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":%s,"params":%s}`, id, name, params)
	if !json.Valid(params) || !json.Valid(call) { // by itself, and not nested too deep in the call
		return nil, fmt.Errorf("the parameters of %s are not JSON: %s", method, params)
	}
	return call, nil
}
