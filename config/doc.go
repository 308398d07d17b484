// SPDX-License-Identifier: Apache-2.0

// Package config holds what Kafka Connect keeps in ConfigDef and its friends:
// the definitions of configuration keys, the rules that turn text into typed
// values, the indirection through config providers, and the registry that maps
// Java class names and aliases to our own constructors.
//
//	.properties / JSON ──► Properties ──► Transformer ──► Def.Parse ──► Values
//	                        (ordered)     (${p:path:key})     │
//	                                                          └► Def.Validate ──► []Value (REST)
//
// Rules of the house:
//
//   - It is a leaf: it imports the standard library only, and knows nothing of
//     batches, tasks or workers.
//   - A Def is a plain slice of keys, written as a table beside the component it
//     describes and read-only once built.
//   - Messages are those of Java's ConfigException, because scripts, dashboards
//     and operators match on them.
//   - A PASSWORD never prints: Password hides itself from fmt, JSON and slog.
//   - Properties that may hold a null value travel as map[string]*string (Props):
//     an absent key takes its default, a null does not.
package config
