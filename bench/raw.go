// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// rawCommand is the hidden first argument that makes this program the raw client.
const rawCommand = "raw-client"

// rawJob is what the raw client does: consume a topic, produce the lines of a file to it, or copy it to another.
type rawJob struct {
	brokers, topic, file, copyTo string
	n                            int64
}

// rawMain does one job and prints its result as JSON: the CPU time is that of the job, without the process's start.
func rawMain(args []string, out io.Writer) error {
	var j rawJob
	fs := flag.NewFlagSet(rawCommand, flag.ContinueOnError)
	peer := fs.String("peer", rawPeer, "raw: own connections; kgo: franz-go")
	fs.StringVar(&j.brokers, "brokers", "", "bootstrap server")
	fs.StringVar(&j.topic, "topic", "", "topic to consume, or to produce to")
	fs.Int64Var(&j.n, "n", 0, "records")
	fs.StringVar(&j.file, "file", "", "produce the lines of this file; default: consume")
	fs.StringVar(&j.copyTo, "copy", "", "copy the topic to this one; default: consume")
	if err := fs.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	work := map[string]func(context.Context, rawJob) error{
		"raw":         rawFetch,
		"raw file":    rawProduce,
		"raw copy":    rawCopy,
		"kgo":         kgoConsume,
		"kgo file":    kgoProduce,
		"unknown job": nil,
	}
	name := *peer
	switch {
	case j.file != "":
		name += " file"
	case j.copyTo != "":
		name += " copy"
	}
	do := work[name]
	if do == nil {
		return fmt.Errorf("no raw client for %q", name)
	}
	began, cpu := time.Now(), selfCPU()
	if err := do(ctx, j); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result{Records: j.n, WallSeconds: time.Since(began).Seconds(), CPUSeconds: (selfCPU() - cpu).Seconds()})
}

// selfCPU is the CPU time of this process.
func selfCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rawRun runs the raw client in its own process.
func (b *bench) rawRun(peer string, n int64, args ...string) (result, error) {
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), runLimit+10*time.Second)
	defer cancel()
	args = append([]string{rawCommand, "-peer", peer, "-brokers", b.brokers, "-n", strconv.FormatInt(n, 10)}, args...)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	broker := b.brokerCPU()
	out, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("raw client: %w", err)
	}
	r := result{}
	if err := json.Unmarshal(out, &r); err != nil {
		return result{}, fmt.Errorf("raw client: %w", err)
	}
	r.BrokerCPUSeconds = (b.brokerCPU() - broker).Seconds()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.PeakRSSMiB = float64(usage.Maxrss) / 1024
	}
	return r, nil
}

// rawFetch checks and walks all records of a topic.
func rawFetch(ctx context.Context, j rawJob) error {
	c, err := dialRaw(ctx, j.brokers)
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := c.newFetcher(j.topic)
	if err != nil {
		return err
	}
	var walked walk
	for walked.records < j.n {
		err := f.next(func(_ int32, batch []byte) error { return walked.batch(batch) })
		if err != nil {
			return err
		}
	}
	return nil
}

// rawProduce sends the lines of a file as records of one partition.
func rawProduce(ctx context.Context, j rawJob) error {
	f, err := os.Open(j.file)
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := dialRaw(ctx, j.brokers)
	if err != nil {
		return err
	}
	defer c.Close()
	p := c.newProducer(j.topic)
	lines := bufio.NewReaderSize(f, 1<<20)
	var w batchWriter
	w.reset()
	for i := int64(0); i < j.n; i++ {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return err
		}
		w.add(nil, line[:len(line)-1])
		if w.full() || i == j.n-1 {
			if err := p.send(0, w.finish()); err != nil {
				return err
			}
			w.reset()
		}
	}
	return p.flush()
}

// rawCopy checks and walks the records of a topic and sends the batches on, each under a new header.
func rawCopy(ctx context.Context, j rawJob) error {
	in, err := dialRaw(ctx, j.brokers)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := dialRaw(ctx, j.brokers)
	if err != nil {
		return err
	}
	defer out.Close()
	f, err := in.newFetcher(j.topic)
	if err != nil {
		return err
	}
	p := out.newProducer(j.copyTo)
	var walked walk
	for walked.records < j.n {
		err := f.next(func(partition int32, batch []byte) error {
			if err := walked.batch(batch); err != nil {
				return err
			}
			reheader(batch)
			return p.send(partition, batch)
		})
		if err != nil {
			return err
		}
	}
	return p.flush()
}

func kgoConsume(ctx context.Context, j rawJob) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(j.brokers, ",")...), kgo.ConsumeTopics(j.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxPartitionBytes(8<<20), kgo.FetchMaxBytes(64<<20))
	if err != nil {
		return err
	}
	defer client.Close()
	for left := j.n; left > 0; {
		fetches := client.PollRecords(ctx, 10_000)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume %s: %w", j.topic, err)
		}
		fetches.EachRecord(func(*kgo.Record) { left-- })
	}
	return nil
}

func kgoProduce(ctx context.Context, j rawJob) error {
	f, err := os.Open(j.file)
	if err != nil {
		return err
	}
	defer f.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(j.brokers, ",")...), kgo.DefaultProduceTopic(j.topic), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return err
	}
	defer client.Close()
	done := make(chan error, 1)
	lines := bufio.NewReaderSize(f, 1<<20)
	for range j.n {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return err
		}
		client.Produce(ctx, &kgo.Record{Value: append([]byte(nil), line[:len(line)-1]...)}, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case done <- err:
				default:
				}
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-done:
		return fmt.Errorf("produce to %s: %w", j.topic, err)
	default:
		return nil
	}
}

var errManyNodes = errors.New("the raw client wants a cluster of one node")
