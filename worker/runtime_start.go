// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/worker/loglevel"
	"github.com/penstock-io/penstock/worker/rest"
)

// findCluster asks Kafka for the id of the cluster, within the startup timeout.
func (s *runtime) findCluster(ctx context.Context) (string, error) {
	if s.clusterID != "" {
		return s.clusterID, nil
	}
	timeout := s.cfg.StartupTimeout()
	admin, err := s.deps.NewAdmin(s.cfg.adminProps(), loglevel.Named(s.deps.Log, clientLogger))
	if err != nil {
		return "", err
	}
	defer admin.Close()
	servers := s.cfg.Values.List(bootstrapKey)
	slow := time.AfterFunc(2*time.Second, func() {
		s.log.Warn("waiting for the Kafka cluster of bootstrap.servers to answer", slog.Any("bootstrap_servers", servers),
			slog.Int64("timeout_ms", timeout.Milliseconds()))
	})
	defer slow.Stop()
	ask, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		id, err := admin.ClusterID(ask)
		if err == nil {
			s.log.Info("connected to the Kafka cluster", slog.String("kafka_cluster_id", id))
			return id, nil
		}
		select {
		case <-ask.Done():
			if ctx.Err() != nil {
				return "", ctx.Err()
			}
			return "", batch.NewFault(batch.ConnectException, fmt.Sprintf("Failed to connect to and describe Kafka cluster. Check worker's "+
				"broker connection and security properties: bootstrap.servers=%v did not answer within %v: %v", servers, timeout, err))
		case <-time.After(pause):
		}
	}
}

// listenPrivate opens the listener of metrics and profiles; nil when it is turned off.
func (s *runtime) listenPrivate(metrics func(io.Writer), log *slog.Logger) (*rest.PrivateServer, error) {
	list := s.cfg.Own.List(privateListenersKey)
	if s.deps.NoPrivate || len(list) == 0 {
		return nil, nil
	}
	p, err := rest.ListenPrivate(list, !s.cfg.Own.IsSet(privateListenersKey), metrics, log)
	if err != nil {
		return nil, err
	}
	log.Info("metrics and profiles are served", slog.String("address", p.Addr()),
		slog.String("paths", "/metrics /debug/pprof"))
	return p, nil
}

// loggerLevels are the loggers with a level of their own.
func (s *runtime) loggerLevels() map[string]rest.LoggerLevel {
	out := map[string]rest.LoggerLevel{}
	for name, e := range s.deps.Levels.Levels() {
		out[name] = rest.LoggerLevel(e)
	}
	return out
}
