// SPDX-License-Identifier: Apache-2.0

// Package all links every connector into a build: one blank import each. A custom build is another such list.
package all

import (
	_ "github.com/penstock-io/penstock/connectors/datagen"    // Datagen
	_ "github.com/penstock-io/penstock/connectors/file"       // FileStreamSource, FileStreamSink
	_ "github.com/penstock-io/penstock/connectors/mirror"     // MirrorSource, MirrorHeartbeat
	_ "github.com/penstock-io/penstock/connectors/mock"       // MockSource, MockSink
	_ "github.com/penstock-io/penstock/connectors/null"       // NullSink
	_ "github.com/penstock-io/penstock/connectors/verifiable" // VerifiableSource, VerifiableSink
)
