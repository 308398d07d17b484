// SPDX-License-Identifier: Apache-2.0

package batch

import (
	"errors"
	"slices"
	"strings"
)

// Stage is where a record was when something went wrong (org.apache.kafka.connect.runtime.errors.Stage).
type Stage uint8

// The stages, by Connect's names.
const (
	TaskPoll Stage = iota
	TaskPut
	Transformation
	KeyConverter
	ValueConverter
	HeaderConverter
	KafkaProduce
	KafkaConsume
)

var stageNames = [...]string{"TASK_POLL", "TASK_PUT", "TRANSFORMATION", "KEY_CONVERTER", "VALUE_CONVERTER", "HEADER_CONVERTER", "KAFKA_PRODUCE", "KAFKA_CONSUME"}

// String is the name of the Java enum constant.
func (s Stage) String() string { return stageNames[s] }

// ConverterStage is the stage of the converter of a side.
func ConverterStage(s Side) Stage {
	if s == Key {
		return KeyConverter
	}
	return ValueConverter
}

// RowError is a data error: it belongs to one row. The engine applies errors.tolerance to it.
type RowError struct {
	Row   int
	Stage Stage
	Class string // class name of the converter or transform at work; filled in by the stage runner
	Err   error
}

// SortErrs orders Errs by row, as Java, which works row by row, would have met them.
func (b *Batch) SortErrs() {
	slices.SortStableFunc(b.Errs, func(x, y RowError) int { return x.Row - y.Row })
}

// Names of Java exceptions that traces and dead-letter headers show.
const (
	DataException           = "org.apache.kafka.connect.errors.DataException"
	ConnectException        = "org.apache.kafka.connect.errors.ConnectException"
	SchemaBuilderException  = "org.apache.kafka.connect.errors.SchemaBuilderException"
	SchemaProjectorErr      = "org.apache.kafka.connect.errors.SchemaProjectorException"
	RetriableException      = "org.apache.kafka.connect.errors.RetriableException"
	ConfigException         = "org.apache.kafka.common.config.ConfigException"
	SerializationException  = "org.apache.kafka.common.errors.SerializationException"
	NullPointerException    = "java.lang.NullPointerException"
	ClassCastException      = "java.lang.ClassCastException"
	NumberFormatException   = "java.lang.NumberFormatException"
	IllegalArgument         = "java.lang.IllegalArgumentException"
	ArithmeticException     = "java.lang.ArithmeticException"
	IndexOutOfBounds        = "java.lang.IndexOutOfBoundsException"
	UnsupportedOperation    = "java.lang.UnsupportedOperationException"
	NoSuchElementException  = "java.util.NoSuchElementException"
	PatternSyntaxException  = "java.util.regex.PatternSyntaxException"
	DateTimeParseException  = "java.time.format.DateTimeParseException"
	ParseException          = "java.text.ParseException"
	IllegalCharsetName      = "java.nio.charset.IllegalCharsetNameException"
	UnsupportedCharset      = "java.nio.charset.UnsupportedCharsetException"
	NotFoundException       = "org.apache.kafka.connect.errors.NotFoundException"
	TimeoutException        = "org.apache.kafka.common.errors.TimeoutException"
	UnknownTopicOrPartition = "org.apache.kafka.common.errors.UnknownTopicOrPartitionException"
)

// Fault is an error under the name that Kafka Connect users know it by: the Java class and its message.
type Fault struct {
	Class   string
	Message string
	Cause   error
}

// NewFault makes a Fault.
func NewFault(class, message string) *Fault { return &Fault{Class: class, Message: message} }

// DataFault makes a Fault of class DataException.
func DataFault(message string) *Fault { return &Fault{Class: DataException, Message: message} }

// Error is the message, without the class.
func (f *Fault) Error() string {
	if f.Cause != nil && f.Message == "" {
		return f.Cause.Error()
	}
	return f.Message
}

// Unwrap is the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// ClassOf is the Java class name that stands for err: a Fault's own, else ConnectException.
func ClassOf(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Class
	}
	return ConnectException
}

// Trace prints err as a Java stack trace without frames: class and message, then the causes.
func Trace(err error) string {
	var s strings.Builder
	for i := 0; err != nil; i++ {
		if i > 0 {
			s.WriteString("Caused by: ")
		}
		var f *Fault
		if !errors.As(err, &f) {
			s.WriteString(ConnectException + ": " + err.Error() + "\n")
			break
		}
		if outer := err.Error(); err != error(f) && outer != f.Error() {
			// Context that was wrapped around the fault goes first: it says what was being done, and where.
			s.WriteString(ConnectException + ": " + outer + "\nCaused by: ")
		}
		s.WriteString(f.Class)
		if f.Message != "" {
			s.WriteString(": " + f.Message)
		}
		s.WriteByte('\n')
		err = f.Cause
	}
	return s.String()
}

type retriable struct{ error }

func (r retriable) Unwrap() error { return r.error }

// Retriable marks err: the whole call may be repeated with the same batches, with backoff.
func Retriable(err error) error {
	if err == nil {
		return nil
	}
	return retriable{err}
}

// IsRetriable reports whether err was marked by Retriable or is a Fault of class RetriableException.
func IsRetriable(err error) bool {
	var r retriable
	if errors.As(err, &r) {
		return true
	}
	var f *Fault
	return errors.As(err, &f) && f.Class == RetriableException
}
