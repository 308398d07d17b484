// SPDX-License-Identifier: Apache-2.0

// Package worker is the control plane: it decides what runs, keeps configurations and statuses, and answers the REST API.
// It never sees a record.
//
//	worker.properties ─► Config ─► Standalone ─┬─► rest.Server (and the private listener: /metrics, /debug/pprof)
//	connector files ───► PutConnector ─────────┤
//	                                           ├─► one connector: config, target state, Connector instance
//	                                           │       └─► engine.Task × tasks
//	                                           └─► statuses, active topics, offsets
//
// Distributed takes the place of Standalone in a cluster: configurations, statuses and offsets are in three topics
// (worker/store), and a group decides who runs what (worker/group). Diagnose looks at a cluster from outside, before a worker
// joins it.
//
// Changes to one connector happen one after the other, under that connector's token; different connectors do not wait for
// each other. What GET requests show is copied from state under a read lock that is never held while something runs.
// Whatever a connector does wrong, a panic included, ends as its own state FAILED.
package worker
