// SPDX-License-Identifier: Apache-2.0

// Package invariants holds the switch for checks that cost nothing in production.
//
// `make test` builds with the tag on; so does the race detector. Guard a check with
// `if invariants.Enabled { ... }` and panic with "BUG: ..." when it fails.
package invariants
