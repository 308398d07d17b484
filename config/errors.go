// SPDX-License-Identifier: Apache-2.0

package config

import "errors"

// ExceptionClass is the Java class that traces and REST answers show for an Error.
const ExceptionClass = "org.apache.kafka.common.config.ConfigException"

// Error is a configuration error, Java's ConfigException. It names the key, the
// offending value (already rendered; [hidden] for secrets) and what is wrong or
// would be right.
type Error struct {
	Key     string
	Value   string
	Message string
	// Plain marks a message that stands alone: Error returns it as it is, as
	// Java does for ConfigException(String).
	Plain bool
	// Class is the Java class of the exception; "" means ExceptionClass.
	Class string
}

// Error returns the text of the Java exception:
// "Invalid value V for configuration K: M", or M alone when Plain.
func (e *Error) Error() string {
	if e.Plain || e.Key == "" {
		return e.Message
	}
	s := "Invalid value " + e.Value + " for configuration " + e.Key
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// JavaClass returns the class that traces show, ExceptionClass as a rule.
func (e *Error) JavaClass() string {
	if e.Class != "" {
		return e.Class
	}
	return ExceptionClass
}

// invalid is ConfigException(name, value, message).
func invalid(key string, value any, message string) *Error {
	return &Error{Key: key, Value: display(value), Message: message}
}

// Invalid makes the error for a value that a validator refuses. The value is
// rendered as Java's string concatenation would; a Password is hidden.
func Invalid(key string, value any, message string) *Error { return invalid(key, value, message) }

// Plain makes an error about key whose text is message alone.
func Plain(key, message string) *Error { return &Error{Key: key, Message: message, Plain: true} }

// Crash is what a validator returns where Connect's own dies of something other
// than a ConfigException, such as the unboxing of a null. Def.Validate reports
// Instead, a proper error; Def.ValidateAsJava gives up with the crash.
type Crash struct {
	// Class is the Java exception, such as "java.lang.NullPointerException".
	Class string
	// Instead is what the user should have been told.
	Instead *Error
}

// Error returns the text of the error that replaces the crash.
func (c *Crash) Error() string { return c.Instead.Error() }

// Unwrap returns Instead, so that errors.As finds the *Error.
func (c *Crash) Unwrap() error { return c.Instead }

// asError turns any error into an *Error about key.
func asError(key string, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Plain(key, err.Error())
}
