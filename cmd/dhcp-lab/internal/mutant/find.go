package mutant

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// swaps are the operators that stand for each other. Of those with several, each
// makes a mutant.
func swaps() map[token.Token][]token.Token {
	return map[token.Token][]token.Token{
		token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
		token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
		token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
		token.LAND: {token.LOR}, token.LOR: {token.LAND},
		token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.MUL},
		token.AND: {token.OR}, token.OR: {token.AND}, token.XOR: {token.AND}, token.AND_NOT: {token.AND},
		token.SHL: {token.SHR}, token.SHR: {token.SHL},
		token.INC: {token.DEC}, token.DEC: {token.INC},
		token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
		token.OR_ASSIGN: {token.AND_ASSIGN}, token.AND_ASSIGN: {token.OR_ASSIGN}, token.AND_NOT_ASSIGN: {token.OR_ASSIGN},
	}
}

// Find returns all mutants of the files, in their order. It passes over the text
// of errors and of what people read, which are strings.
func Find(files []string) ([]Mutant, error) {
	var all []Mutant
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		ms, err := find(name, src)
		if err != nil {
			return nil, err
		}
		all = append(all, ms...)
	}
	seen := make(map[string]int)
	for i := range all {
		k := all[i].key()
		all[i].nth = seen[k]
		seen[k]++
	}
	return all, nil
}

// A finder walks one file.
type finder struct {
	file string
	src  []byte
	set  *token.FileSet
	in   string // declaration
	out  []Mutant
}

func find(name string, src []byte) ([]Mutant, error) {
	f := &finder{file: filepath.ToSlash(name), src: src, set: token.NewFileSet()}
	tree, err := parser.ParseFile(f.set, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range tree.Decls {
		f.in = nameOf(d)
		if f.in == "" || f.in == "String" {
			continue
		}
		ast.Inspect(d, f.visit)
	}
	return f.out, nil
}

// nameOf returns the name of a function or method, or of the first value that is
// declared; "" for what holds no code.
func nameOf(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || d.Body == nil {
			return d.Name.Name
		}
		t := d.Recv.List[0].Type
		if p, ok := t.(*ast.StarExpr); ok {
			t = p.X
		}
		if id, ok := t.(*ast.Ident); ok {
			return id.Name + "." + d.Name.Name
		}
		return d.Name.Name
	case *ast.GenDecl:
		if d.Tok == token.CONST || d.Tok == token.VAR {
			if v, ok := d.Specs[0].(*ast.ValueSpec); ok {
				return v.Names[0].Name
			}
		}
	}
	return ""
}

// visit makes the mutants of one node.
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.swap(n.OpPos, n.Op)
	case *ast.IncDecStmt:
		f.swap(n.TokPos, n.Tok)
	case *ast.AssignStmt:
		f.swap(n.TokPos, n.Tok)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.add("!", n.OpPos, n.OpPos+1, "")
		}
	case *ast.IfStmt:
		f.add("if", n.Cond.Pos(), n.Cond.End(), "!("+f.text(n.Cond.Pos(), n.Cond.End())+")")
	case *ast.BasicLit:
		f.number(n)
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			f.add("bool", n.Pos(), n.End(), strconv.FormatBool(n.Name == "false"))
		}
	case *ast.BranchStmt:
		f.branch(n)
	case *ast.BlockStmt:
		f.leaveOut(n.List)
	case *ast.CaseClause:
		f.leaveOut(n.Body)
	case *ast.TypeSpec, *ast.ImportSpec, *ast.ArrayType:
		return false // lengths of arrays are no behaviour
	}
	return true
}

// swap puts each operator that stands for one in its place.
func (f *finder) swap(at token.Pos, op token.Token) {
	for _, other := range swaps()[op] {
		f.add(op.String(), at, at+token.Pos(len(op.String())), other.String())
	}
}

// number adds one to a whole number.
func (f *finder) number(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	if v, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
		f.add("number", n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
	}
}

// branch makes of continue a break and the other way round.
func (f *finder) branch(n *ast.BranchStmt) {
	word := n.Tok.String()
	other := map[token.Token]string{token.CONTINUE: "break", token.BREAK: "continue"}[n.Tok]
	if other != "" {
		f.add(word, n.Pos(), n.Pos()+token.Pos(len(word)), other)
	}
}

// leaveOut makes mutants without one statement each: a call, an assignment to
// what there is already, or one that counts.
func (f *finder) leaveOut(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE || blank(s.Lhs) {
				continue
			}
		case *ast.ExprStmt, *ast.IncDecStmt, *ast.SendStmt:
		default:
			continue
		}
		f.add("statement", s.Pos(), s.End(), "")
	}
}

// blank reports whether nothing is assigned to a name.
func blank(to []ast.Expr) bool {
	return !slices.ContainsFunc(to, func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return !ok || id.Name != "_"
	})
}

func (f *finder) text(from, to token.Pos) string {
	return string(f.src[f.set.Position(from).Offset:f.set.Position(to).Offset])
}

func (f *finder) add(rule string, from, to token.Pos, becomes string) {
	p := f.set.Position(from)
	f.out = append(f.out, Mutant{
		File: f.file, Func: f.in, Line: p.Line, Offset: p.Offset, Text: f.line(p.Offset), Old: f.text(from, to), New: becomes, Rule: rule,
	})
}

// line returns the line around an offset.
func (f *finder) line(at int) string {
	from := bytes.LastIndexByte(f.src[:at], '\n') + 1
	line, _, _ := bytes.Cut(f.src[from:], []byte("\n"))
	return string(bytes.TrimSpace(line))
}
