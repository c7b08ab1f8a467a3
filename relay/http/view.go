package http

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/observe/transaction"
)

// How much the page shows at once.
const (
	pageRows         = 50 // interfaces
	pageTransactions = 50
	pageProblems     = 50  // findings
	pageLosses       = 100 // kinds of drops
)

// A view is what the page is made of.
type view struct {
	status.Report
	Query        query
	Good, All    tally
	Wrong        bool // a finding is an error
	RecentDrops  uint64
	LostInKernel uint64
	Problems     []problem
	MoreFindings int
	Losses       []status.Drop
	MoreDrops    int
	Page         rows
	Outcomes     []string
	Transactions []api.Transaction // newest first
	FilterError  string
}

// A tally counts what a report tells of.
type tally struct{ Interfaces, Servers int }

// Rows are one page of the interfaces that the query asks for.
type rows struct {
	Rows                  []status.Interface
	First, Last, Matching int // from 1
	Number, Pages         int // from 1
	Before, After         string
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
	v.Page = q.rows(v.Interfaces)
	f, err := q.filter()
	if err != nil {
		v.FilterError = err.Error()
		return v
	}
	v.Transactions = p.relay.Transactions(f, pageTransactions)
	slices.Reverse(v.Transactions)
	return v
}

func (v *view) count() {
	v.All = tally{len(v.Interfaces), len(v.Servers)}
	for i := range v.Interfaces {
		if v.Interfaces[i].Tone() == status.Good {
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
func (q query) rows(all []status.Interface) rows {
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
	r.Rows = match[from:min(from+pageRows, len(match))]
	r.First, r.Last = from+1, from+len(r.Rows)
	if r.Number > 1 {
		r.Before = q.link(r.Number - 1)
	}
	if r.Number < r.Pages {
		r.After = q.link(r.Number + 1)
	}
	return r
}
