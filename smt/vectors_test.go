// SPDX-License-Identifier: Apache-2.0

package smt_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-io/penstock/internal/vectors"
	"github.com/penstock-io/penstock/smt/smtcase"
)

// pending holds the kinds that are not complete yet, with the failures that are allowed.
var pending = map[string]int{}

// TestVectors runs the golden vectors: what Kafka Connect's own classes answer must be what ours do.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/vectors/*.jsonl.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	passed, failed := map[string]int{}, map[string][]string{}
	for _, f := range files {
		err := vectors.Lines(f, func(line []byte) error {
			var c struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(line, &c); err != nil {
				return err
			}
			kind := c.ID[:strings.LastIndexByte(c.ID, '-')]
			if ok, detail := smtcase.Run(line); !ok {
				failed[kind] = append(failed[kind], c.ID+": "+detail)
				return nil
			}
			passed[kind]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for kind, details := range failed {
		if len(details) <= pending[kind] {
			t.Logf("%s: %d of %d cases fail, as known", kind, len(details), len(details)+passed[kind])
			continue
		}
		t.Errorf("%s: %d of %d cases fail, first:\n%s", kind, len(details), len(details)+passed[kind],
			strings.Join(details[:min(3, len(details))], "\n"))
	}
}
