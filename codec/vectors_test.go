// SPDX-License-Identifier: Apache-2.0

package codec_test

import (
	"testing"

	"github.com/penstock-io/penstock/codec/codeccase"
	"github.com/penstock-io/penstock/internal/vectors"
)

// TestVectors plays what Kafka Connect's own classes answered.
func TestVectors(t *testing.T) {
	for _, name := range []string{"json", "converters", "values", "avro"} {
		t.Run(name, func(t *testing.T) {
			cases, failed := map[string]int{}, map[string]int{}
			err := vectors.Lines("testdata/vectors/"+name+".jsonl.gz", func(line []byte) error {
				kind := codeccase.Kind(line)
				cases[kind]++
				if pass, detail := codeccase.Run(line); !pass {
					failed[kind]++
					if failed[kind] <= 20 {
						t.Errorf("%.400s\n%s", line, detail)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for kind, n := range cases {
				t.Logf("%s: %d of %d", kind, n-failed[kind], n)
			}
		})
	}
}
