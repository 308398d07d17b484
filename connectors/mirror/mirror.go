// SPDX-License-Identifier: Apache-2.0

package mirror

import (
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/connectors"
)

const sourceClass = mirrorPackage + "MirrorSourceConnector"

func sourceDef() config.Def { return kafkadefs.MustGet(sourceClass) }

func init() {
	connectors.Register(sourceClass, connectors.Plugin{
		Kind: connectors.SourceKind, Def: sourceDef(), TaskClass: mirrorPackage + "MirrorSourceTask",
		NewConnector: newSourceConnector,
		NewSource:    func() connectors.Source { return &Source{} },
		ExactlyOnce:  readCommitted,
		Validate:     validateSource,
	})
	connectors.Register(heartbeatClass, connectors.Plugin{
		Kind: connectors.SourceKind, Def: heartbeatDef(), TaskClass: mirrorPackage + "MirrorHeartbeatTask",
		NewConnector: newHeartbeatConnector,
		NewSource:    func() connectors.Source { return &Heartbeat{} },
		Validate: func(cfg map[string]string) []config.Error {
			return supported(newHeartbeatConnector, cfg)
		},
	})
}

// AlterOffsets checks offsets set through REST, as MirrorSourceConnector.alterOffsets does.
func (*sourceConnector) AlterOffsets(_ map[string]string, offsets []connectors.PartitionOffset) (bool, error) {
	return true, offsetRules{texts: []string{"cluster", "topic"}, partition: true}.check(offsets)
}
