// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// watchTopics subscribes to the topics Match accepts, now and every metadata.max.age.ms. kgo's own regex subscription
// is Go's regexp, which lacks what Java's has, so the matching is the caller's and the looking ours. It looks until watch
// ends.
func (c *Consumer) watchTopics(ctx, watch context.Context) error {
	adm := kadm.NewClient(c.client)
	known, err := c.matching(ctx, adm)
	if err != nil {
		return fmt.Errorf("list topics for the pattern of group %s: %w", c.cfg.Group, &UnreachableError{c.cfg.Bootstrap, contextError(ctx, err)})
	}
	c.client.AddConsumeTopics(known...)
	c.watcher.Go(func() {
		tick := time.NewTicker(clamp(c.cfg.MetadataMaxAge, metadataMinAge, time.Hour))
		defer tick.Stop()
		for {
			select {
			case <-watch.Done():
				return
			case <-tick.C:
			}
			now, err := c.matching(watch, adm)
			if err != nil {
				if watch.Err() == nil {
					c.log.Warn("cannot list topics for the pattern; trying again later", "group", c.cfg.Group, "err", err)
				}
				continue
			}
			if fresh := without(now, known); len(fresh) > 0 {
				c.client.AddConsumeTopics(fresh...)
			}
			if gone := without(known, now); len(gone) > 0 {
				c.client.PurgeTopicsFromConsuming(gone...)
			}
			known = now
		}
	})
	return nil
}

func (c *Consumer) matching(ctx context.Context, adm *kadm.Client) ([]string, error) {
	details, err := adm.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for name, d := range details {
		if d.IsInternal && c.cfg.excludeInternal || d.Err != nil {
			continue
		}
		if c.on.Match(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// without returns what of a is not in b.
func without(a, b []string) []string {
	var out []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}
