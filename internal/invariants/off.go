// SPDX-License-Identifier: Apache-2.0

//go:build !invariants && !race

package invariants

// Enabled is false: checks guarded by it are removed by the compiler.
const Enabled = false
