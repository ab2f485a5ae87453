package autobahn

import (
	_ "embed"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed page.css
var pageCSS string

//go:embed index.html.tmpl
var indexTemplate string

//go:embed case.html.tmpl
var caseTemplate string

var functions = template.FuncMap{
	"css":   func() template.CSS { return template.CSS(pageCSS) },
	"class": class,
	"page":  func(file string) string { return strings.TrimSuffix(file, ".json") + ".html" },
	"trim":  strings.TrimSpace,
	"rsv": func(bits int) string {
		var names []string
		for i, name := range []string{"RSV1", "RSV2", "RSV3"} {
			if bits&(4>>i) != 0 {
				names = append(names, name)
			}
		}
		return strings.Join(names, " ")
	},
}

// class is the CSS class of a verdict.
func class(v Verdict) string {
	return strings.ToLower(strings.ReplaceAll(string(v), " ", "-"))
}

var (
	indexPage = template.Must(template.New("index").Funcs(functions).Parse(indexTemplate))
	casePage  = template.Must(template.New("case").Funcs(functions).Parse(caseTemplate))
)

// indexView is what the index page shows.
type indexView struct {
	Agents []agentView
	Parts  []partView
}

type agentView struct {
	Name, Summary, Strict string
}

// partView is the 517, or group 14.
type partView struct {
	Title, Lead string
	Groups      []groupView
}

type groupView struct {
	Name string
	Rows []rowView
}

type rowView struct {
	ID, Shows, Section string
	Cells              []cellView
}

type cellView struct {
	Run     bool
	Entry   IndexEntry
	Overall Verdict
}

func writeIndexPage(file string, index, strict Index) error {
	names := map[string]bool{}
	for agent := range index {
		names[agent] = true
	}
	for agent := range strict {
		names[agent] = true
	}
	var v indexView
	var agents []string
	for name := range names {
		agents = append(agents, name)
	}
	slices.Sort(agents)
	for _, a := range agents {
		view := agentView{Name: a, Summary: index.summary(a)}
		if len(strict[a]) > 0 {
			view.Strict = strict.summary(a)
		}
		v.Agents = append(v.Agents, view)
	}
	if groups := groupsOf(Cases(), index, agents); len(groups) > 0 {
		v.Parts = append(v.Parts, partView{"Cases", "", groups})
	}
	if groups := groupsOf(StrictCases(), strict, agents); len(groups) > 0 {
		v.Parts = append(v.Parts, partView{"Strict", "Rules that the 517 cases do not look at. These count nowhere else.", groups})
	}
	return writePage(file, indexPage, v)
}

func writeCasePage(file string, f *caseFile) error {
	return writePage(file, casePage, f)
}

func writePage(file string, t *template.Template, data any) error {
	out, err := os.Create(filepath.Clean(file))
	if err != nil {
		return err
	}
	if err := t.Execute(out, data); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// groupsOf leaves out cases that nobody ran.
func groupsOf(cases []Case, index Index, agents []string) (groups []groupView) {
	for i := range cases {
		c := &cases[i]
		row := rowView{ID: c.ID, Shows: c.Shows, Section: c.Section}
		any := false
		for _, a := range agents {
			e, run := index[a][c.ID]
			any = any || run
			row.Cells = append(row.Cells, cellView{run, e, e.overall()})
		}
		if !any {
			continue
		}
		name := c.Group()
		if n := len(groups); n == 0 || groups[n-1].Name != name {
			groups = append(groups, groupView{Name: name})
		}
		last := &groups[len(groups)-1]
		last.Rows = append(last.Rows, row)
	}
	return groups
}

// overall is the verdict on the whole, as Result.Verdict.
func (e IndexEntry) overall() Verdict {
	return (&Result{Behavior: e.Behavior, BehaviorClose: e.BehaviorClose}).Verdict()
}

func (i Index) summary(agent string) string {
	var results []Result
	for _, e := range i[agent] {
		results = append(results, Result{Behavior: e.Behavior, BehaviorClose: e.BehaviorClose})
	}
	return Summary(results)
}
