package netpoll

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrorsOfAcceptThatMayPass(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.EMFILE: true, syscall.ENFILE: true, syscall.ENOBUFS: true, syscall.ENOMEM: true, syscall.EPERM: true,
		syscall.ENETDOWN: true, syscall.EPROTO: true, syscall.ENOPROTOOPT: true, syscall.EHOSTDOWN: true, syscall.ENONET: true,
		syscall.EHOSTUNREACH: true, syscall.EOPNOTSUPP: true, syscall.ENETUNREACH: true,
		syscall.EBADF: false, syscall.EINVAL: false, syscall.ENOTSOCK: false, errors.New("other"): false,
	} {
		require.Equal(t, want, Temporary(os.NewSyscallError("accept", err)), err.Error())
	}
	require.False(t, Temporary(nil))
}
