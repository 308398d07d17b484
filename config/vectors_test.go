// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"

	"github.com/penstock-io/penstock/config/configcase"
)

// TestVectors runs every recorded case: what Kafka 4.3.1 answers is what we answer.
func TestVectors(t *testing.T) {
	f, err := os.Open("testdata/vectors/config.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 1<<24)
	passed, failed := 0, 0
	for sc.Scan() {
		var head struct {
			ID     string          `json:"id"`
			Op     string          `json:"op"`
			Expect json.RawMessage `json:"expect"`
		}
		if err := json.Unmarshal(sc.Bytes(), &head); err != nil {
			t.Fatal(err)
		}
		pass, got, err := configcase.Run(head.Op, sc.Bytes())
		if pass && err == nil {
			passed++
			continue
		}
		if failed++; failed <= 10 {
			t.Errorf("%s: %v\nwant %s\n got %s", head.ID, err, head.Expect, got)
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d passed, %d failed", passed, failed)
	if passed == 0 {
		t.Error("no vectors")
	}
}
