// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func TestKeepsDataBetweenRuns(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	b, err := Start(Options{DataDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "embedded broker: for development, not for production") {
		t.Errorf("log: %s", log.String())
	}
	cl := client(t, b)
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("kept")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	cl.Close()
	b.Close()

	if b, err = Start(Options{DataDir: dir}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cl = client(t, b, kgo.ConsumeTopics("t"))
	f := cl.PollFetches(ctx)
	if err := f.Err(); err != nil || f.NumRecords() != 1 || string(f.Records()[0].Value) != "kept" {
		t.Fatalf("%d records, %v", f.NumRecords(), err)
	}
}

func TestVersionsAndAutoCreation(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	b, err := Start(Options{Partitions: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cl := client(t, b)
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range versions.ApiKeys {
		if k.ApiKey == int16(kmsg.CreateTopics) && k.MaxVersion != createTopicsMaxVersion {
			t.Errorf("CreateTopics goes up to %d", k.MaxVersion)
		}
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "made", Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if info := b.Cluster().TopicInfo("made"); info == nil {
		t.Error("the topic was not made")
	}
	if n := len(b.Cluster().PartitionInfos("made")); n != 3 {
		t.Errorf("it has %d partitions", n)
	}
}

func TestListen(t *testing.T) {
	f := func(listen string, ok bool) {
		t.Helper()
		b, err := Start(Options{Listen: listen})
		if (err == nil) != ok {
			t.Errorf("Start on %q: %v", listen, err)
		}
		if err == nil {
			if !strings.HasPrefix(b.Addr(), "127.0.0.1:") {
				t.Errorf("%q listens on %s", listen, b.Addr())
			}
			b.Close()
		}
	}
	f("", true)
	f("127.0.0.1:0", true)
	f(":0", true)
	f("127.0.0.1", false)
	f("127.0.0.1:x", false)
	f("127.0.0.1:70000", false)
}
