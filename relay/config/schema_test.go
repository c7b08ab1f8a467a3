package config

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
)

const schemaFile = "../../deploy/relay.schema.json"

// RELAY_UPDATE=1 writes the file anew from the table of keys.
func TestSchemaFile(t *testing.T) {
	t.Parallel()
	if os.Getenv("RELAY_UPDATE") != "" {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(Schema()), string(data)); diff != "" {
		t.Errorf("the schema differs from the table of keys (-table +file):\n%s", diff)
	}
}

// The schema takes the example and what the reader takes, and refuses what it refuses.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	t.Parallel()
	var s jsonschema.Schema
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	schema, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	const some = `"name": "vlan10", "servers": ["10.9.0.2"]`
	for _, tt := range []struct {
		name, text string
		good       bool
	}{
		{"the example", exampleAsJSON(t), true},
		{"least", `{"interface": [{` + some + `}]}`, true},
		{"option 82 off", `{"interface": [{` + some + `, "dhcpv4": {"option82": false}}]}`, true},
		{"option 82", `{"interface": [{` + some + `, "dhcpv4": {"option82": {"remote_id": true, "vendor": [{"enterprise": 9, "data": "x"}]}}}]}`, true},
		{"remote-id", `{"defaults": {"dhcpv6": {"remote_id": {"enterprise": 9, "id": "x{mac}"}}}, "interface": [{` + some + `}]}`, true},
		{"types by name and number", `{"interface": [{` + some + `, "dhcpv4": {"refuse_types": [10, "inform"]}}]}`, true},
		{"for editors", `{"$schema": "relay.schema.json", "interfaces": "none"}`, true},
		{"unknown key", `{"interface": [{` + some + `, "colour": 1}]}`, false},
		{"number as a string", `{"interface": [{` + some + `, "limit": "3"}]}`, false},
		{"out of range", `{"interface": [{` + some + `, "dhcpv4": {"hop_limit": 17}}]}`, false},
		{"no name", `{"interface": [{"servers": ["10.9.0.2"]}]}`, false},
		{"no list", `{"interface": {` + some + `}}`, false},
		{"no such word", `{"log": {"level": "loud"}, "interface": [{` + some + `}]}`, false},
		{"no such table", `{"globals": {}, "interface": [{` + some + `}]}`, false},
	} {
		var v any
		if err := json.Unmarshal([]byte(tt.text), &v); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := schema.Validate(v); (err == nil) != tt.good {
			t.Errorf("%s: the schema says %v, want good: %v", tt.name, err, tt.good)
		}
		if _, err := Parse("f.json", []byte(tt.text), testHost()); (err == nil) != tt.good {
			t.Errorf("%s: the reader says %v, want good: %v", tt.name, err, tt.good)
		}
	}
}

func exampleAsJSON(t *testing.T) string {
	t.Helper()
	var m map[string]any
	if _, err := toml.NewDecoder(bytes.NewReader(readExample(t))).Decode(&m); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
