// SPDX-License-Identifier: Apache-2.0

package number

// FormatError is java.lang.NumberFormatException. NullMessage marks an exception whose getMessage() is null;
// CauseClass and CauseMessage are set when it wraps another exception.
type FormatError struct {
	Message      string
	NullMessage  bool
	CauseClass   string
	CauseMessage string
}

// Error gives getMessage(), or a text of our own when Java has none.
func (e *FormatError) Error() string {
	if e.NullMessage {
		return "not a number"
	}
	return e.Message
}

// JavaClass names the exception's class.
func (e *FormatError) JavaClass() string { return "java.lang.NumberFormatException" }

// ArithmeticError is java.lang.ArithmeticException.
type ArithmeticError struct{ Message string }

// Error gives getMessage().
func (e *ArithmeticError) Error() string { return e.Message }

// JavaClass names the exception's class.
func (e *ArithmeticError) JavaClass() string { return "java.lang.ArithmeticException" }

func formatError(msg string) error { return &FormatError{Message: msg} }

func forInput(s string) error { return &FormatError{Message: `For input string: "` + s + `"`} }

func forInputRadix(s string, radix int) error {
	if radix == 10 {
		return forInput(s)
	}
	var b [4]byte
	return &FormatError{Message: `For input string: "` + s + `" under radix ` + string(AppendLong(b[:0], int64(radix)))}
}
