// SPDX-License-Identifier: Apache-2.0

package regex

import (
	"slices"
	"unicode"
)

// set is a sorted list of disjoint, non-adjacent ranges of code points.
type set []span

type span struct{ lo, hi rune }

const maxRune = unicode.MaxRune

func newSet(spans ...span) set {
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo) - int(b.lo) })
	var s set
	for _, r := range spans {
		if n := len(s); n > 0 && r.lo <= s[n-1].hi+1 {
			s[n-1].hi = max(s[n-1].hi, r.hi)
			continue
		}
		s = append(s, r)
	}
	return s
}

// runes makes a set of single characters.
func runes(chars string) set {
	var spans []span
	for _, r := range chars {
		spans = append(spans, span{r, r})
	}
	return newSet(spans...)
}

func (s set) union(o set) set { return newSet(append(slices.Clone(s), o...)...) }

func (s set) negate() set {
	var out set
	next := rune(0)
	for _, r := range s {
		if r.lo > next {
			out = append(out, span{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= maxRune {
		out = append(out, span{next, maxRune})
	}
	return out
}

func (s set) and(o set) set { return s.negate().union(o.negate()).negate() }

func (s set) has(r rune) bool {
	for _, x := range s {
		if r <= x.hi {
			return r >= x.lo
		}
	}
	return false
}

func fromTable(tables ...*unicode.RangeTable) set {
	var spans []span
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			spans = append(spans, span{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			spans = append(spans, span{r, r})
		}
	}
	for _, t := range tables {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return newSet(spans...)
}

// foldASCII adds the other case of ASCII letters, as CASE_INSENSITIVE alone does.
func (s set) foldASCII() set {
	out := slices.Clone(s)
	for c := rune('A'); c <= 'Z'; c++ {
		if s.has(c) {
			out = append(out, span{c + 32, c + 32})
		}
		if s.has(c + 32) {
			out = append(out, span{c, c})
		}
	}
	return newSet(out...)
}

// foldUnicode adds what Java takes for another case of a member: c belongs when upper(c) or lower(upper(c)) does.
func (s set) foldUnicode() set {
	out := slices.Clone(s)
	for _, cr := range unicode.CaseRanges {
		for c := rune(cr.Lo); c <= rune(cr.Hi); c++ {
			up := unicode.ToUpper(c)
			if s.has(up) || s.has(unicode.ToLower(up)) {
				out = append(out, span{c, c})
			}
		}
	}
	return newSet(out...)
}
