// SPDX-License-Identifier: Apache-2.0

// Package rest is the Connect REST API: the paths, bodies, status codes and error texts of Kafka Connect's own server.
//
//	listener ─► request log ─► CORS, response headers ─► routes ─► resource ─► Herder
//	                                                       │
//	                                                       └► 404, 405, 415, 406, OPTIONS, HEAD as Jersey answers them
//
// One file per resource. The package knows the Herder as an interface and nothing of connectors or tasks, so that the
// standalone and the distributed herder share it. Bodies are written in the order of Jackson's fields and with its escapes.
//
// A second, private listener (AdminServer) carries what Kafka Connect leaves to JMX and jcmd: /metrics and /debug/pprof.
package rest
