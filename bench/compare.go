// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
)

// compareFiles prints what of penstock got worse from an old result file to a new one, and returns an error when
// anything did by more than tolerance per cent. Where both files have a peer for a row, its ratio is compared: it
// holds on a machine that was busier, or is another one. Without a peer in both it is the figure itself.
func compareFiles(out io.Writer, before, after string, tolerance float64) error {
	a, err := readReport(before)
	if err != nil {
		return err
	}
	b, err := readReport(after)
	if err != nil {
		return err
	}
	worse, compared := 0, 0
	for _, w := range workloads {
		for _, x := range rows(w.kind) {
			for _, c := range comparisons(w, x, a, b) {
				compared++
				if c.worse(tolerance) {
					worse++
					fmt.Fprintf(out, "WORSE  %-24s %s: %s → %s\n", w.name, c.what, c.format(c.before), c.format(c.after))
				}
			}
		}
	}
	for _, f := range b.Failures {
		worse++
		fmt.Fprintf(out, "FAILED %-24s %s\n", f.Workload, firstLines(f.Error, 1))
	}
	fmt.Fprintf(out, "%d figures compared, %d worse by more than %g %%\n", compared, worse, tolerance)
	switch {
	case worse > 0:
		return fmt.Errorf("%d figures got worse", worse)
	case compared == 0:
		return fmt.Errorf("%s and %s have no figure in common", before, after)
	}
	return nil
}

// comparison is one figure of two reports.
type comparison struct {
	what          string
	before, after float64
	moreIsBetter  bool
	floor         float64 // a difference of less than this is none
	format        func(float64) string
}

func comparisons(w *workload, x row, a, b *report) []comparison {
	mineA, mineB := a.of(w, ours), b.of(w, ours)
	if len(counted(mineA)) == 0 || len(counted(mineB)) == 0 {
		return nil
	}
	if x.ratio {
		// A peer that was warm by the same rules: the raw client needs no warm-up, so it comes first.
		for _, peer := range []string{rawPeer, bestPeer, jvmPeer, kgoPeer} {
			before, after := x.ratioTo(mineA, a.of(w, peer)), x.ratioTo(mineB, b.of(w, peer))
			if before > 0 && after > 0 {
				return []comparison{{x.name + ", ratio to " + peer, before, after, true, 0, digits(2)}}
			}
		}
	}
	before, after := x.figure(mineA), x.figure(mineB)
	if before < 0 || after < 0 {
		return nil
	}
	floor := 0.0
	switch x.name {
	case allocsRow:
		floor = 0.002
	case bytesRow, idleCPURow:
		floor = 0.5
	}
	return []comparison{{x.name, before, after, x.moreIsBetter, floor, x.format}}
}

func (c comparison) worse(tolerance float64) bool {
	part := tolerance / 100
	if c.moreIsBetter {
		return c.after < c.before*(1-part)-c.floor
	}
	return c.after > c.before*(1+part)+c.floor
}
