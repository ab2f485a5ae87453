// Package cli is what the sub-commands of ws have in common: how a command line is read, how its mistakes are explained, and
// the help, the manual page and the shell completion, which are made from one description of each command.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// Env is the process around a command.
type Env struct {
	// Stdin is not read unless the command says so.
	Stdin io.Reader
	// Stdout gets what the command is for, Stderr everything else.
	Stdout, Stderr io.Writer
	// Getenv is os.Getenv, or what a test puts in its place.
	Getenv func(name string) string
}

// Action is a command whose flags were parsed. args are what is left. An error that is no [*Error] exits with [StatusFailed].
type Action func(ctx context.Context, env *Env, args []string) error

// Command is one sub-command. It is a description only: any number of runs may use it.
type Command struct {
	Name  string // as it is typed
	Args  string // as the help shows them, such as "URL"
	Short string // what it does, in half a line that begins with a verb
	Long  string // paragraphs with an empty line between
	// Min and Max are how many arguments it takes besides flags. A negative Max is no limit.
	Min, Max int
	Examples []Example
	// Words are the values that the first argument may have, for completion; none if it may be anything.
	Words []string
	// Setup adds the flags, and returns what is to be done with them.
	Setup func(f *Flags) Action
}

// Example is a command line that works, and what it does.
type Example struct{ Does, Line string }

// Status is an exit status and what it means.
type Status struct{ Code, Means string }

// Program is the whole command.
type Program struct {
	Name, Short, Long string
	Commands          []*Command
	Statuses          []Status
	// Environment are the variables that it looks at.
	Environment []Status
}

// Exit statuses that are not for a close code; those are told by [CloseStatus].
const (
	StatusFailed   = 1 // not connected, or reading or writing failed
	StatusUsage    = 2 // the command line is wrong
	StatusFindings = 5 // the command did its work, and what it found is not good
	StatusTimeout  = 6 // what was waited for did not come
)

// Error is an error that says what to try.
type Error struct {
	Err    error
	Try    string // a sentence without a full stop; may be empty
	Status int    // of the process; 0 stands for StatusFailed
}

// Error says what is wrong, without what to try.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Usage returns an error about the command line.
func Usage(try, format string, args ...any) error {
	return &Error{Err: fmt.Errorf(format, args...), Try: try, Status: StatusUsage}
}

// Quiet is an exit status that needs no words: the command has said what there is to say.
type Quiet int

// Error names the status.
func (q Quiet) Error() string { return fmt.Sprintf("exit status %d", int(q)) }

// Run runs the command that args name, and returns the exit status.
func (p *Program) Run(ctx context.Context, args []string, env *Env) int {
	if len(args) == 0 {
		p.writeHelp(env.Stderr)
		return StatusUsage
	}
	switch args[0] {
	case "-h", "-help", "--help":
		p.writeHelp(env.Stdout)
		return 0
	case "help":
		return p.help(args[1:], env)
	}
	c, err := p.find(args[0])
	if err != nil {
		return p.complain(env, p.Name, err)
	}
	f := c.flags(p)
	action := c.Setup(f)
	rest, err := f.parse(args[1:])
	if errors.Is(err, flag.ErrHelp) {
		c.writeHelp(env.Stdout, p)
		return 0
	}
	if err == nil {
		err = c.count(p, rest)
	}
	if err == nil {
		err = action(ctx, env, rest)
	}
	return p.complain(env, p.Name+" "+c.Name, err)
}

// complain prints an error and returns the exit status that goes with it.
func (p *Program) complain(env *Env, who string, err error) int {
	var quiet Quiet
	if err == nil {
		return 0
	}
	if errors.As(err, &quiet) {
		return int(quiet)
	}
	fmt.Fprintf(env.Stderr, "%s: %s\n", who, Line(strings.ReplaceAll(err.Error(), "\n", "; "))) // several errors, or a peer's words
	var e *Error
	if !errors.As(err, &e) {
		return StatusFailed
	}
	if e.Try != "" {
		fmt.Fprintf(env.Stderr, "  try: %s\n", Line(e.Try)) // with what a server has said, perhaps
	}
	if e.Status == 0 {
		return StatusFailed
	}
	return e.Status
}

// find returns the command of that name.
func (p *Program) find(name string) (*Command, error) {
	var names []string
	for _, c := range p.Commands {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	if strings.Contains(name, "://") {
		return nil, Usage(p.Name+" connect "+name, "%q is a URL, not a command", name)
	}
	if near := Nearest(name, names); near != "" {
		return nil, Usage(p.Name+" "+near, "no command is called %q", name)
	}
	return nil, Usage(p.Name+" help, which lists the commands", "no command is called %q", name)
}

// help is the command of that name, for itself or for another one.
func (p *Program) help(args []string, env *Env) int {
	if len(args) == 0 {
		p.writeHelp(env.Stdout)
		return 0
	}
	c, err := p.find(args[0])
	if err != nil {
		return p.complain(env, p.Name, err)
	}
	c.writeHelp(env.Stdout, p)
	return 0
}

// count refuses too few and too many arguments.
func (c *Command) count(p *Program, args []string) error {
	try := fmt.Sprintf("%s %s -h", p.Name, c.Name)
	if len(c.Examples) > 0 {
		try = c.Examples[0].Line
	}
	switch {
	case len(args) < c.Min:
		return Usage(try, "%s is missing", missing(c.Args, len(args)))
	case c.Max >= 0 && len(args) > c.Max && c.Max == 0:
		return Usage(try, "unexpected argument %q", args[0])
	case c.Max >= 0 && len(args) > c.Max:
		return Usage("quotes around what has spaces in it", "unexpected argument %q after %s", args[c.Max], c.Args)
	}
	return nil
}

// missing is the name of the argument at an index.
func missing(args string, i int) string {
	names := strings.Fields(args)
	if i < len(names) {
		return names[i]
	}
	return "an argument"
}

// Process returns the environment of this process.
func Process() *Env {
	return &Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
}
