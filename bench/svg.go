// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// svg is a picture that grows: plain shapes and text, no scripts, so that it shows wherever Markdown does.
type svg struct {
	strings.Builder
}

func (s *svg) open(width, height float64) {
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="sans-serif" font-size="12">`+"\n",
		width, height, width, height)
	fmt.Fprintf(s, `<rect width="%.0f" height="%.0f" fill="#ffffff"/>`+"\n", width, height)
}

func (s *svg) rect(x, y, width, height float64, fill, title string) {
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" rx="1"><title>%s</title></rect>`+"\n", x, y, width, height, fill, html.EscapeString(title))
}

func (s *svg) text(x, y float64, anchor, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(text))
}

// bars are the peers of the chart and their colours.
var bars = []struct{ peer, name, fill string }{
	{jvmPeer, "JVM, defaults", "#1f77b4"},
	{bestPeer, "JVM, best setting", "#9ecae1"},
	{rawPeer, "raw client", "#bbbbbb"},
}

func barLabel(v float64) string {
	switch {
	case v >= 10:
		return digits(0)(v)
	case v < 1:
		return digits(2)(v)
	}
	return digits(1)(v)
}

// chart shows by how much penstock's records per CPU-second exceed those of each peer, on a logarithmic scale, with the
// target as a mark.
func (p *page) chart() string {
	const left, plot, bar, gap = 150.0, 560.0, 13.0, 12.0
	var data []*workload
	for _, w := range p.shown("figures") {
		if w.isData() {
			data = append(data, w)
		}
	}
	low, high := 0.5, 100.0
	at := func(v float64) float64 {
		return left + plot*math.Log(min(max(v, low), high)/low)/math.Log(high/low)
	}
	height := 60 + float64(len(data))*(3*bar+gap)
	var s svg
	s.open(left+plot+60, height)
	x := left
	for _, b := range bars {
		s.rect(x, 10, 12, 12, b.fill, b.name)
		s.text(x+16, 20, "start", "over "+b.name)
		x += 160
	}
	for _, v := range []float64{0.5, 1, 2, 5, 10, 20, 50, 100} {
		fmt.Fprintf(&s, `<line x1="%.1f" x2="%.1f" y1="32" y2="%.1f" stroke="%s"/>`+"\n", at(v), at(v), height-20, map[bool]string{true: "#333333", false: "#dddddd"}[v == 1])
		s.text(at(v), height-6, "middle", fmt.Sprintf("%g ×", v))
	}
	y := 38.0
	for _, w := range data {
		r, row := p.newest[w.name], rows(w.kind)[0]
		s.text(left-8, y+1.5*bar+4, "end", w.name)
		for _, b := range bars {
			if v := row.ratioTo(r.of(w, ours), r.of(w, b.peer)); v > 0 {
				s.rect(min(at(1), at(v)), y, math.Abs(at(v)-at(1)), bar-2, b.fill, fmt.Sprintf("%s: %.2f × %s", w.name, v, b.name))
				s.text(max(at(v), at(1))+4, y+bar-3, "start", barLabel(v))
			}
			for _, t := range w.targets {
				if t.peer == b.peer {
					s.rect(at(t.least)-1, y-1, 2.5, bar, "#d62728", fmt.Sprintf("target: %g ×", t.least))
				}
			}
			y += bar
		}
		y += gap
	}
	s.WriteString("</svg>\n")
	return s.String()
}
