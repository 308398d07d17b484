// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"testing"

	"github.com/penstock-io/penstock/batch"
)

// TestTransformThatRefusesItsConfiguration holds the trace to the lines that Java's has.
func TestTransformThatRefusesItsConfiguration(t *testing.T) {
	const str = "org.apache.kafka.connect.storage.StringConverter"
	task := &Task{o: Options{Config: map[string]string{
		"key.converter": str, "value.converter": str,
		"transforms": "a", "transforms.a.type": "org.apache.kafka.connect.transforms.InsertField$Value",
	}}}
	_, err := newStages(task)
	const refused = "org.apache.kafka.common.config.ConfigException: No field insertion configured"
	if want := batch.ConnectException + ": " + refused + "\nCaused by: " + refused + "\n"; batch.Trace(err) != want {
		t.Errorf("got %q\nwant %q", batch.Trace(err), want)
	}
}
