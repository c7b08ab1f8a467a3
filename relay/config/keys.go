package config

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// A Key is one key of the configuration, as the documentation tells of it.
type Key struct {
	Table   string // where it stands, "" for the top; [[interface]] has each key of "defaults" too
	Name    string
	Default string // as TOML; "" if there is none, because the key must be given
	Want    string // what may be written, fit to follow "write"
	Why     string // one sentence
}

// A key knows how to read itself into a T. The tables of keys are the only place
// where names, defaults and documentation are written.
type key[T any] struct {
	name string
	init string // the default, as TOML; "" for tables and for keys that must be given
	want string
	why  string
	read func(r *reader, v value, to *T)
}

// The readers of the simple kinds of keys.

func flag[T any](field func(*T) *bool) func(*reader, value, *T) {
	return func(r *reader, v value, to *T) {
		if b, ok := r.boolean(v); ok {
			*field(to) = b
		}
	}
}

type integer interface{ ~int | ~uint8 | ~uint16 }

func number[T any, N integer](least, greatest int64, field func(*T) *N) func(*reader, value, *T) {
	return func(r *reader, v value, to *T) {
		if n, ok := r.number(v, least, greatest); ok {
			*field(to) = N(n)
		}
	}
}

// choice is for enumerations whose values are the indexes of their names.
func choice[T any, N integer](field func(*T) *N, names ...string) func(*reader, value, *T) {
	return func(r *reader, v value, to *T) {
		if i, ok := r.choice(v, names...); ok {
			*field(to) = N(i)
		}
	}
}

// builtin returns a T with the defaults of its keys.
func builtin[T any](keys []key[T]) T {
	var b strings.Builder
	for _, k := range keys {
		if k.init != "" {
			fmt.Fprintf(&b, "%s = %s\n", k.name, k.init)
		}
	}
	var m map[string]any
	if _, err := toml.Decode(b.String(), &m); err != nil {
		panic("config: defaults: " + err.Error())
	}
	var t T
	r := &reader{}
	if readTable(r, keys, value{any: m}, &t); r.problems != nil {
		panic("config: " + Problems(r.problems).Error())
	}
	return t
}
