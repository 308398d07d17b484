// SPDX-License-Identifier: Apache-2.0

package main

// known holds the cases that this build answers otherwise, knowingly: by id, why. They count as failed everywhere but
// in the table of docs/compatibility.md, which has a column for them. A case that passes must not be here (TestKnown).
var known = map[string]string{}
