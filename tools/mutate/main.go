// Mutate makes small changes in the code of a package, one at a time, and looks whether the package's tests notice: an operator
// becomes another one, an assignment or a call is left out. A mutant that lived is a test that is missing, or code that does not
// matter. See docs/mutants.md.
//
//	go run -C tools/mutate . [flags] ./DIRECTORY [TESTED_DIRECTORY...]
//
// Directories are those of the module around it. The tests are those of the first one and, for mutants that live, those of the
// others. It takes a random sample, the same for the same seed and the same code, and counts only mutants that compile. The code
// itself is not touched. A mutant whose tests do not end in time counts as killed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

var (
	root    = flag.String("root", "../..", "directory of the module")
	count   = flag.Int("n", 150, "how many mutants to try")
	seed    = flag.Uint64("seed", 1, "which sample")
	files   = flag.String("files", ".*", "regular expression for the names, without .go, of the files to change")
	workers = flag.Int("workers", 2, "how many to try at once")
	limit   = flag.Duration("timeout", time.Minute, "limit for the tests of one mutant in one directory")
)

func main() {
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(os.Stdout, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// run tries a sample of the mutants of dirs[0] with the tests of all dirs, and says on w what came of it.
func run(w io.Writer, dirs []string) error {
	dir, err := filepath.Abs(filepath.Join(*root, dirs[0]))
	if err != nil {
		return err
	}
	wanted, err := regexp.Compile(`^(?:` + *files + `)\.go$`)
	if err != nil {
		return err
	}
	all, err := mutantsOf(dir)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return !wanted.MatchString(filepath.Base(m.file)) })
	for _, d := range dirs {
		if out, err := test("", d); err != nil {
			return fmt.Errorf("the tests of %s fail without any change: %w\n%s", d, err, out)
		}
	}
	rand.New(rand.NewPCG(*seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	killed, lived := try(w, all, dirs)
	fmt.Fprintf(w, "%s: %d mutants of about %d, seed %d: %d killed, %d lived\n", dirs[0], killed+lived, len(all), *seed, killed, lived)
	return nil
}

// try tries the first mutants that compile, and says on w which of them live.
func try(w io.Writer, all []mutant, dirs []string) (killed, lived int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	next, trying := 0, 0
	for range *workers {
		wg.Go(func() {
			mu.Lock()
			defer mu.Unlock()
			for next < len(all) && killed+lived+trying < *count {
				m := all[next]
				next++
				trying++
				mu.Unlock()
				compiled, survived := attempt(m, dirs)
				mu.Lock()
				trying--
				switch {
				case !compiled:
				case survived:
					lived++
					fmt.Fprintf(w, "%s:%d:%d: %s\n", filepath.Base(m.file), m.line, m.col, m.what)
				default:
					killed++
				}
			}
		})
	}
	wg.Wait()
	return killed, lived
}

// attempt runs the tests with m in place of the code.
func attempt(m mutant, dirs []string) (compiled, survived bool) {
	tmp, err := os.MkdirTemp("", "mutate")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(tmp)
	overlay, err := m.overlay(tmp)
	if err != nil {
		panic(err)
	}
	for _, d := range dirs {
		if out, err := test(overlay, d); err != nil {
			return !bytes.Contains(out, []byte("[build failed]")), false
		}
	}
	return true, true
}

// overlay writes the changed file to tmp, and returns what go test wants for using it.
func (m *mutant) overlay(tmp string) (string, error) {
	src, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	changed := strings.Join([]string{string(src[:m.start]), m.text, string(src[m.end:])}, "")
	file, overlay := filepath.Join(tmp, "mutant.go"), filepath.Join(tmp, "overlay.json")
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: file}})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, b, 0o600)
}

// shell bounds the memory of what it starts, as far as the system can: some mutants would take all there is.
const shell = `ulimit -v 8388608 2>/dev/null; exec nice -n 10 "$@"`

// test runs the tests of a directory at a low priority, and returns what they print.
func test(overlay, dir string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), *limit+5*time.Minute) // for compiling, too
	defer cancel()
	args := []string{"-c", shell, "sh", "go", "test", "-short", "-failfast", "-count=1", "-vet=off", "-timeout", limit.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "sh", append(args, "./"+filepath.Clean(dir))...)
	cmd.Dir = *root
	cmd.WaitDelay = time.Second
	return cmd.CombinedOutput()
}
