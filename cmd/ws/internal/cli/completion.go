package cli

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Shells are those that WriteCompletion knows.
var shells = []string{"bash", "zsh", "fish"}

// Shells returns the names of the shells that [Program.WriteCompletion] knows.
func Shells() []string { return slices.Clone(shells) }

// WriteCompletion writes a script that completes the program's command lines, for one of [Shells].
func (p *Program) WriteCompletion(w io.Writer, shell string) error {
	switch shell {
	case "bash":
		p.writeBash(w)
	case "zsh":
		p.writeZsh(w)
	case "fish":
		p.writeFish(w)
	default:
		return Usage(strings.Join(shells, ", "), "there is no completion for %q", shell)
	}
	return nil
}

// names are what a first argument may be.
func (p *Program) names() []string {
	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	return append(names, "help")
}

// each calls a function for each flag of a command.
func (c *Command) each(p *Program, call func(f *Flags, one *flag.Flag, takes bool)) {
	f := c.described(p)
	f.VisitAll(func(one *flag.Flag) {
		b, ok := one.Value.(interface{ IsBoolFlag() bool })
		call(f, one, !ok || !b.IsBoolFlag())
	})
}

// writeBash needs nothing but bash itself, not the package bash-completion.
func (p *Program) writeBash(w io.Writer) {
	fmt.Fprintf(w, "# Completion of %s for bash: source <(%s completion bash)\n_%s() {\n", p.Name, p.Name, p.Name)
	fmt.Fprintln(w, `  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=`)
	fmt.Fprintf(w, "  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n    return\n  fi\n", strings.Join(p.names(), " "))
	fmt.Fprintln(w, `  case "${COMP_WORDS[1]} $prev" in`)
	for _, c := range p.Commands {
		c.each(p, func(f *Flags, one *flag.Flag, takes bool) {
			switch {
			case !takes:
			case len(f.values[one.Name]) > 0:
				fmt.Fprintf(w, "  '%s -%s') COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n", c.Name, one.Name, strings.Join(f.values[one.Name], " "))
			case f.files[one.Name]:
				fmt.Fprintf(w, "  '%s -%s') COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", c.Name, one.Name)
			default:
				fmt.Fprintf(w, "  '%s -%s') return ;;\n", c.Name, one.Name)
			}
		})
	}
	fmt.Fprintln(w, "  esac\n  case \"${COMP_WORDS[1]}\" in")
	for _, c := range p.Commands {
		words := slices.Clone(c.Words)
		c.each(p, func(_ *Flags, one *flag.Flag, _ bool) { words = append(words, "-"+one.Name) })
		fmt.Fprintf(w, "  %s) words='%s' ;;\n", c.Name, strings.Join(words, " "))
	}
	fmt.Fprintf(w, "  help) words='%s' ;;\n  esac\n", strings.Join(p.names(), " "))
	fmt.Fprintf(w, "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\ncomplete -o default -F _%s %s\n", p.Name, p.Name)
}

func (p *Program) writeZsh(w io.Writer) {
	fmt.Fprintf(w, "#compdef %s\n# Completion of %s for zsh: source <(%s completion zsh)\n_%s() {\n", p.Name, p.Name, p.Name, p.Name)
	fmt.Fprintln(w, "  if ((CURRENT == 2)); then\n    local -a commands=(")
	for _, c := range p.Commands {
		fmt.Fprintf(w, "      %s\n", quote(c.Name+":"+c.Short))
	}
	fmt.Fprintln(w, "      'help:says more of a command'\n    )\n    _describe command commands\n    return\n  fi\n  local command=$words[2]\n  shift words\n  ((CURRENT--))\n  case $command in")
	for _, c := range p.Commands {
		fmt.Fprintf(w, "  %s)\n    _arguments \\\n", c.Name)
		c.each(p, func(f *Flags, one *flag.Flag, takes bool) {
			value, text := flag.UnquoteUsage(one)
			spec := "*-" + one.Name + "[" + strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(text) + "]"
			if takes {
				spec += ":" + strings.ReplaceAll(value, ":", `\:`) + ":"
				if v := f.values[one.Name]; len(v) > 0 {
					spec += "(" + strings.Join(v, " ") + ")"
				} else if f.files[one.Name] {
					spec += "_files"
				}
			}
			fmt.Fprintf(w, "      %s \\\n", quote(spec))
		})
		rest := "_default"
		if len(c.Words) > 0 {
			rest = "(" + strings.Join(c.Words, " ") + ")"
		}
		fmt.Fprintf(w, "      %s ;;\n", quote("*:"+c.Args+":"+rest))
	}
	fmt.Fprintf(w, "  help)\n    compadd -- %s ;;\n", strings.Join(p.names(), " "))
	fmt.Fprintf(w, "  esac\n}\nif [[ $funcstack[1] == _%s ]]; then _%s \"$@\"; else compdef _%s %s; fi\n", p.Name, p.Name, p.Name, p.Name)
}

func (p *Program) writeFish(w io.Writer) {
	fmt.Fprintf(w, "# Completion of %s for fish: %s completion fish | source\n", p.Name, p.Name)
	for _, c := range p.Commands {
		fmt.Fprintf(w, "complete -c %s -f -n __fish_use_subcommand -a %s -d %s\n", p.Name, c.Name, quote(c.Short))
	}
	fmt.Fprintf(w, "complete -c %s -f -n __fish_use_subcommand -a help -d 'says more of a command'\n", p.Name)
	fmt.Fprintf(w, "complete -c %s -f -n '__fish_seen_subcommand_from help' -a %s\n", p.Name, quote(strings.Join(p.names(), " ")))
	for _, c := range p.Commands {
		seen := quote("__fish_seen_subcommand_from " + c.Name)
		if len(c.Words) > 0 {
			fmt.Fprintf(w, "complete -c %s -f -n %s -a %s\n", p.Name, seen, quote(strings.Join(c.Words, " ")))
		}
		c.each(p, func(f *Flags, one *flag.Flag, takes bool) {
			_, text := flag.UnquoteUsage(one)
			option := "-o"
			if len(one.Name) == 1 {
				option = "-s"
			}
			line := fmt.Sprintf("complete -c %s -n %s %s %s -d %s", p.Name, seen, option, one.Name, quote(text))
			if v := f.values[one.Name]; len(v) > 0 {
				line += " -x -a " + quote(strings.Join(v, " "))
			} else if f.files[one.Name] {
				line += " -r -F"
			} else if takes {
				line += " -x"
			}
			fmt.Fprintln(w, line)
		})
	}
}

// quote quotes for bash, zsh and fish. Fish takes a backslash in quotes for an escape in front of a quote or a backslash only,
// and texts of the help have neither.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
