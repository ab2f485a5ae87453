//go:build !linux

package serve

import (
	"errors"
	"net"
)

func startEpoll(Spec) (net.Addr, error) { return nil, errors.ErrUnsupported }
