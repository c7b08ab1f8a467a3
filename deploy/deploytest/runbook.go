package deploytest

import (
	"fmt"
	"regexp"
	"strings"
)

// RunbooksURL is where the alerts say that the page of runbooks is.
const RunbooksURL = "file:///usr/share/dhcp-relay/prometheus/RUNBOOKS.md"

const runbooksHead = `# Runbooks

What each alert of [dhcp-relay.rules.yml](dhcp-relay.rules.yml) means, and what to do.
Words in capitals stand for what the alert names. Put this page where your operators
reach it, and its address into the rules:

    sed -i 's|` + RunbooksURL + `|https://...|' dhcp-relay.rules.yml

`

// Runbooks returns a page with a section for each alert: what the rules say, without
// what only a firing alert knows.
func Runbooks(rules []Rule) (string, error) {
	var b strings.Builder
	b.WriteString(runbooksHead)
	for _, r := range rules {
		if r.Alert == "" {
			continue
		}
		after := "at once"
		if r.For != "" {
			after = "after " + r.For
		}
		for _, part := range []string{
			"## " + r.Alert,
			r.Annotations["summary"] + " (" + r.Labels["severity"] + ", " + after + ")",
			r.Annotations["description"], r.Annotations["runbook"],
		} {
			text, err := still(part)
			if err != nil {
				return "", fmt.Errorf("%s: %w", r.Alert, err)
			}
			b.WriteString(text + "\n\n")
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

// What there is of templates in annotations.
var (
	asked  = regexp.MustCompile(`(?s){{ (?:range|with|if) .*?(?:{{ end -}}\s*|{{ end }})`)
	label  = regexp.MustCompile(`{{ \$labels\.(\w+) }}`)
	amount = regexp.MustCompile(`{{ (?:printf "%.0f" \$value|\$value \| humanize\w*) }}`)
)

// still returns a text without its templates.
func still(text string) (string, error) {
	text = asked.ReplaceAllString(text, "")
	text = label.ReplaceAllStringFunc(text, func(s string) string {
		return strings.ToUpper(label.FindStringSubmatch(s)[1])
	})
	text = strings.TrimSpace(amount.ReplaceAllString(text, "N"))
	if strings.Contains(text, "{{") {
		return "", fmt.Errorf("an unknown template: %q", text)
	}
	return text, nil
}
