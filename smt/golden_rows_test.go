// SPDX-License-Identifier: Apache-2.0

package smt

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/batch/batchtest"
	"github.com/penstock-io/penstock/internal/vectors"
)

// rowKinds are the transforms that move whole fields, headers or topics.
var rowKinds = []string{
	"DropHeaders", "ExtractField", "Filter", "HeaderFrom", "HoistField", "InsertField", "InsertHeader",
	"RegexRouter", "SetSchemaMetadata", "TimestampRouter", "ValueToKey",
}

// TestGoldenRows runs the vectors of one configuration together, in every form of the harness. (Alone they run in
// TestVectors.)
func TestGoldenRows(t *testing.T) {
	groups := map[string]*goldenGroup{}
	err := vectors.Lines("testdata/vectors/smt.jsonl.gz", func(line []byte) error {
		var c goldenCase
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		kind, _, _ := strings.Cut(c.ID, "-")
		switch {
		case !slices.Contains(rowKinds, kind) || c.Op != "smt":
			return nil
		case bytes.Contains(c.Record, []byte(`"kind":"sink"`)) && bytes.Contains(c.Record, []byte(`"partition":null`)):
			return nil // a record that no batch can hold: see smtcase
		case bytes.Contains(line, []byte("Timestamp missing on record")):
			return nil // the message names the topic that the batch was fetched from, which is one
		case c.ID == "HeaderFrom-20466d33eeda4d":
			return nil // a struct in a header whose own schema the vector does not tell
		}
		if err := c.run(groups); err != nil {
			t.Errorf("%s: %v\n%s", c.ID, err, c.Config)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		batchtest.Run(t, g.make, g.in, g.sink, g.want)
	}
}
