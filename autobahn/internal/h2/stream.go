// Package h2 opens WebSockets over HTTP/2 (RFC 8441): one extended CONNECT on a
// connection, whose stream is a net.Conn. Frames and header compression are those of
// golang.org/x/net/http2; all else is done here.
package h2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	streamID      = 1
	initialWindow = 65535   // until SETTINGS say otherwise (RFC 9113 §6.9.2)
	ourWindow     = 4 << 20 // what the peer may send ahead of the reader
	minUpdate     = ourWindow / 4
	maxFrame      = 16 << 10 // before SETTINGS say otherwise
)

// Conn is the stream. Its deadlines are those of the connection.
type Conn struct {
	net.Conn
	framer *http2.Framer
	group  sync.WaitGroup

	wmu sync.Mutex // held while writing frames

	mu       sync.Mutex
	changed  sync.Cond
	settled  bool  // the peer's first SETTINGS have come
	connect  bool  // and take an extended CONNECT
	credit   int64 // what may be sent on the stream
	total    int64 // and on the connection
	initial  int64 // the peer's window for new streams
	frame    int   // the longest frame that the peer takes
	response *http2.MetaHeadersFrame
	arrived  bytes.Buffer // DATA that was not read
	taken    int          // bytes read that the peer does not know of
	ended    bool         // END_STREAM has come
	err      error        // why nothing more comes
	finished bool         // END_STREAM or RST_STREAM has gone
	closed   bool
}

// New begins HTTP/2 on nc, which the Conn owns from now on.
func New(nc net.Conn) (*Conn, error) {
	c := &Conn{Conn: nc, framer: http2.NewFramer(nc, nc), credit: initialWindow, total: initialWindow, initial: initialWindow, frame: maxFrame}
	c.changed.L = &c.mu
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	c.framer.MaxHeaderListSize = 64 << 10
	hello := []byte(http2.ClientPreface)
	if _, err := nc.Write(hello); err != nil {
		return nil, err
	}
	err := c.framer.WriteSettings(
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: ourWindow},
	)
	if err == nil {
		err = c.framer.WriteWindowUpdate(0, ourWindow-initialWindow)
	}
	if err != nil {
		return nil, err
	}
	c.group.Go(c.run)
	return c, nil
}

// Open sends an extended CONNECT with the fields, in pairs, and returns the answer
// without a body. An error is one of the connection or the stream, or that the peer
// takes no extended CONNECT.
func (c *Conn) Open(fields [][2]string) (*http.Response, error) {
	c.mu.Lock()
	for !c.settled && c.err == nil {
		c.changed.Wait()
	}
	connect, err := c.connect, c.err
	c.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case !connect:
		return nil, errors.New("the server's SETTINGS do not take an extended CONNECT")
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range fields {
		if err := encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	c.credit = c.initial
	c.mu.Unlock()
	if err := c.write(func() error {
		return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: streamID, BlockFragment: block.Bytes(), EndHeaders: true})
	}); err != nil {
		return nil, err
	}
	return c.answer()
}

// answer waits for the final response.
func (c *Conn) answer() (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.response == nil && c.err == nil {
		c.changed.Wait()
	}
	if c.response == nil {
		return nil, c.err
	}
	status, err := strconv.Atoi(c.response.PseudoValue("status"))
	if err != nil {
		return nil, fmt.Errorf("the answer's :status: %w", err)
	}
	r := &http.Response{
		Status: fmt.Sprint(status, " ", http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/2.0", ProtoMajor: 2, Header: http.Header{}, Body: http.NoBody,
	}
	for _, f := range c.response.RegularFields() {
		r.Header.Add(f.Name, f.Value)
	}
	return r, nil
}

// write writes frames.
func (c *Conn) write(frames func() error) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return frames()
}

// run takes in what the peer sends, until the connection ends.
func (c *Conn) run() {
	for {
		f, err := c.framer.ReadFrame()
		if err == nil {
			err = c.take(f)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// fail ends the direction in which bytes come.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.changed.Broadcast()
}

// take takes one frame in.
func (c *Conn) take(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			return c.write(func() error { return c.framer.WritePing(true, f.Data) })
		}
		return nil
	case *http2.PushPromiseFrame:
		return errors.New("the peer pushes, which it was told not to")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.changed.Broadcast()
	switch f := f.(type) {
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			c.total += int64(f.Increment)
		} else {
			c.credit += int64(f.Increment)
		}
		if max(c.total, c.credit) > 1<<31-1 {
			return errors.New("the peer's window is larger than allowed (RFC 9113 §6.9.1)")
		}
	case *http2.MetaHeadersFrame:
		return c.headers(f)
	case *http2.DataFrame:
		return c.data(f)
	case *http2.RSTStreamFrame:
		if !c.ended { // else it asks for no more to be sent
			c.end(fmt.Errorf("%w: RST_STREAM %v", syscall.ECONNRESET, f.ErrCode))
		}
		c.finished = true
	}
	return nil
}

// end is the end of the stream as err. The caller holds mu.
func (c *Conn) end(err error) {
	c.ended = true
	if c.err == nil {
		c.err = err
	}
}

// headers takes a response, or trailers, in. The caller holds mu.
func (c *Conn) headers(f *http2.MetaHeadersFrame) error {
	switch {
	case f.StreamID != streamID:
		return fmt.Errorf("HEADERS of stream %d, which was not opened", f.StreamID)
	case c.response == nil && f.PseudoValue("status") != "" && f.PseudoValue("status")[0] != '1':
		c.response = f
	}
	if f.StreamEnded() {
		c.end(io.EOF)
	}
	return nil
}

// data takes DATA in. The caller holds mu.
func (c *Conn) data(f *http2.DataFrame) error {
	switch {
	case f.StreamID != streamID:
		return fmt.Errorf("DATA of stream %d, which was not opened", f.StreamID)
	case c.ended:
		return errors.New("DATA behind the end of the stream")
	}
	c.arrived.Write(f.Data())
	c.taken += int(f.Length) - len(f.Data()) // padding counts as well
	if c.arrived.Len()+c.taken > ourWindow {
		return errors.New("more DATA than the window allows (RFC 9113 §6.9)")
	}
	if f.StreamEnded() {
		c.end(io.EOF)
	}
	return nil
}

// settings takes SETTINGS in and acknowledges them.
func (c *Conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	c.mu.Lock()
	for i := range f.NumSettings() {
		switch s := f.Setting(i); s.ID {
		case http2.SettingEnableConnectProtocol:
			c.connect = s.Val == 1
		case http2.SettingInitialWindowSize:
			c.credit += int64(s.Val) - c.initial // also below 0 (RFC 9113 §6.9.2)
			c.initial = int64(s.Val)
		case http2.SettingMaxFrameSize:
			c.frame = int(s.Val)
		}
	}
	c.settled = true
	c.changed.Broadcast()
	c.mu.Unlock()
	return c.write(c.framer.WriteSettingsAck)
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	for c.arrived.Len() == 0 && c.err == nil && !c.closed {
		c.changed.Wait()
	}
	if c.closed {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	if c.arrived.Len() == 0 {
		defer c.mu.Unlock()
		return 0, c.err
	}
	n, _ := c.arrived.Read(p)
	c.taken += n
	update := 0
	if c.taken >= minUpdate {
		update, c.taken = c.taken, 0
	}
	c.mu.Unlock()
	if update > 0 {
		err := c.write(func() error {
			if err := c.framer.WriteWindowUpdate(0, uint32(update)); err != nil {
				return err
			}
			return c.framer.WriteWindowUpdate(streamID, uint32(update))
		})
		if err != nil {
			c.fail(err)
		}
	}
	return n, nil
}

// Write implements net.Conn. It waits for the windows.
func (c *Conn) Write(p []byte) (n int, err error) {
	for n < len(p) {
		size, err := c.allowed(len(p) - n)
		if err != nil {
			return n, err
		}
		if err := c.write(func() error { return c.framer.WriteData(streamID, false, p[n:n+size]) }); err != nil {
			return n, err
		}
		n += size
	}
	return n, nil
}

// allowed takes as much of the windows as there is, of n bytes at most.
func (c *Conn) allowed(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		size := min(int64(n), c.credit, c.total, int64(c.frame))
		switch {
		case c.closed || c.finished:
			return 0, net.ErrClosed
		case c.err != nil && c.err != io.EOF:
			return 0, c.err
		case size > 0:
			c.credit -= size
			c.total -= size
			return int(size), nil
		}
		c.changed.Wait()
	}
}

// CloseWrite ends our direction of the stream.
func (c *Conn) CloseWrite() error {
	if !c.finish() {
		return net.ErrClosed
	}
	return c.write(func() error { return c.framer.WriteData(streamID, true, nil) })
}

// finish reports whether the end of the stream is still to be sent, which it then is.
func (c *Conn) finish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.finished
	c.finished = true
	c.changed.Broadcast()
	return !before
}

// closeTime bounds the frames that say goodbye.
const closeTime = time.Second

// Close implements net.Conn. A stream that has not ended is reset with CANCEL, as a
// reset of TCP would be (RFC 8441 §5).
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return net.ErrClosed
	}
	c.closed = true
	reset := !c.finished || !c.ended
	c.finished = true
	c.changed.Broadcast()
	c.mu.Unlock()
	_ = c.Conn.SetWriteDeadline(time.Now().Add(closeTime))
	_ = c.write(func() error {
		if reset {
			if err := c.framer.WriteRSTStream(streamID, http2.ErrCodeCancel); err != nil {
				return err
			}
		}
		return c.framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	})
	err := c.Conn.Close()
	c.group.Wait()
	return err
}
