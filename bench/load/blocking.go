package load

import (
	"errors"
	"sync"
	"time"
)

// runBlocking is the loop with a goroutine for each connection, for what is no plain socket.
func (f *Fleet) runBlocking(end time.Time) error {
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for _, s := range f.sessions {
		all.Go(func() {
			r := Result{Latency: &Histogram{}}
			err := f.exchange(s, end, &r)
			mu.Lock()
			defer mu.Unlock()
			f.result.Messages += r.Messages
			f.result.Payload += r.Payload
			f.result.Latency.Merge(r.Latency)
			errs = append(errs, err)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// exchange sends bursts on one connection until the time is over. A reply must not be larger than the network's buffers
// are, since nothing is read while a burst is sent.
func (f *Fleet) exchange(s *session, end time.Time, r *Result) error {
	buf := make([]byte, 16<<10)
	for {
		if _, err := s.conn.Write(s.burst(f.plan.Depth)); err != nil {
			return err
		}
		for s.missing > 0 {
			n, err := s.conn.Read(buf)
			if err != nil {
				return err
			}
			if _, err := f.count(s, buf[:n], r); err != nil {
				return err
			}
		}
		if !time.Now().Before(end) {
			return nil
		}
	}
}
