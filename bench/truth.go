// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// digest is what one partition holds: how many records, and a hash of keys and values in their order.
type digest struct {
	count int64
	sum   uint64
}

// digests is what a topic holds, by partition; partitions without records are left out.
type digests map[int32]digest

// hashSeed is the same for the whole process: digests are compared only inside it.
var hashSeed = maphash.MakeSeed()

// add takes the next record of a partition in. A null differs from an empty key or value.
func (d digests) add(partition int32, key, value []byte) {
	one := func(b []byte) uint64 {
		if b == nil {
			return 1
		}
		return maphash.Bytes(hashSeed, b)
	}
	at := d[partition]
	at.count++
	at.sum = at.sum*0x9E3779B97F4A7C15 + one(key)*31 + one(value)
	d[partition] = at
}

// count is the number of records in all partitions.
func (d digests) count() (n int64) {
	for _, p := range d {
		n += p.count
	}
	return n
}

// differs says how got differs from d in words; "" when it does not.
func (d digests) differs(got digests) string {
	if want, have := d.count(), got.count(); want != have {
		return fmt.Sprintf("%d records arrived of %d", have, want)
	}
	for _, p := range slices.Sorted(maps.Keys(d)) {
		switch have, ok := got[p]; {
		case !ok || have.count != d[p].count:
			return fmt.Sprintf("partition %d has %d records, want %d", p, have.count, d[p].count)
		case have.sum != d[p].sum:
			return fmt.Sprintf("content or order of partition %d differs", p)
		}
	}
	return ""
}

// verifyLimit ends the reading of a destination that does not get complete.
const verifyLimit = 3 * time.Minute

// readTopic digests the records that a topic holds now; of a topic of one partition the first limit, 0 for all.
func (b *bench) readTopic(topic string, limit int64) (digests, error) {
	left := b.endOffset(topic)
	if limit > 0 {
		left = min(left, limit)
	}
	d := digests{}
	if left <= 0 {
		return d, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), verifyLimit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(b.brokers, ",")...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(4<<20))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for left > 0 {
		fetches := client.PollRecords(ctx, 10_000)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read %s back: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if left > 0 {
				d.add(r.Partition, r.Key, r.Value)
				left--
			}
		})
	}
	return d, nil
}

// eventDigests is what the generator's first n events must be in a topic, encoded by JsonConverter.
func eventDigests(n int64, partitions int, schemas bool) digests {
	d := digests{}
	choose := kgo.StickyKeyPartitioner(nil).ForTopic("")
	var key, value []byte
	for i := range n {
		key, value = key[:0], value[:0]
		if schemas {
			key, value = append(key, `{"schema":{"type":"int64","optional":false},"payload":`...), append(value, generatedSchema...)
		}
		key = strconv.AppendInt(key, i, 10)
		value = generated(value, i)
		if schemas {
			key, value = append(key, '}'), append(value, '}')
		}
		d.add(int32(choose.Partition(&kgo.Record{Key: key}, partitions)), key, value)
	}
	return d
}

// generatedSchema is the head of a generated event in the envelope with its schema.
const generatedSchema = `{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},{"type":"int32","optional":false,"field":"user_id"},` +
	`{"type":"string","optional":false,"field":"event"},{"type":"int64","optional":false,"field":"ts"},{"type":"string","optional":false,"field":"email"},` +
	`{"type":"string","optional":false,"field":"ip"},{"type":"double","optional":false,"field":"amount"},{"type":"string","optional":false,"field":"currency"},` +
	`{"type":"string","optional":true,"field":"country"},{"type":"string","optional":false,"field":"device"},{"type":"boolean","optional":false,"field":"active"},` +
	`{"type":"string","optional":false,"field":"session"},{"type":"struct","fields":[{"type":"string","optional":false,"field":"city"},` +
	`{"type":"string","optional":false,"field":"zip"}],"optional":false,"name":"io.penstock.datagen.Address","field":"address"}],` +
	`"optional":false,"name":"io.penstock.datagen.Event"},"payload":`

// generated appends event i of the template "events" as JSON: the formulas of connectors/datagen once more, on purpose.
func generated(dst []byte, i int64) []byte {
	user := i * 7919 % 1_000_000
	country := `"DE"`
	if user%3 == 0 {
		country = "null"
	}
	amount := float64(user%10_000) / 100
	number := strconv.FormatFloat(amount, 'f', -1, 64)
	if amount == math.Trunc(amount) {
		number += ".0"
	}
	dst = fmt.Appendf(dst, `{"id":%d,"user_id":%d,"event":"%s","ts":%d,"email":"user%d@example.com","ip":"10.1.2.%d","amount":%s,"currency":"EUR",`,
		i, user, kinds[user%5], 1_760_000_000_000+i, user, user%256, number)
	return fmt.Appendf(dst, `"country":%s,"device":"ios","active":%t,"session":"5f0c6a1e-9d0b-4c57-8a3e-%d","address":{"city":"Hamburg","zip":"20095"}}`,
		country, user%2 == 0, 100_000_000_000+user)
}

// lines digests a file that a sink wrote: the hash of its lines whatever their order between partitions, and by
// partition whether the ids rise. id finds the number of a line; -1 for a line without one.
type lines struct {
	count   int64
	sum     uint64 // of the lines in their canonical form
	exact   uint64 // of the lines as they are
	badline string // the first line out of order
	split   [][]byte
}

// readLines digests what a file sink wrote; end is how a record ends, for text may hold line ends of its own.
func readLines(text []byte, partitions int64, end string) lines {
	l := lines{split: bytes.SplitAfter(text, []byte(end))}
	if n := len(l.split); len(l.split[n-1]) == 0 {
		l.split = l.split[:n-1]
	}
	last := map[int64]int64{}
	for _, line := range l.split {
		line = bytes.TrimSuffix(line, []byte("\n"))
		l.count++
		l.sum += maphash.Bytes(hashSeed, canonical(line))
		l.exact += maphash.Bytes(hashSeed, line)
		id := lineID(line)
		if id < 0 {
			continue
		}
		p := id % partitions
		if before, ok := last[p]; ok && id <= before && l.badline == "" {
			l.badline = fmt.Sprintf("%d after %d in partition %d", id, before, p)
		}
		last[p] = id
	}
	return l
}

// canonical gives a printed java.util.HashMap one form, by sorting its entries: their order follows from the table's
// size, which differs between versions of Java for the same contents. Other lines stay as they are.
func canonical(line []byte) []byte {
	if len(line) < 2 || line[0] != '{' || line[1] == '"' || line[1] == '}' {
		return line
	}
	bare := bytes.ReplaceAll(bytes.ReplaceAll(line, []byte("{"), []byte(", ")), []byte("}"), nil)
	entries := bytes.Split(bare, []byte(", "))
	slices.SortFunc(entries, bytes.Compare)
	return bytes.Join(entries, []byte(", "))
}

// lineID finds the id in a line as JSON, as a Java map or as a Java struct writes it.
func lineID(line []byte) int64 {
	for _, mark := range []string{`"id":`, "{id=", " id="} {
		if _, rest, ok := bytes.Cut(line, []byte(mark)); ok {
			n := 0
			for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
				n++
			}
			if id, err := strconv.ParseInt(string(rest[:n]), 10, 64); err == nil {
				return id
			}
		}
	}
	return -1
}

// firstOther is a line of l and the line of want with the same id where they differ; without such ids nothing.
func (l lines) firstOther(want lines) (mine, theirs string) {
	byID := map[int64][]byte{}
	for _, line := range want.split {
		byID[lineID(line)] = line
	}
	for _, line := range l.split {
		if other, ok := byID[lineID(line)]; ok && !bytes.Equal(canonical(line), canonical(other)) {
			return string(bytes.TrimSpace(line)), string(bytes.TrimSpace(other))
		}
	}
	return "", ""
}
