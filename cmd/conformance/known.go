// SPDX-License-Identifier: Apache-2.0

package main

// known holds the cases that this build answers otherwise, knowingly: by id, why. They count as failed everywhere but
// in the table of docs/compatibility.md, which has a column for them. A case that passes must not be here (TestKnown).
var known = map[string]string{
	"String-9a84ac263c4dbe": "bytes that are no Shift_JIS: how many of them one U+FFFD stands for differs between decoders",
}
