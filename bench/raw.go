// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// rawCommand is the hidden first argument that makes this program the raw client.
const rawCommand = "raw-client"

// rawMain consumes n records of a topic, or produces the first n lines of a file, with franz-go and nothing else.
func rawMain(args []string) error {
	fs := flag.NewFlagSet(rawCommand, flag.ContinueOnError)
	brokers := fs.String("brokers", "", "bootstrap server")
	topic := fs.String("topic", "", "topic to consume, or to produce to")
	n := fs.Int64("n", 0, "records")
	file := fs.String("file", "", "produce the lines of this file; default: consume")
	if err := fs.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	if *file != "" {
		return rawProduce(ctx, *brokers, *topic, *file, *n)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(*brokers), kgo.ConsumeTopics(*topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxPartitionBytes(8<<20), kgo.FetchMaxBytes(64<<20))
	if err != nil {
		return err
	}
	defer client.Close()
	var bytes int64
	for left := *n; left > 0; {
		fetches := client.PollRecords(ctx, 10_000)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume %s: %w", *topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			bytes += int64(len(r.Value))
			left--
		})
	}
	fmt.Println(bytes)
	return nil
}

func rawProduce(ctx context.Context, brokers, topic, file string, n int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		return err
	}
	defer client.Close()
	done := make(chan error, 1)
	lines := bufio.NewScanner(f)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for i := int64(0); i < n && lines.Scan(); i++ {
		client.Produce(ctx, &kgo.Record{Value: append([]byte(nil), lines.Bytes()...)}, func(_ *kgo.Record, err error) {
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
		return fmt.Errorf("produce to %s: %w", topic, err)
	default:
		return lines.Err()
	}
}

// rawRun runs the raw client in its own process; its CPU is that of the whole process, start included.
func (b *bench) rawRun(topic, file string, n int64) (result, error) {
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	args := []string{rawCommand, "-brokers", b.brokers, "-topic", topic, "-n", strconv.FormatInt(n, 10)}
	if file != "" {
		args = append(args, "-file", file)
	}
	cmd := exec.Command(self, args...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := time.Now()
	if err := cmd.Run(); err != nil {
		return result{}, fmt.Errorf("raw client: %w", err)
	}
	r := result{Records: n, WallSeconds: time.Since(started).Seconds(),
		CPUSeconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.PeakRSSMiB = float64(usage.Maxrss) / 1024
	}
	return r, nil
}
