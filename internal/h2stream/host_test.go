package h2stream

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// hosted has c hosted, for f, and returns a channel that is closed when the host has left.
func hosted(c *Conn, f func()) <-chan struct{} {
	left := make(chan struct{})
	go func() {
		defer close(left)
		c.Host(f)
	}()
	synctest.Wait()
	return left
}

func TestAHostStaysUntilTheStreamIsClosedAndItsFunctionReturns(t *testing.T) {
	for _, unending := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f, c := newFake()
			c.stream.Unending = unending
			left := hosted(c, func() {})
			select {
			case <-left:
				t.Fatal("the stream is not closed")
			default:
			}
			require.NoError(t, c.Close())
			<-left
			<-time.After(2 * LeaveTime)
			select {
			case <-f.aborted:
				t.Fatal("it was ended in good order")
			default:
			}
		})
	}
}

func TestAStreamIsResetIfItsHostStaysTooLong(t *testing.T) {
	for name, stays := range map[string]time.Duration{"leaves in time": LeaveTime / 2, "stays": 2 * LeaveTime} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, c := newFake()
				leave := make(chan struct{})
				left := hosted(c, func() { <-leave })
				time.AfterFunc(stays, func() { close(leave) })
				start := time.Now()
				require.NoError(t, c.Close())
				select {
				case <-f.aborted:
					require.Equal(t, LeaveTime, time.Since(start))
					require.Greater(t, stays, LeaveTime)
				case <-left:
					require.Less(t, stays, LeaveTime)
				}
				<-left
				require.Equal(t, stays, time.Since(start))
			})
		})
	}
}

func TestAStreamThatCannotBeResetDoesNotWaitForItsFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		c.stream.Unending = true
		leave := make(chan struct{})
		left := hosted(c, func() { <-leave })
		require.NoError(t, c.Close())
		<-left
		close(leave)
		<-time.After(2 * LeaveTime)
		select {
		case <-f.aborted:
			t.Fatal("the host has left")
		default:
		}
	})
}

func TestAHostThatPanicsClosesItsStream(t *testing.T) {
	for name, unclosed := range map[string]bool{"nobody has": true, "its function has": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c := newFake()
				panicked, written := make(chan any, 1), make(chan error, 1)
				go func() {
					defer func() { panicked <- recover() }()
					c.Host(func() {
						go func() {
							_, err := c.Write([]byte("that nobody takes"))
							written <- err
						}()
						synctest.Wait()
						if !unclosed {
							c.Close()
						}
						panic("a bug")
					})
				}()
				require.Equal(t, "a bug", <-panicked)
				require.Error(t, <-written)
				require.ErrorIs(t, c.Close(), net.ErrClosed)
			})
		})
	}
}

// TestAHostStaysWhileCloseResetsTheStream: net/http panics if the handler has returned by then.
func TestAHostStaysWhileCloseResetsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, c := newFake()
		left := make(chan struct{})
		abort := c.stream.Abort
		c.stream.Abort = func() {
			abort()
			synctest.Wait()    // the write has ended
			f.arriving.Close() // as a reset does
			synctest.Wait()
			select {
			case <-left:
				t.Error("the host has left")
			default:
			}
		}
		go func() {
			c.Host(func() { go c.Write([]byte("that nobody takes")) })
			close(left)
		}()
		synctest.Wait()
		require.NoError(t, c.Close())
		<-left
	})
}
