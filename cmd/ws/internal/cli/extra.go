package cli

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Extras are commands about the program itself: completion, man and version. p is called when one of them runs.
func Extras(p func() *Program) []*Command {
	return []*Command{completion(p), man(p), version()}
}

func completion(p func() *Program) *Command {
	return &Command{
		Name: "completion", Args: "SHELL", Min: 1, Max: 1, Words: Shells(),
		Short: "prints a script for bash, zsh or fish that completes command lines",
		Examples: []Example{
			{"for this shell, in bash", "source <(ws completion bash)"},
			{"for all shells to come, in zsh", "ws completion zsh > ~/.zfunc/_ws"},
			{"for all shells to come, in fish", "ws completion fish > ~/.config/fish/completions/ws.fish"},
		},
		Setup: func(*Flags) Action {
			return func(_ context.Context, env *Env, args []string) error {
				return p().WriteCompletion(env.Stdout, args[0])
			}
		},
	}
}

func man(p func() *Program) *Command {
	return &Command{
		Name:  "man",
		Short: "prints the manual page",
		Examples: []Example{
			{"read it", "ws man | man -l -"},
			{"install it", "ws man > ~/.local/share/man/man1/ws.1"},
		},
		Setup: func(*Flags) Action {
			return func(_ context.Context, env *Env, _ []string) error {
				p().WriteMan(env.Stdout)
				return nil
			}
		},
	}
}

func version() *Command {
	return &Command{
		Name:     "version",
		Short:    "prints the version",
		Examples: []Example{{"which one is it?", "ws version"}},
		Setup: func(*Flags) Action {
			return func(_ context.Context, env *Env, _ []string) error {
				version, goVersion := "(unknown)", ""
				if info, ok := debug.ReadBuildInfo(); ok {
					version, goVersion = info.Main.Version, info.GoVersion
				}
				_, err := fmt.Fprintln(env.Stdout, "ws", version, goVersion)
				return err
			}
		},
	}
}
