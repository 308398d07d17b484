// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"log/slog"
	"strings"
	"testing"

	_ "github.com/penstock-io/penstock/connectors/all" // what the pipeline is made of
)

func TestQuickstartDeliversAndGoesOn(t *testing.T) {
	data := t.TempDir()
	run := func(n int64, want string) {
		t.Helper()
		var out strings.Builder
		err := Run(t.Context(), Options{ExitAfter: n, Data: data, REST: "127.0.0.1:0", Out: &out, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err, out.String())
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("the summary is not %q:\n%s", want, out.String())
		}
	}
	run(1000, ": orders 1 to 1000, 0 missing, 0 twice, 0 malformed, 0 not masked")
	// the second run finds topics, offsets and output of the first
	run(200, "200 sink records")
	run(1, ": orders 1201 to 1201, 0 missing")
}
