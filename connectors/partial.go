// SPDX-License-Identifier: Apache-2.0

package connectors

import "fmt"

// PartialError is returned by a Put that wrote some of its rows before one failed: the first Delivered live rows of the
// batches are safe, in order, and the next one is at fault. With penstock.errors.put.isolate=true the engine goes on after
// it without putting the others again; otherwise it is an error as any.
type PartialError struct {
	Delivered int
	Err       error
}

// Error says how far the put came.
func (e *PartialError) Error() string { return fmt.Sprintf("after %d records: %v", e.Delivered, e.Err) }

// Unwrap is what is wrong with the record.
func (e *PartialError) Unwrap() error { return e.Err }
