//go:build unix

package connect

import (
	"os"
	"os/signal"
	"syscall"
)

// watchSize calls a function now, and each time that the size of the terminal changes, until stop is called.
func watchSize(changed func()) (stop func()) {
	changed()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-signals:
				changed()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(quit)
		<-done
	}
}
