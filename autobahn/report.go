package autobahn

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// IndexEntry is what index.json says of one case. The names are those that
// scripts written for the original suite read.
type IndexEntry struct {
	Behavior        Verdict `json:"behavior"`
	BehaviorClose   Verdict `json:"behaviorClose"`
	Duration        int64   `json:"duration"` // milliseconds
	RemoteCloseCode *int    `json:"remoteCloseCode"`
	ReportFile      string  `json:"reportfile"`
}

// Index is a whole index.json: agents, then cases by ID.
type Index map[string]map[string]IndexEntry

// ReadIndex reads an index.json, ours or the original suite's. A file that is
// not there is an error that wraps fs.ErrNotExist.
func ReadIndex(file string) (Index, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var index Index
	if err := json.Unmarshal(b, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return index, nil
}

// Write writes the reports into dir, which is made when it is not there: a JSON
// file and a page for each case, index.json for the 517, strict.json for group
// 14, and index.html. What other agents' runs have left in dir stays, and is
// shown beside.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, results := range [][]Result{r.Results, r.Strict} {
		for i := range results {
			if err := r.writeCase(dir, &results[i]); err != nil {
				return err
			}
		}
	}
	index, err := r.merge(filepath.Join(dir, "index.json"), r.Results)
	if err != nil {
		return err
	}
	strict, err := r.merge(filepath.Join(dir, "strict.json"), r.Strict)
	if err != nil {
		return err
	}
	return writeIndexPage(filepath.Join(dir, "index.html"), index, strict)
}

// merge puts the results into an index file and returns all of it.
func (r *Report) merge(file string, results []Result) (Index, error) {
	index, err := ReadIndex(file)
	if errors.Is(err, fs.ErrNotExist) {
		index, err = Index{}, nil
	}
	if err != nil || len(results) == 0 && len(index) == 0 {
		return index, err
	}
	delete(index, r.Agent)
	if len(results) > 0 {
		index[r.Agent] = map[string]IndexEntry{}
	}
	for i := range results {
		index[r.Agent][results[i].Case.ID] = r.indexEntry(&results[i])
	}
	return index, writeJSON(file, index)
}

func (r *Report) indexEntry(x *Result) IndexEntry {
	e := IndexEntry{Behavior: x.Behavior, BehaviorClose: x.BehaviorClose, Duration: x.Duration.Milliseconds(),
		ReportFile: fileName(r.Agent, x.Case.ID) + ".json"}
	if x.RemoteCode != NoCode {
		e.RemoteCloseCode = &x.RemoteCode
	}
	return e
}

// fileName is the name of a case's files, without extension.
func fileName(agent, id string) string {
	clean := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' {
			return c
		}
		return '_'
	}, agent)
	return strings.ToLower(clean) + "_case_" + strings.ReplaceAll(id, ".", "_")
}

// caseFile is a case's JSON. What the original suite has too bears its names.
type caseFile struct {
	Agent             string         `json:"agent"`
	ID                string         `json:"id"`
	Description       string         `json:"description"`
	Section           string         `json:"section,omitempty"`
	Behavior          Verdict        `json:"behavior"`
	BehaviorClose     Verdict        `json:"behaviorClose"`
	Result            string         `json:"result"`
	Expected          []string       `json:"expected"`
	ExpectedClose     closeFile      `json:"expectedClose"`
	Received          []string       `json:"received"`
	Started           time.Time      `json:"started"`
	Duration          int64          `json:"duration"`
	ClosedByMe        bool           `json:"closedByMe"`
	DroppedByMe       bool           `json:"droppedByMe"`
	WasClean          bool           `json:"wasClean"`
	LocalCloseCode    *int           `json:"localCloseCode"`
	LocalCloseReason  string         `json:"localCloseReason"`
	RemoteCloseCode   *int           `json:"remoteCloseCode"`
	RemoteCloseReason string         `json:"remoteCloseReason"`
	Violation         string         `json:"violation,omitempty"`
	Farthest          int            `json:"farthestBackReference,omitempty"`
	HTTPRequest       string         `json:"httpRequest"`
	HTTPResponse      string         `json:"httpResponse"`
	RxFrames          map[string]int `json:"rxFrameStats"`
	TxFrames          map[string]int `json:"txFrameStats"`
	RxBytes           int64          `json:"rxPayloadBytes"`
	TxBytes           int64          `json:"txPayloadBytes"`
	WireLog           []LogEntry     `json:"wirelog"`
	WireLogOmitted    int            `json:"wirelogOmitted,omitempty"`
}

type closeFile struct {
	ClosedByMe   bool  `json:"closedByMe"`
	CloseCode    []int `json:"closeCode"`
	RequireClean bool  `json:"requireClean"`
}

func (r *Report) writeCase(dir string, x *Result) error {
	f := caseFile{
		Agent: r.Agent, ID: x.Case.ID, Description: x.Case.Shows, Section: x.Case.Section,
		Behavior: x.Behavior, BehaviorClose: x.BehaviorClose, Result: x.Why, Expected: x.Case.expected(),
		ExpectedClose: closeFile{x.Case.Close.BySuite, x.Case.Close.Codes, x.Case.Close.Clean},
		Received:      append([]string{}, x.Received...), Started: x.Started.UTC(), Duration: x.Duration.Milliseconds(),
		ClosedByMe: x.ClosedBySuite, DroppedByMe: x.DroppedBySuite, WasClean: x.Clean,
		LocalCloseCode: code(x.LocalCode), LocalCloseReason: x.LocalReason,
		RemoteCloseCode: code(x.RemoteCode), RemoteCloseReason: x.RemoteReason,
		Violation: x.Violation, Farthest: x.Farthest, HTTPRequest: x.Request, HTTPResponse: x.Response,
		RxFrames: x.FramesIn, TxFrames: x.FramesOut, RxBytes: x.BytesIn, TxBytes: x.BytesOut,
		WireLog: append([]LogEntry{}, x.Log...), WireLogOmitted: x.LogOmitted,
	}
	name := filepath.Join(dir, fileName(r.Agent, x.Case.ID))
	if err := writeJSON(name+".json", f); err != nil {
		return err
	}
	return writeCasePage(name+".html", &f)
}

func code(n int) *int {
	if n == NoCode {
		return nil
	}
	return &n
}

// expected lists, in words, what may be received.
func (c *Case) expected() (all []string) {
	if c.Echo != nil {
		return []string{fmt.Sprintf("OK: %d echoes within %s", c.Echo.Messages, c.Echo.Timeout)}
	}
	for _, e := range c.Expect {
		events := make([]string, len(e.Events))
		for i, event := range e.Events {
			events[i] = describe(event, event.Payload.beginning())
		}
		if len(events) == 0 {
			events = []string{"nothing"}
		}
		all = append(all, string(e.Verdict)+": "+strings.Join(events, ", "))
	}
	return all
}

func writeJSON(file string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o666)
}
