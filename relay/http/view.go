//go:build !small

package http

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/observe/transaction"
)

// How much the page shows at once.
const (
	pageRows         = 50 // interfaces
	pageTransactions = 50
	pageMessages     = 400 // transactions that are folded into these
	pageProblems     = 50  // findings
	pageLosses       = 100 // kinds of drops
)

// A view is what the page is made of.
type view struct {
	status.Report
	Query        query
	Good, All    tally // an interface counts once, however many families it has
	Overall      overall
	Wrong        bool // a finding is an error
	RecentDrops  uint64
	LostInKernel uint64
	Problems     []problem
	MoreFindings int
	Losses       []status.Drop
	MoreDrops    int
	Page         rows
	Outcomes     []string
	Transactions []folded // newest first
	FilterError  string
}

// A tally counts what a report tells of.
type tally struct{ Interfaces, Servers int }

// Rows are one page of the interfaces that the query asks for.
type rows struct {
	Rows                  []row
	First, Last, Matching int // from 1
	Number, Pages         int // from 1
	Before, After         string
}

// A row is an interface. What is said of it already, in a row above or in a finding, is
// not said again.
type row struct {
	status.Interface
	Same  bool // the row above says the same
	Found bool // a finding says what to do
}

// A problem is a finding with a name of its own on the page.
type problem struct {
	status.Finding
	ID string
}

// problems returns the worst findings, and how many more there are.
func problems(fs []status.Finding) (ps []problem, more int) {
	seen := make(map[string]int)
	for _, f := range fs[:min(len(fs), pageProblems)] {
		id := "f " + f.Kind + " " + f.Subject
		if seen[id]++; seen[id] > 1 {
			id += " (" + strconv.Itoa(seen[id]) + ")"
		}
		ps = append(ps, problem{f, id})
	}
	return ps, len(fs) - len(ps)
}

// view asks the relay for what the query wants to see.
func (p *page) view(values url.Values) *view {
	q := newQuery(values)
	v := &view{Report: p.relay.Report(), Query: q, Outcomes: transaction.Outcomes()}
	v.count()
	v.Problems, v.MoreFindings = problems(v.Findings)
	v.Losses = v.Drops[:min(len(v.Drops), pageLosses)]
	v.MoreDrops = len(v.Drops) - len(v.Losses)
	v.Overall = overallOf(v.Findings)
	v.Page = q.rows(v.Interfaces, v.Findings)
	p.remember(v)
	f, err := q.filter()
	if err != nil {
		v.FilterError = err.Error()
		return v
	}
	v.Transactions = fold(p.relay.Transactions(f, pageMessages), pageTransactions)
	return v
}

// remember gives the rows that are shown, and the servers, their histories.
func (p *page) remember(v *view) {
	shown := make([]status.Interface, len(v.Page.Rows))
	for i := range shown {
		shown[i] = v.Page.Rows[i].Interface
	}
	p.relay.remember(shown, v.Servers)
	for i := range shown {
		v.Page.Rows[i].Interface = shown[i]
	}
}

func (v *view) count() {
	well := make(map[string]bool, len(v.Interfaces))
	for i := range v.Interfaces {
		n := &v.Interfaces[i]
		before, seen := well[n.Name]
		t := n.Tone()
		well[n.Name] = (before || !seen) && (t == status.Good || t == status.Neutral)
	}
	v.All = tally{len(well), len(v.Servers)}
	for _, good := range well {
		if good {
			v.Good.Interfaces++
		}
	}
	for i := range v.Servers {
		if v.Servers[i].Fine() {
			v.Good.Servers++
		}
	}
	for i := range v.Drops {
		v.RecentDrops += v.Drops[i].Recent
	}
	for _, k := range v.Kernel {
		v.LostInKernel += k.Count
	}
	v.Wrong = slices.ContainsFunc(v.Findings, func(f status.Finding) bool { return f.Severity == status.Error })
}

// troubled reports whether something is wrong with an interface. That it does not
// exist yet is not wrong.
func troubled(i *status.Interface) bool { return i.Reason != "" || i.Tone() == status.Bad }

// rows returns the page of the interfaces that the query asks for.
func (q query) rows(all []status.Interface, fs []status.Finding) rows {
	text := strings.ToLower(q.Name)
	var match []status.Interface
	for _, i := range all {
		if q.Trouble && !troubled(&i) {
			continue
		}
		if strings.Contains(strings.ToLower(i.Name), text) || strings.Contains(i.Address, text) {
			match = append(match, i)
		}
	}
	r := rows{Matching: len(match), Pages: max(1, (len(match)+pageRows-1)/pageRows)}
	r.Number = min(max(q.page, 1), r.Pages)
	from := (r.Number - 1) * pageRows
	said := remedies(fs)
	for _, i := range match[from:min(from+pageRows, len(match))] {
		n := row{Interface: i, Found: said[i.Do]}
		if above := len(r.Rows) - 1; above >= 0 && i.Reason != "" {
			n.Same = i.Reason == r.Rows[above].Reason && i.Do == r.Rows[above].Do && i.State == r.Rows[above].State
		}
		r.Rows = append(r.Rows, n)
	}
	r.First, r.Last = from+1, from+len(r.Rows)
	if r.Number > 1 {
		r.Before = q.link(r.Number - 1)
	}
	if r.Number < r.Pages {
		r.After = q.link(r.Number + 1)
	}
	return r
}

// remedies are what findings say to do.
func remedies(fs []status.Finding) map[string]bool {
	said := make(map[string]bool, len(fs))
	for i := range fs {
		said[fs[i].Do] = true
	}
	return said
}
