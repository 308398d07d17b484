// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"unicode"
)

// Nearest returns the known name that a user most likely meant: one that differs
// only in case and separators, else the one within a small edit distance (a third
// of the length, four at most). It returns "" when nothing is near or the name is
// known. Ties go to the alphabetically first.
func Nearest(name string, known []string) string {
	if name == "" || slices.Contains(known, name) {
		return ""
	}
	sorted := slices.Clone(known)
	slices.Sort(sorted)
	folded := fold(name)
	for _, k := range sorted {
		if k != "" && fold(k) == folded {
			return k
		}
	}
	best, bestDistance := "", min(len([]rune(folded))/3, 4)+1
	for _, k := range sorted {
		if d := distance(folded, fold(k), bestDistance); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// UnknownKeys returns the keys of props that no definition knows and no prefix
// covers, sorted, each with the nearest known key or "". Prefixes end in a dot,
// such as "transforms." or "producer.".
func UnknownKeys(props Props, defs []Def, prefixes []string) []Hint {
	var known []string
	for _, d := range defs {
		known = append(known, d.Names()...)
	}
	set := make(map[string]bool, len(known))
	for _, k := range known {
		set[k] = true
	}
	var hints []Hint
	for k := range props {
		covered := func(p string) bool { return strings.HasPrefix(k, p) }
		if !set[k] && !slices.ContainsFunc(prefixes, covered) {
			hints = append(hints, Hint{Key: k, Nearest: Nearest(k, known)})
		}
	}
	slices.SortFunc(hints, func(a, b Hint) int { return strings.Compare(a.Key, b.Key) })
	return hints
}

// Hint is an unknown key and the known one it resembles.
type Hint struct{ Key, Nearest string }

// String returns the warning that users see.
func (h Hint) String() string {
	s := "unknown configuration " + h.Key
	if h.Nearest != "" {
		s += "; did you mean " + h.Nearest + "?"
	}
	return s
}

// fold drops case and everything that is not a letter or digit.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// distance is the edit distance with neighbours swapped counting as one edit. It
// gives up with limit once every way is that long.
func distance(a, b string, limit int) int {
	x, y := []rune(a), []rune(b)
	if abs(len(x)-len(y)) >= limit {
		return limit
	}
	before, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		rowMin := cur[0]
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
			rowMin = min(rowMin, cur[j])
		}
		if rowMin >= limit {
			return limit
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(y)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
