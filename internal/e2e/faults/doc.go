// SPDX-License-Identifier: Apache-2.0

// Package faults breaks things around a running worker and counts what became of every record.
//
//	Load ──► file ──► source ─┐                  ┌─► sink ──► file ──► Ledger
//	                          ├─► proxies ──► 3 brokers
//	Load ──► (role sink) ─────┼──────────────────┘
//	                          └─► topic ──► Ledger
//
// A System is three brokers whose clients are told to come through proxies, and the binary under test. A Case is one
// worker with a few streams (each codec, with and without TLS and SASL) under load; faults strike it at moments that a
// seed chooses, and after each one every record written so far must arrive before the next strikes. Every record
// carries its stream, number and checksum, and can be made again from the seed: a Ledger tells lost, repeated, misplaced,
// torn and changed ones apart. docs/faults.md says what is expected of which fault and why.
//
// Tests with the tag e2e run it: scripts/integration a short form, make soak a long one.
package faults
