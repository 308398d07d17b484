// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/penstock-io/penstock/batch"
)

// Error is an error with the HTTP status it is answered with (ConnectRestException and its relatives).
type Error struct {
	Status  int
	Class   string // the Java exception, which some answers quote
	Message string
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// JavaClass is the Java exception that Connect throws here.
func (e *Error) JavaClass() string { return e.Class }

// BadRequest is Connect's BadRequestException, status 400.
func BadRequest(message string) *Error {
	return &Error{http.StatusBadRequest, "org.apache.kafka.connect.runtime.rest.errors.BadRequestException", message}
}

// NotFound is Connect's NotFoundException, status 404.
func NotFound(message string) *Error {
	return &Error{http.StatusNotFound, batch.NotFoundException, message}
}

// AlreadyExists is Connect's AlreadyExistsException, status 409.
func AlreadyExists(message string) *Error {
	return &Error{http.StatusConflict, "org.apache.kafka.connect.errors.AlreadyExistsException", message}
}

// Conflict is status 409, as for a rebalance under way.
func Conflict(message string) *Error {
	return &Error{http.StatusConflict, "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException", message}
}

// Forbidden is status 403.
func Forbidden(message string) *Error {
	return &Error{http.StatusForbidden, "org.apache.kafka.connect.runtime.rest.errors.ConnectRestException", message}
}

// Internal is status 500 with the text of a ConnectException.
func Internal(message string) *Error {
	return &Error{http.StatusInternalServerError, batch.ConnectException, message}
}

// statusOf maps an error to status and text, as ConnectExceptionMapper does.
func statusOf(err error) (int, string) {
	var e *Error
	if errors.As(err, &e) {
		return e.Status, e.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusInternalServerError, "Request timed out"
	}
	var f *batch.Fault
	if errors.As(err, &f) && f.Class == batch.NotFoundException {
		return http.StatusNotFound, f.Message
	}
	return http.StatusInternalServerError, err.Error()
}

// javaClass names the Java exception that stands for err.
func javaClass(err error) string {
	var j interface{ JavaClass() string }
	if errors.As(err, &j) {
		return j.JavaClass()
	}
	return batch.ClassOf(err)
}
