// Package deploytest reads what deploy/ gives to Prometheus and Grafana, so that
// tests can hold it against what the relay exports. It is for tests only, and
// must not learn how the relay counts.
package deploytest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Query is what a query of Prometheus names.
type Query struct {
	Selectors []Selector
	Grouping  []string // labels after by, without, on, ignoring, group_left and group_right
	Made      []string // labels that label_replace makes
}

// A Selector is a metric with the labels by which series of it are chosen.
type Selector struct {
	Metric   string
	Matchers []Matcher
}

// A Matcher is one condition of a selector.
type Matcher struct{ Label, Op, Value string }

// Parse finds what a query names. It does not check the grammar, which promtool
// does, but refuses what it cannot tell apart for certain.
func Parse(expr string) (Query, error) {
	tokens, err := scan(expr)
	if err != nil {
		return Query{}, fmt.Errorf("query %q: %w", expr, err)
	}
	p := parser{tokens: tokens}
	if err := p.query(); err != nil {
		return Query{}, fmt.Errorf("query %q: %w", expr, err)
	}
	return p.found, nil
}

// token is one token of a query: text is a name, a number or duration, a
// quoted string, or a sign.
var token = regexp.MustCompile(`^(?:` +
	`([a-zA-Z_:][a-zA-Z0-9_:]*)` + // a name
	`|([0-9.][0-9a-zA-Z.]*)` + // a number or a duration
	`|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')` + // a string
	`|(=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],:])` + // a sign
	`)`)

func scan(s string) ([]string, error) {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		t := token.FindString(s)
		if t == "" {
			return nil, fmt.Errorf("unknown token at %q", s)
		}
		out = append(out, t)
		s = s[len(t):]
	}
	return out, nil
}

// Words of the language that are not followed by an argument list.
var (
	clauses   = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	operators = []string{"and", "or", "unless", "bool", "offset", "atan2"}
)

type parser struct {
	tokens []string
	found  Query
	quoted int // strings outside of selectors: the arguments of label_replace, 4 each
}

// next takes a token, or "" at the end.
func (p *parser) next() string {
	t := p.peek()
	if t != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) query() error {
	for len(p.tokens) > 0 {
		t := p.next()
		var err error
		switch {
		case t == "[":
			err = p.window()
		case t == "{":
			err = errors.New("a selector without a metric")
		case slices.Contains(clauses, t):
			err = p.labels()
		case t[0] == '"':
			err = p.argument(t)
		case !isName(t), slices.Contains(operators, t):
		case p.peek() == "(", p.peek() == "by", p.peek() == "without":
			// A function or an aggregation.
		default:
			err = p.selector(t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// argument takes a string outside of selectors. The first of four is the label that
// label_replace makes.
func (p *parser) argument(t string) error {
	label, err := strconv.Unquote(t)
	if p.quoted%4 == 0 {
		p.found.Made = append(p.found.Made, label)
	}
	p.quoted++
	return err
}

// window passes over what follows a bracket: a duration, or two.
func (p *parser) window() error {
	for {
		switch t := p.next(); t {
		case "]":
			return nil
		case "":
			return errors.New("a bracket is not closed")
		}
	}
}

// labels reads the list of a clause.
func (p *parser) labels() error {
	if t := p.next(); t != "(" {
		return fmt.Errorf("a list of labels begins with %q", t)
	}
	for {
		switch t := p.next(); {
		case t == ")":
			return nil
		case t == ",":
		case isName(t):
			p.found.Grouping = append(p.found.Grouping, t)
		default:
			return fmt.Errorf("a list of labels has %q", t)
		}
	}
}

// selector reads the matchers of a metric, if it has any.
func (p *parser) selector(metric string) error {
	s := Selector{Metric: metric}
	if p.peek() == "{" {
		p.next()
		for p.peek() != "}" {
			m, err := p.matcher()
			if err != nil {
				return fmt.Errorf("%s: %w", metric, err)
			}
			s.Matchers = append(s.Matchers, m)
			if p.peek() == "," {
				p.next()
			}
		}
		p.next()
	}
	p.found.Selectors = append(p.found.Selectors, s)
	return nil
}

func (p *parser) matcher() (Matcher, error) {
	m := Matcher{Label: p.next(), Op: p.next()}
	quoted := p.next()
	if !isName(m.Label) || !slices.Contains([]string{"=", "!=", "=~", "!~"}, m.Op) {
		return m, fmt.Errorf("no matcher: %s %s %s", m.Label, m.Op, quoted)
	}
	if strings.HasPrefix(quoted, "'") {
		return m, fmt.Errorf("matcher of %s: write double quotes", m.Label)
	}
	var err error
	if m.Value, err = strconv.Unquote(quoted); err != nil {
		return m, fmt.Errorf("matcher of %s: %q: %w", m.Label, quoted, err)
	}
	return m, nil
}

// isName reports whether a token is a name.
func isName(t string) bool {
	return t != "" && (t[0] == '_' || t[0] == ':' && len(t) > 1 || t[0]|0x20 >= 'a' && t[0]|0x20 <= 'z')
}
