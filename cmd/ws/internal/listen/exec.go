package listen

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/seed60239977/websocket"
	"github.com/seed60239977/websocket/cmd/ws/internal/process"
)

// execute runs the command for a connection that came by r, until both have ended. It returns how the connection did.
func (o *options) execute(ctx context.Context, r *http.Request, c *websocket.Conn) error {
	select {
	case o.processes <- struct{}{}:
		defer func() { <-o.processes }()
	default:
		return c.Close(websocket.StatusTryAgainLater, "too many connections")
	}
	p, err := process.Start(o.exec, environment(r), o.stderr, o.grace)
	if err != nil {
		o.out.Problem("cannot start: %v", err)
		return c.Close(websocket.StatusInternalError, "cannot start the command")
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		said := o.fromProcess(ctx, c, p.Stdout)
		code, reason := websocket.StatusNormalClosure, ""
		if err := cmp.Or(said, p.Cmd.Wait()); err != nil {
			code, reason = websocket.StatusInternalError, err.Error()
		}
		c.Close(code, reason)
	}()
	defer c.OnEnd(func() { p.Stdin.Close() })() // also while it is written to, and the process does not read
	err = o.toProcess(ctx, c, p.Stdin)
	p.Stdin.Close()
	p.End(exited, o.grace)
	return err
}

// fromProcess sends what the process says. When the client has gone, the rest is read and dropped, so that the process can end.
// The error is that of what could not be sent because of what it is.
func (o *options) fromProcess(ctx context.Context, c *websocket.Conn, stdout io.Reader) (err error) {
	if o.binary {
		buf := make([]byte, 32<<10)
		for {
			n, err := stdout.Read(buf)
			if n > 0 && c.Write(ctx, websocket.Binary, buf[:n]) != nil {
				break
			}
			if err != nil {
				return nil
			}
		}
	} else {
		scanner := bufio.NewScanner(stdout)
		scanner.Buffer(nil, int(o.serve.Accept.Config.ReadLimit)+1) // with the end of the line
		for scanner.Scan() {
			if c.Write(ctx, websocket.Text, []byte(strings.ToValidUTF8(scanner.Text(), "\ufffd"))) != nil {
				break
			}
		}
		if err = scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("a line of the command is longer than %d bytes", o.serve.Accept.Config.ReadLimit)
			o.out.Problem("%v: -serve-max-message allows more", err)
		} else if err != nil {
			o.out.Problem("what the command writes: %v", err)
		}
	}
	_, _ = io.Copy(io.Discard, stdout)
	return err
}

// toProcess gives messages to the process until the connection ends. A process that reads no more does not end it.
func (o *options) toProcess(ctx context.Context, c *websocket.Conn, stdin io.Writer) error {
	var failed error
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		if !o.binary {
			m.Data = append(m.Data[:len(m.Data):len(m.Data)], '\n')
		}
		if failed == nil {
			_, failed = stdin.Write(m.Data)
		}
	}
	return nil // not reached: the loop ends with an error
}

// environment is what CGI has (RFC 3875 §4.1), as far as there is something to say.
func environment(r *http.Request) []string {
	host, port, _ := net.SplitHostPort(r.RemoteAddr)
	env := []string{
		"GATEWAY_INTERFACE=CGI/1.1", "SERVER_SOFTWARE=ws", "SERVER_PROTOCOL=" + r.Proto, "REQUEST_METHOD=" + r.Method,
		"REQUEST_URI=" + r.RequestURI, "PATH_INFO=" + r.URL.Path, "QUERY_STRING=" + r.URL.RawQuery,
		"REMOTE_ADDR=" + host, "REMOTE_HOST=" + host, "REMOTE_PORT=" + port, "HTTP_HOST=" + r.Host,
	}
	for name, values := range r.Header {
		switch {
		case strings.Contains(name, "_"): // X_User would pass for X-User, which a proxy may have checked
		case name == "Proxy": // programs would take HTTP_PROXY for the proxy to use
		default:
			env = append(env, fmt.Sprintf("HTTP_%s=%s", strings.ToUpper(strings.ReplaceAll(name, "-", "_")), strings.Join(values, ", ")))
		}
	}
	return env
}
