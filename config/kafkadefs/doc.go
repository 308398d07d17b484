// SPDX-License-Identifier: Apache-2.0

// Package kafkadefs holds the definition tables of Apache Kafka Connect itself:
// worker, connectors, transformations, predicates, converters, MirrorMaker and the
// clients, under the name of the Java class that defines them.
//
//	defs.json     every key, recorded by reflection from the classes of Kafka 4.3.1;
//	              a class is a list of indices and ranges of indices into the keys
//	classes.txt   Java classes that a CLASS value may name, with a letter for each
//	              plugin interface, I for interfaces, A for abstract, P for no public constructor
//	docs.txt      documentation of keys, our own words
//
// A name with a hash, such as TopicCreationConfig#group, is a definition that the
// class builds on demand. What a validator's text does not tell, such as which
// names are regular expressions, is written as Go in validators.go.
package kafkadefs
