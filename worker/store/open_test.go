// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/penstock-io/penstock/internal/embedded"
	"github.com/penstock-io/penstock/internal/kafka"
)

// A task that was killed leaves its transaction open in the offsets topic. The worker that will start it again does not wait for
// the end of it; who asks for an offset does.
func TestOpenTransaction(t *testing.T) {
	b, err := embedded.Start(embedded.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	log := slog.New(slog.DiscardHandler)
	config := func(role kafka.Role, props map[string]string) *kafka.ClientConfig {
		t.Helper()
		props["bootstrap.servers"] = b.Addr()
		cfg, err := kafka.Parse(role, props)
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	admin, err := kafka.NewAdmin(config(kafka.RoleAdmin, map[string]string{}), log)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	p, err := kafka.NewProducer(config(kafka.RoleProducer, map[string]string{"transactional.id": "task", "enable.idempotence": "true"}), log)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	clients := Clients{Admin: admin, Producer: p, ClientID: "test-", Log: log,
		Consumer: map[string]string{"bootstrap.servers": b.Addr(), "isolation.level": "read_committed", "auto.offset.reset": "earliest"}}
	topic := Topic{Name: "offsets", Key: "offset.storage.topic", Partitions: 1, Replication: 1}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := topic.ensure(ctx, clients); err != nil {
		t.Fatal(err)
	}
	write := func(value string) {
		t.Helper()
		if err := p.Begin(); err != nil {
			t.Fatal(err)
		}
		if err := p.ProduceSync(ctx, &kafka.Record{Topic: "offsets", Partition: 0, Key: []byte(`["c",{"f":1}]`), Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.InitTransactions(ctx); err != nil {
		t.Fatal(err)
	}
	write(`{"position":1}`)
	if err := p.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	write(`{"position":2}`)
	s, err := OpenOffsetStore(ctx, clients, topic)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
	defer stop()
	if got, err := s.Get(short, "c", []byte(`{"f":1}`)); err == nil {
		t.Errorf("%s while a transaction is open", got)
	}
	if err := p.Abort(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(ctx, "c", []byte(`{"f":1}`)); err != nil || string(got) != `{"position":1}` {
		t.Errorf("%s %v", got, err)
	}
}
