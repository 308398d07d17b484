// SPDX-License-Identifier: Apache-2.0

package rest

import (
	_ "embed" // the document
	"net/http"
	"strconv"
)

// openAPI describes all resources. Connect publishes such a document with its release; here the worker has its own.
//
//go:embed openapi.json
var openAPI []byte

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Content-Length", strconv.Itoa(len(openAPI)))
	_, _ = w.Write(openAPI)
}
