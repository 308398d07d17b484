// SPDX-License-Identifier: Apache-2.0

package simpledate

import (
	_ "embed" // zones.tsv
	"strconv"
	"strings"
	"sync"
)

// zoneTable holds what the JVM (Java 17) knows of zones in en_US. Lines "n" are sets of names: standard, its
// abbreviation, daylight, its abbreviation. Lines "z" are zones: id, number of the set of names, standard offset and
// saving in minutes. Their order is the order in which Java looks a name up.
//
//go:embed zones.tsv
var zoneTable string

type zoneInfo struct {
	id             string
	names          *[4]string
	offset, saving int // minutes
}

// savingMillis is what its clocks are put forward by; an hour where it no longer does so.
func (z *zoneInfo) savingMillis() int {
	if z.saving == 0 {
		return 3600000
	}
	return z.saving * 60000
}

type zoneData struct {
	byID map[string]*zoneInfo
	// finds are the names in order of look-up, each once: of zones that share a name only the first can be found.
	finds []zoneFind
}

type zoneFind struct {
	name string
	zone *zoneInfo
	kind int // index into names
}

var zones = sync.OnceValue(func() *zoneData {
	z := &zoneData{byID: map[string]*zoneInfo{}}
	var names []*[4]string
	seen := map[string]bool{}
	for line := range strings.Lines(zoneTable) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if c[0] == "n" {
			names = append(names, (*[4]string)(c[1:]))
			continue
		}
		info := &zoneInfo{id: c[1], names: names[tableInt(c[2])], offset: tableInt(c[3]), saving: tableInt(c[4])}
		if z.byID[info.id] == nil {
			z.byID[info.id] = info
		}
		for kind, name := range info.names {
			if key := strings.ToUpper(name); name != "" && !seen[key] {
				seen[key] = true
				z.finds = append(z.finds, zoneFind{name: name, zone: info, kind: kind})
			}
		}
	}
	return z
})

func tableInt(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("BUG: bad table of zones: " + err.Error())
	}
	return n
}

// zoneName is TimeZone.getDisplayName.
func (f *Format) zoneName(daylight, long bool) string {
	if f.zone == nil {
		if long {
			return "Coordinated Universal Time"
		}
		return "UTC"
	}
	info := zones().byID[f.zone.String()]
	if info == nil {
		return f.zone.String()
	}
	i := 0
	if daylight {
		i = 2
	}
	if !long {
		i++
	}
	return info.names[i]
}

// findZone looks for a zone name at the start of text: first among those of the zone own, then of UTC, which stands
// for the JVM's default, then of all.
func findZone(text, own string) (zoneFind, bool) {
	z := zones()
	for _, id := range []string{own, "UTC"} {
		if info := z.byID[id]; info != nil {
			for kind, name := range info.names {
				if hasPrefixFold(text, name) {
					return zoneFind{name: name, zone: info, kind: kind}, true
				}
			}
		}
	}
	for _, f := range z.finds {
		if hasPrefixFold(text, f.name) {
			return f, true
		}
	}
	return zoneFind{}, false
}

// hasPrefixFold is String.regionMatches ignoring case, for ASCII names.
func hasPrefixFold(s, name string) bool {
	if len(s) < len(name) || name == "" {
		return false
	}
	for i := range len(name) {
		a, b := s[i], name[i]
		if a != b && (a|0x20 != b|0x20 || !isLetter(a)) {
			return false
		}
	}
	return true
}
