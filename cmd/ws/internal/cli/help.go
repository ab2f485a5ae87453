package cli

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// width is how many columns the help takes.
const width = 100

// writeHelp prints the help of the program.
func (p *Program) writeHelp(w io.Writer) {
	fmt.Fprintf(w, "%s %s\n\nusage: %s COMMAND [flags] [arguments]\n\n", p.Name, p.Short, p.Name)
	for _, c := range p.Commands {
		fmt.Fprintf(w, "  %-12s%s\n", c.Name, c.Short)
	}
	fmt.Fprintf(w, "\n%s COMMAND -h, or %s help COMMAND, has the flags of a command, and examples.\n", p.Name, p.Name)
	p.writeStatuses(w)
}

// writeStatuses prints the exit statuses, and the environment.
func (p *Program) writeStatuses(w io.Writer) {
	for _, part := range []struct {
		title string
		list  []Status
	}{{"Exit status", p.Statuses}, {"Environment", p.Environment}} {
		if len(part.list) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", part.title)
		for _, s := range part.list {
			writeItem(w, s.Code, s.Means)
		}
	}
}

// writeHelp prints the help of a command.
func (c *Command) writeHelp(w io.Writer, p *Program) {
	fmt.Fprintf(w, "%s %s %s\n\nusage: %s\n", p.Name, c.Name, c.Short, c.usage(p))
	for _, paragraph := range strings.Split(c.Long, "\n\n") {
		if paragraph != "" {
			fmt.Fprintf(w, "\n%s\n", wrap(paragraph, width, ""))
		}
	}
	f := c.described(p)
	for _, s := range f.sections {
		fmt.Fprintf(w, "\n%s\n", s.title)
		for _, name := range s.names {
			head, text := describe(f.Lookup(name))
			writeItem(w, head, text)
		}
	}
	if len(c.Examples) > 0 {
		fmt.Fprintln(w, "\nExamples")
		for _, e := range c.Examples {
			fmt.Fprintf(w, "  # %s\n  %s\n", e.Does, e.Line)
		}
	}
	p.writeStatuses(w)
}

// usage is the line after "usage:".
func (c *Command) usage(p *Program) string {
	return strings.TrimSpace(p.Name + " " + c.Name + " [flags] " + c.Args)
}

// described returns the flags of a command as they are before a command line is read.
func (c *Command) described(p *Program) *Flags {
	f := c.flags(p)
	c.Setup(f)
	f.gather()
	return f
}

// describe returns a flag as it is typed, and what it does.
func describe(one *flag.Flag) (head, text string) {
	name, text := flag.UnquoteUsage(one)
	head = "-" + one.Name
	if name != "" {
		head += " " + name
	}
	switch one.DefValue {
	case "", "0", "0s", "false", "[]":
	default:
		text += " (default " + one.DefValue + ")"
	}
	return head, text
}

// writeItem prints a word and what it means, beside or below it.
func writeItem(w io.Writer, head, text string) {
	const column = 26
	lead := "  " + head
	if n := utf8.RuneCountInString(lead); n <= column-2 {
		lead += strings.Repeat(" ", column-n)
	} else {
		lead += "\n" + strings.Repeat(" ", column)
	}
	fmt.Fprintf(w, "%s%s\n", lead, wrap(text, width-column, strings.Repeat(" ", column)))
}

// wrap breaks text into lines of a width; all but the first begin with indent. Lines that begin with a space stay as they are.
func wrap(text string, width int, indent string) string {
	if strings.HasPrefix(text, " ") || strings.Contains(text, "\n ") {
		return text
	}
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
