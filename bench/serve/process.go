package serve

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"syscall"
	"time"
)

// Ready is the first line that a server writes.
type Ready struct {
	Addr string
	Err  string
}

// Usage is what a server has used up to now.
type Usage struct {
	CPU        time.Duration // of the process, in user and system mode
	Mallocs    uint64
	AllocBytes uint64
	RSS        int64 // bytes, as are the next two
	Heap       int64 // in use, with what is free between objects
	Stack      int64 // in use
	Goroutines int
	Err        string
}

// Main is a server's process. It obeys the lines that it reads, and answers each with a line of JSON, until there are no
// more: then the process is to end.
//
//	usage           Usage
//	settle          Usage, after what is not used was given back to the system
//	profile FILE    begins a CPU profile; Usage
//	endprofile      ends it; Usage
func Main(spec string, in io.Reader, out io.Writer) error {
	var s Spec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	ready := Ready{}
	if server, err := Find(s.Server); err != nil {
		ready.Err = err.Error()
	} else if addr, err := server.Start(s); err != nil {
		ready.Err = err.Error()
	} else {
		ready.Addr = addr.String()
	}
	if err := enc.Encode(ready); err != nil {
		return err
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		u := usage()
		if err := obey(lines.Text()); err != nil {
			u.Err = err.Error()
		} else if lines.Text() == "settle" {
			u = usage()
		}
		if err := enc.Encode(u); err != nil {
			return err
		}
	}
	return nil
}

func obey(line string) error {
	command, file, _ := strings.Cut(line, " ")
	switch command {
	case "usage":
	case "settle":
		runtime.GC() // twice: pools keep what they have for one collection more
		debug.FreeOSMemory()
	case "profile":
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		return pprof.StartCPUProfile(f) // which needs f until the end
	case "endprofile":
		pprof.StopCPUProfile()
	default:
		return fmt.Errorf("unknown command %q", command)
	}
	return nil
}

func usage() Usage {
	var u Usage
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		u.Err = err.Error()
	}
	u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.Mallocs, u.AllocBytes = m.Mallocs, m.TotalAlloc
	u.Heap, u.Stack = int64(m.HeapInuse), int64(m.StackInuse)
	u.Goroutines = runtime.NumGoroutine()
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident int64
		fmt.Sscan(string(b), &size, &resident)
		u.RSS = resident * int64(os.Getpagesize())
	} else {
		u.Err = err.Error()
	}
	return u
}
