package cli

import (
	"fmt"
	"io"
	"strings"
)

// WriteMan writes the manual page of the program, for section 1, in the macros that man(7) has everywhere.
func (p *Program) WriteMan(w io.Writer) {
	fmt.Fprintf(w, ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", strings.ToUpper(p.Name), p.Name, roff(strings.TrimPrefix(p.Short, "is ")))
	fmt.Fprintf(w, ".B %s\n.I command\n[flags] [arguments]\n.SH DESCRIPTION\n", p.Name)
	writeParagraphs(w, p.Long)
	fmt.Fprintln(w, ".SH COMMANDS")
	for _, c := range p.Commands {
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(c.Name), roff(c.Short))
	}
	for _, c := range p.Commands {
		c.writeMan(w, p)
	}
	for _, part := range []struct {
		title string
		list  []Status
	}{{"EXIT STATUS", p.Statuses}, {"ENVIRONMENT", p.Environment}} {
		fmt.Fprintf(w, ".SH %s\n", part.title)
		for _, s := range part.list {
			fmt.Fprintf(w, ".TP\n.B %s\n%s\n", roff(s.Code), roff(s.Means))
		}
	}
}

// writeMan writes the section of a command.
func (c *Command) writeMan(w io.Writer, p *Program) {
	fmt.Fprintf(w, ".SH %s %s\n.B %s\n", strings.ToUpper(p.Name), strings.ToUpper(c.Name), roff(c.usage(p)))
	fmt.Fprintf(w, ".PP\n%s\n", roff(strings.ToUpper(c.Short[:1])+c.Short[1:]+"."))
	if c.Long != "" {
		fmt.Fprintln(w, ".PP")
		writeParagraphs(w, c.Long)
	}
	f := c.described(p)
	for _, s := range f.sections {
		fmt.Fprintf(w, ".SS %s\n", roff(s.title))
		for _, name := range s.names {
			head, text := describe(f.Lookup(name))
			flag, value, _ := strings.Cut(head, " ")
			fmt.Fprintf(w, ".TP\n\\fB%s\\fR", roff(flag))
			if value != "" {
				fmt.Fprintf(w, " \\fI%s\\fR", roff(value))
			}
			fmt.Fprintf(w, "\n%s\n", roff(text))
		}
	}
	if len(c.Examples) > 0 {
		fmt.Fprintln(w, ".SS Examples")
		for _, e := range c.Examples {
			fmt.Fprintf(w, ".TP\n%s\n.nf\n\\fB%s\\fR\n.fi\n", roff(e.Does), roff(e.Line))
		}
	}
}

// writeParagraphs writes text; a paragraph whose lines begin with a space keeps its lines.
func writeParagraphs(w io.Writer, text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			fmt.Fprintln(w, ".PP")
		}
		if strings.HasPrefix(paragraph, " ") {
			fmt.Fprintf(w, ".nf\n%s\n.fi\n", roff(paragraph))
		} else {
			fmt.Fprintln(w, roff(strings.Join(strings.Fields(paragraph), " ")))
		}
	}
}

// roff escapes what roff would take for its own: backslashes, hyphens that are to be typed, and lines that look like requests.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "→", `\(->`, "↔", `\(<>`, "…", `...`, "±", `\(+-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
