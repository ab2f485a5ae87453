package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seed60239977/websocket/bench/serve"
)

// machine is where and with what a run was made.
type machine struct {
	CPU, Kernel, Go string
	Cores           int
	Pinned          bool
	Date            string
	Versions        map[string]string // by module
}

func thisMachine(pinned bool) machine {
	m := machine{CPU: "unknown CPU", Go: runtime.Version(), Cores: runtime.NumCPU(), Pinned: pinned,
		Date: time.Now().UTC().Format(time.DateOnly), Versions: map[string]string{}}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if f := regexp.MustCompile(`(?m)^model name\s*:\s*(.+)$`).FindSubmatch(b); f != nil {
			m.CPU = strings.TrimSpace(string(f[1]))
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + strings.SplitN(unix.ByteSliceToString(u.Release[:]), "-", 2)[0]
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if m.Versions[d.Path] = d.Version; d.Replace != nil {
				m.Versions[d.Path] = "this version"
			}
		}
	}
	return m
}

func (m machine) String() string {
	where := "not pinned"
	if m.Pinned {
		where = "server and load on a core each"
	}
	return fmt.Sprintf("%s, %d cores, %s, %s/%s, %s, %s", m.CPU, m.Cores, m.Kernel, runtime.GOOS, runtime.GOARCH, m.Go, where)
}

// version returns a server's version for the tables.
func (m machine) version(v serve.Server) string {
	if v.Module == "" {
		return ""
	}
	return m.Versions[v.Module]
}
