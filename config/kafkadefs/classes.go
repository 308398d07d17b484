// SPDX-License-Identifier: Apache-2.0

package kafkadefs

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/penstock-io/penstock/config"
)

//go:embed classes.txt
var classesText string

var kindLetters = map[rune]config.Kind{
	's': config.KindSource, 'k': config.KindSink, 'c': config.KindConverter, 'h': config.KindHeaderConverter,
	't': config.KindTransformation, 'p': config.KindPredicate, 'f': config.KindConfigProvider,
	'r': config.KindRestExtension, 'o': config.KindOverridePolicy,
}

var loadClasses = sync.OnceValue(func() map[string]config.Class {
	classes := map[string]config.Class{}
	for line := range strings.Lines(classesText) {
		name, flags, _ := strings.Cut(strings.TrimSpace(line), " ")
		c := config.Class{Name: name}
		for _, f := range flags {
			switch f {
			case 'A':
				c.Abstract = true
			case 'I':
				c.Abstract, c.Interface = true, true
			case 'P':
				c.Private = true
			default:
				c.Kinds |= kindLetters[f]
			}
		}
		classes[name] = c
	}
	for name, c := range classes { // nested classes that an abstract outer one suggests
		outer, ok := classes[name[:max(strings.LastIndexByte(name, '$'), 0)]]
		if ok && outer.Abstract && !c.Abstract && c.Kinds&outer.Kinds != 0 {
			outer.Children = nestedNames(classes, outer)
			classes[outer.Name] = outer
		}
	}
	return classes
})

// nestedNames lists Key before Value, as the transformations declare them.
func nestedNames(classes map[string]config.Class, outer config.Class) string {
	var names []string
	for _, simple := range []string{"Key", "Value"} {
		if c, ok := classes[outer.Name+"$"+simple]; ok && !c.Abstract {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// Class finds a Java class of Kafka Connect or of the JDK's common packages by its
// full name. It is a config.ClassResolver that knows no aliases: what a JVM without
// Connect's plugin loader would find.
func Class(name string) (config.Class, bool) {
	c, ok := loadClasses()[name]
	return c, ok
}
