// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the penstock binary from outside, as a user meets it: worker properties and connector files in,
// REST, topics, files and exit codes out. Every test runs against a real Apache Kafka broker, and where the JVM worker
// is the judge (the offset file, the position a file source continues at) it runs beside us.
//
//	scripts/integration                       all of it: fetches jars, runs, ends with "N passed, N failed"
//	go test -tags e2e ./internal/e2e -run X   one test, when the jars are in the cache
//
// Environment:
//
//	E2E_LINES    lines of the file walk, default 1,000,000
//	E2E_SEED     seed of generated lines, default 1; a failure prints it
//	E2E_WORKER   penstock (default) or jvm: the same tests against the worker that we must equal
//	E2E_BINARY   a penstock binary to test; default: built from this tree
//	E2E_KEEP     keeps the temporary folders of failed tests
//
// Package faults, below, breaks things under load and counts every record: see docs/faults.md.
// Package stack, below, starts and ends the processes; bench uses it too.
package e2e
