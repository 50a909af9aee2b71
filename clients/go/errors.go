package labgloss

import (
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	labglossv1 "labgloss/v1"
	"labgloss/wire"
)

const domain = "labgloss"

// Before the words of gRPC itself, which come without a reason.
var hints = map[codes.Code]string{
	codes.Unavailable:      "the service was not reached, or reports that it does not serve: ",
	codes.DeadlineExceeded: "no answer before the deadline: the service is slow or was not reached: ",
}

// Violation is one bad field: its path, why, what is allowed and how to mend it.
type Violation struct {
	Field string
	// UNSPECIFIED where a later service sent a reason that this client does not know.
	Reason      labglossv1.ViolationReason
	Description string
}

// Error is a call without an answer. No text of it repeats a value of the panel.
type Error struct {
	// The status code of gRPC.
	Code codes.Code
	// Why, from the closed list; UNSPECIFIED when gRPC itself or something on the way failed.
	Reason labglossv1.ErrorReason
	// One sentence for people.
	Message string
	// Every bad field of the request. Empty unless the reason is INVALID_FIELDS.
	Violations []Violation
	// What error_reason.proto says of the reason, such as "loaded_version", "limit_bytes", "error_id", "cause".
	Metadata map[string]string
	// After so long the service asks to be tried again; 0: it did not say.
	RetryAfter time.Duration
	// The call was not made, because the service refuses most calls just now.
	Throttled bool

	cause error
}

// Error is the message, and every violation in a line of its own.
func (e *Error) Error() string {
	lines := []string{e.Message}
	for _, bad := range e.Violations {
		lines = append(lines, bad.Field+": "+bad.Description)
	}
	return strings.Join(lines, "\n  ")
}

// Unwrap gives the error of gRPC, from which google.golang.org/grpc/status takes the status with its details.
func (e *Error) Unwrap() error { return e.cause }

// The error for one that gRPC returned.
func errorOf(cause error) *Error {
	failed := status.Convert(cause)
	found := &Error{Code: failed.Code(), Message: hints[failed.Code()] + failed.Message(), cause: cause}
	info, badRequest, retry := &wire.ErrorInfo{}, &wire.BadRequest{}, &wire.RetryInfo{}
	types := map[string]proto.Message{
		"google.rpc.ErrorInfo":  info,
		"google.rpc.BadRequest": badRequest,
		"google.rpc.RetryInfo":  retry,
	}
	for _, detail := range failed.Proto().GetDetails() {
		name := detail.GetTypeUrl()[strings.LastIndex(detail.GetTypeUrl(), "/")+1:]
		if message, known := types[name]; known && proto.Unmarshal(detail.GetValue(), message) != nil {
			// Something on the way garbled it; code and text still stand.
			return found
		}
	}
	if info.Domain != domain {
		return found
	}
	found.Message = failed.Message()
	found.Reason = labglossv1.ErrorReason(labglossv1.ErrorReason_value["ERROR_REASON_"+info.Reason])
	found.Metadata = info.Metadata
	found.RetryAfter = retry.GetRetryDelay().AsDuration()
	for _, bad := range badRequest.FieldViolations {
		reason := labglossv1.ViolationReason(labglossv1.ViolationReason_value["VIOLATION_REASON_"+bad.Reason])
		found.Violations = append(found.Violations, Violation{bad.Field, reason, bad.Description})
	}
	return found
}
