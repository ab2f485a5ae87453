package load

import (
	"errors"
	"sync"
	"time"
)

// Handshakes opens and closes connections for d, on parallel goroutines, and counts the handshakes.
func Handshakes(addr string, parallel int, d time.Duration) (Result, error) {
	r := Result{Latency: &Histogram{}}
	req := request(addr, "http", "")
	began := time.Now()
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for range parallel {
		all.Go(func() {
			var h Histogram
			err := shakeUntil(addr, req, began.Add(d), &h)
			mu.Lock()
			defer mu.Unlock()
			r.Latency.Merge(&h)
			errs = append(errs, err)
		})
	}
	all.Wait()
	r.Messages, r.Elapsed = r.Latency.total, time.Since(began)
	return r, errors.Join(errs...)
}

func shakeUntil(addr string, req []byte, end time.Time, h *Histogram) error {
	for {
		began := time.Now()
		s, err := dialSocket(addr)
		if err != nil {
			return err
		}
		err = shake(s, req, false)
		h.Add(time.Since(began), 1)
		s.Close()
		if err != nil || time.Now().After(end) {
			return err
		}
	}
}
