// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"crypto/tls"

	"github.com/penstock-io/penstock/config"
)

// serverTLS makes the TLS settings of https listeners from listeners.https.*, or from ssl.* when there are none.
func (c *Config) serverTLS(admin bool) (*tls.Config, error) {
	key := "listeners"
	if admin {
		key = "admin.listeners"
	}
	return nil, config.Invalid(key, "https", "https listeners are not supported yet")
}
