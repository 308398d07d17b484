// SPDX-License-Identifier: Apache-2.0

// Package vectors reads the golden vectors: cases recorded from Kafka Connect's own classes, one JSON object a line.
// The form is described in the README beside the data (codec/testdata/vectors).
//
//	line --json--> op, class, config, input..., expect
//	                        |                    |
//	                  Schema, Value, Record   Expect / Error
//
// Schemas and values come out as batch.Schema and batch values; what is compared is said by EqualSchema, EqualValue
// and Error.Matches. Only tests and the conformance command use this package.
package vectors
