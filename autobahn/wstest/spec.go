package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path"
)

// spec is a fuzzingclient.json or fuzzingserver.json, as far as it matters here.
type spec struct {
	Out     string   `json:"outdir"`
	URL     string   `json:"url"`
	Servers []target `json:"servers"`
	Cases   []string `json:"cases"`
	Exclude []string `json:"exclude-cases"`
	// ExcludeFor leaves out cases for agents; the keys may contain "*".
	ExcludeFor map[string][]string `json:"exclude-agent-cases"`
}

type target struct {
	Agent string `json:"agent"`
	URL   string `json:"url"`
}

func (s *spec) read(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, s); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// excludedFor lists the patterns to leave out for an agent.
func (s *spec) excludedFor(agent string) []string {
	all := append([]string(nil), s.Exclude...)
	for name, patterns := range s.ExcludeFor {
		if ok, _ := path.Match(name, agent); ok {
			all = append(all, patterns...)
		}
	}
	return all
}

// address is where a server listens, from the URL of a fuzzingserver.json.
func (s *spec) address() (string, error) {
	if s.URL == "" {
		return "", nil
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return "", err
	}
	return u.Host, nil
}
