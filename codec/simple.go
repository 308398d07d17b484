// SPDX-License-Identifier: Apache-2.0

package codec

import (
	"github.com/penstock-io/penstock/batch"
	"github.com/penstock-io/penstock/config"
	"github.com/penstock-io/penstock/config/kafkadefs"
	"github.com/penstock-io/penstock/internal/java/text"
	"github.com/penstock-io/penstock/internal/values"
)

const simpleHeaderConverter = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

func init() {
	Register(simpleHeaderConverter, Plugin{
		Def:       kafkadefs.MustGet(simpleHeaderConverter),
		NewHeader: func(config.Values) (HeaderConverter, error) { return newHeaders(simple{}), nil },
	})
}

// simple is org.apache.kafka.connect.storage.SimpleHeaderConverter: texts, whose type is guessed on the way in.
type simple struct{}

func (simple) fromConnect(_ *batch.Schema, v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	p, err := values.AppendText([]byte{}, v)
	if err != nil {
		return nil, err
	}
	return []byte(text.ToUTF8(string(p))), nil
}

func (simple) toConnect(_, _ string, p []byte) (*batch.Schema, any, error) {
	if p == nil {
		return nil, nil, nil
	}
	t := values.Parse(text.FromUTF8(p))
	if t == nil {
		return nil, nil, nil
	}
	return t.Schema, t.Value, nil
}
