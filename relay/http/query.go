//go:build !small

package http

import (
	"cmp"
	"encoding/hex"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/observe/transaction"
)

// A query is what a reader of the page wants to see.
type query struct {
	Name    string // a part of an interface's name or address
	Trouble bool   // only interfaces with trouble
	page    int
	ladders map[string]string // by keys of transaction.FilterKeys, and "client"
}

// A field is one value of a form.
type field struct{ Name, Value string }

func newQuery(v url.Values) query {
	q := query{Name: strings.TrimSpace(v.Get("name")), Trouble: v.Get("trouble") != "", ladders: make(map[string]string)}
	q.page, _ = strconv.Atoi(v.Get("page")) // what is no number is the first page
	for _, key := range append(transaction.FilterKeys(), "client") {
		if s := strings.TrimSpace(v.Get(key)); s != "" {
			q.ladders[key] = s
		}
	}
	return q
}

// Get returns what transactions are filtered by, or "".
func (q query) Get(key string) string { return q.ladders[key] }

// Filtered reports whether not all transactions are asked for.
func (q query) Filtered() bool { return len(q.ladders) > 0 }

// Transactions returns the fields of the filter of transactions that are set.
func (q query) Transactions() []field {
	fs := make([]field, 0, len(q.ladders))
	for k, v := range q.ladders {
		fs = append(fs, field{k, v})
	}
	slices.SortFunc(fs, func(a, b field) int { return cmp.Compare(a.Name, b.Name) })
	return fs
}

// Interfaces returns the fields of the filter of interfaces that are set.
func (q query) Interfaces() (fs []field) {
	if q.Name != "" {
		fs = append(fs, field{"name", q.Name})
	}
	if q.Trouble {
		fs = append(fs, field{"trouble", "1"})
	}
	return fs
}

// link returns the address of another page of interfaces, all else as it is.
func (q query) link(page int) string {
	v := url.Values{"page": {strconv.Itoa(page)}}
	for _, f := range append(q.Interfaces(), q.Transactions()...) {
		v.Set(f.Name, f.Value)
	}
	return "?" + v.Encode()
}

// filter returns the filter of transactions.
func (q query) filter() (transaction.Filter, error) {
	client := q.ladders["client"]
	kind := clientKey(client)
	return transaction.ParseFilter(func(key string) string {
		if s := q.ladders[key]; s != "" || key != kind {
			return s
		}
		return client
	})
}

// clientKey returns the key of transaction.FilterKeys that describes a client by what
// it looks like.
func clientKey(s string) string {
	s = strings.ToLower(s)
	octets, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(s))
	_, noAddress := netip.ParseAddr(s)
	switch {
	case noAddress == nil:
		return "address"
	case strings.HasPrefix(s, "mac-"), err == nil && len(octets) == 6:
		return "mac"
	case strings.HasPrefix(s, "duid-"), err == nil && len(octets) > 0:
		return "duid"
	}
	return "address"
}
