// SPDX-License-Identifier: Apache-2.0

// Package assignor plays random histories of a Connect cluster to our leader's assignor and to Kafka's own class, side by
// side, and wants equal answers: workers that join, crash, come back or miss a round, connectors that come, go and change
// their tasks, leaders that change, clocks that move.
//
//	history ──► worker/group.Cooperative            ──► who starts and stops what, delay ──┐
//	   │                                                                                  ├─ equal?
//	   └──────► java/AssignorPeer (a JVM, by lines) ──► who starts and stops what, delay ──┘
//
// The Java side is compiled against the jars that scripts/jvm-connect fetches, into the package of Kafka's class, because
// what it calls is visible there only.
//
//	go test -tags e2e ./internal/e2e/assignor        E2E_HISTORIES=100000 for a long run, E2E_SEED for another one
package assignor
