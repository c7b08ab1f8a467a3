package api_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/status"
)

var update = flag.Bool("update", false, "write README.md anew")

// A room is where types of answers stand.
type room struct {
	name   string
	types  map[string]*ast.TypeSpec
	docs   map[string]string   // of the types
	values map[string][]string // of closed lists, each with what it means
}

// A house is its rooms by their names.
type house map[string]*room

// find returns the room of a type such as api.Step, and its name there.
func (all house) find(name string) (r *room, typ string) {
	pkg, typ, _ := strings.Cut(name, ".")
	return all[pkg], typ
}

// rooms are the package api, and those whose types are not there.
func rooms(t *testing.T) house {
	t.Helper()
	all := make(house)
	for name, dir := range map[string]string{"api": ".", "status": "../observe/status", "count": "../observe/count", "explain": "../explain", "probe": "../probe"} {
		r := &room{name, make(map[string]*ast.TypeSpec), make(map[string]string), make(map[string][]string)}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if g, ok := d.(*ast.GenDecl); ok {
					r.declare(g)
				}
			}
		}
		all[name] = r
	}
	for s := range agent.State(agent.NumStates) {
		all["status"].values["agent.State"] = append(all["status"].values["agent.State"], "`"+s.String()+"` ("+s.Doc().What+")")
	}
	for _, d := range status.ServerStates() {
		all["status"].values["ServerState"] = append(all["status"].values["ServerState"], "`"+d.Name+"` ("+d.What+")")
	}
	return all
}

// declare notes the types, and the values of closed lists, of a declaration.
func (r *room) declare(g *ast.GenDecl) {
	for _, s := range g.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			r.types[s.Name.Name], r.docs[s.Name.Name] = s, oneLine(g.Doc.Text())
		case *ast.ValueSpec:
			typ, named := s.Type.(*ast.Ident)
			if !named || len(s.Values) != 1 {
				continue
			}
			if lit, ok := s.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				v := strings.ReplaceAll(lit.Value, `"`, "`")
				if what := oneLine(s.Comment.Text()); what != "" {
					v += " (" + what + ")"
				}
				r.values[typ.Name] = append(r.values[typ.Name], v)
			}
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// A field is one of an object, as JSON has it.
type field struct {
	name, kind, text string
	object           string // the type of the object or list of objects; "" if it is none
}

// fields returns the fields of a struct of a room, those of embedded ones first.
func (all house) fields(t *testing.T, name string) (fs []field) {
	t.Helper()
	r, name := all.find(name)
	spec := r.types[name]
	if spec == nil {
		t.Fatalf("%s has no type %s", r.name, name)
	}
	s, ok := spec.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			if id, ok := f.Type.(*ast.Ident); ok && len(f.Names) == 0 {
				fs = append(fs, all.fields(t, r.name+"."+id.Name)...)
			}
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		key, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(tag, `json:"`), `"`), ",")
		one := field{name: key, text: oneLine(f.Comment.Text())}
		if one.text == "" {
			one.text = oneLine(f.Doc.Text())
		}
		one.kind, one.object = r.kind(f.Type)
		if strings.Contains(tag, ",omit") {
			one.kind += ", or absent"
		}
		fs = append(fs, one)
	}
	return fs
}

// kind says what a type is in JSON.
func (r *room) kind(e ast.Expr) (kind, object string) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return r.kind(e.X)
	case *ast.ArrayType:
		kind, object = r.kind(e.Elt)
		return "list of " + kind, object
	case *ast.SelectorExpr:
		switch name := fmt.Sprint(e.X, ".", e.Sel); name {
		case "time.Time":
			return "time", ""
		case "netip.AddrPort", "api.Endpoint":
			return "address:port", ""
		case "netip.Addr":
			return "address", ""
		case "dhcp.Family":
			return "`ipv4` or `ipv6`", ""
		case "senderror.Towards":
			return "`server` or `client`", ""
		case "dhcp.Direction":
			return "`request` or `reply`", ""
		case "agent.State":
			return "one of " + strings.Join(r.values[name], ", "), ""
		default:
			return link(e.Sel.Name), name
		}
	case *ast.Ident:
		switch e.Name {
		case "string", "Octets":
			return "string", ""
		case "Scope":
			return "`ipv4` or `ipv6`", ""
		case "Endpoint":
			return "address:port", ""
		case "bool":
			return "boolean", ""
		case "float64":
			return "number", ""
		case "int", "int64", "uint16", "uint32", "uint64":
			return "integer", ""
		}
		if vs := r.values[e.Name]; vs != nil {
			return "one of " + strings.Join(vs, ", "), ""
		}
		return link(e.Name), r.name + "." + e.Name
	}
	return fmt.Sprintf("%T", e), ""
}

func link(typ string) string { return fmt.Sprintf("[%s](#%s)", typ, strings.ToLower(typ)) }

// answers are what is answered where, and the type of each.
func answers() [][2]string {
	return [][2]string{
		{"`/api/v1/status`, `dhcp-relay status --json`", "status.Report"},
		{"`/api/v1/transactions`, `dhcp-relay trace --last N --json`: a list of", "api.Transaction"},
		{"`/api/v1/trace`, `dhcp-relay trace --json`: one a line", "api.Event"},
		{"`/reload`, on the socket of `[control]`", "api.Verdict"},
		{"`/log-level`, there", "api.Level"},
		{"`dhcp-relay record --json`", "api.Recording"},
		{"`/probe`, there, `dhcp-relay probe --json`: a list of", "probe.Result"},
		{"`dhcp-relay explain --json`: one a line", "explain.Result"},
	}
}

// reachable returns the objects that an answer is made of, itself first.
func (all house) reachable(t *testing.T, root string) (names []string) {
	t.Helper()
	names = []string{root}
	for i := 0; i < len(names); i++ {
		for _, f := range all.fields(t, names[i]) {
			if f.object != "" && !slices.Contains(names, f.object) {
				names = append(names, f.object)
			}
		}
	}
	return names
}

const head = `# The JSON of dhcp-relay

Made of the types by ` + "`go test ./relay/api -update`" + `.

The same words mean the same in every answer. ` + "`family`" + ` is ` + "`ipv4` or `ipv6`, `direction` is `request` or `reply`" + `;
` + "`interface`" + ` is a name; ` + "`source` and `destination`" + ` are address:port, IPv6 addresses in brackets;
` + "`outcome`" + ` is ` + "`relayed`" + ` or the reason of a drop as in
[the metrics](../../metrics/README.md), ` + "`what`" + ` says what happened and ` + "`remedy`" + ` what to do
about it. Times are as in RFC 3339; what ends in ` + "`_seconds`" + ` is a time in seconds, with a
fraction. Lists are there when they are empty. Fields may be added: pass over those
that you do not know.

| where | what |
|---|---|
`

// reference writes the page.
func reference(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(head)
	all, seen := rooms(t), make(map[string]bool)
	for _, a := range answers() {
		_, name := all.find(a[1])
		fmt.Fprintf(&b, "| %s | %s |\n", a[0], link(name))
	}
	for _, a := range answers() {
		for _, full := range all.reachable(t, a[1]) {
			if seen[full] {
				continue
			}
			seen[full] = true
			r, name := all.find(full)
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| field | | |\n|---|---|---|\n", name, r.docs[name])
			for _, f := range all.fields(t, full) {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, f.kind, strings.ReplaceAll(f.text, "|", "\\|"))
			}
		}
	}
	return b.String()
}

// The page tells each field and what it means, as the code does.
func TestPageIsMadeOfTheTypes(t *testing.T) {
	t.Parallel()
	const page = "README.md"
	got := reference(t)
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("go test ./relay/api -update writes it anew (-page +code):\n%s", diff)
	}
}

// No answer calls by another name what the others call by one.
func TestAnswersSpeakOneDialect(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	elsewhere := map[string]string{
		"do": "remedy", "from": "source", "to": "destination", "heard_on": "interface", "iface": "interface",
		"last": "last_seen", "at": "time", "timestamp": "time", "dst": "destination", "src": "source",
	}
	all := rooms(t)
	for _, a := range answers() {
		for _, name := range all.reachable(t, a[1]) {
			for _, f := range all.fields(t, name) {
				if name == "explain.Change" && f.name == "to" {
					continue // an offset
				}
				switch other := elsewhere[f.name]; {
				case !form.MatchString(f.name):
					t.Errorf("%s.%s is not lower case with underscores", name, f.name)
				case other != "":
					t.Errorf("%s.%s: elsewhere it is %s", name, f.name, other)
				case strings.HasSuffix(f.name, "_ns"), strings.HasSuffix(f.name, "_ms"), strings.Contains(f.kind, "Duration"):
					t.Errorf("%s.%s: times are told in seconds", name, f.name)
				case strings.Contains(f.kind, "*ast"):
					t.Errorf("%s.%s: no word for its type", name, f.name)
				}
			}
		}
	}
}
