// SPDX-License-Identifier: Apache-2.0

//go:build invariants || race

package invariants

// Enabled is true in builds with the invariants tag and under the race detector.
const Enabled = true
