package labgloss

import (
	"math"
	"math/rand"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	labglossv1 "labgloss/v1"
)

const (
	k = 2.0
	// So many refusals are chance.
	few = 5.0
	// After so long what was seen counts half.
	halfLife   = 2 * time.Second
	retryAfter = time.Second
)

const notMade = "This call was not made: the service refuses most calls just now, and this client makes fewer " +
	"until it takes them again. Call again later, or make fewer calls."

// Calls that are not even made while the service refuses most: a refusal costs it something too.
//
// Client-side throttling as in Google's SRE book ("Handling Overload"), with K = 2: as long as the service takes at
// least every second call, all are made; beyond that so many that it refuses about one for each that it takes.
type throttle struct {
	lock         sync.Mutex
	calls, taken float64
	at           time.Time
}

func newThrottle() *throttle { return &throttle{at: time.Now()} }

// Nil, where the call may be made.
func (t *throttle) ask() error {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.forget()
	if rand.Float64() >= (t.calls-k*t.taken-few)/(t.calls+1) {
		return nil
	}
	t.calls++
	cause := status.Error(codes.ResourceExhausted, notMade)
	return &Error{Code: codes.ResourceExhausted, Message: notMade, RetryAfter: retryAfter, Throttled: true, cause: cause}
}

// Told how a call that was made ended: whatever is no refusal for overload was taken.
func (t *throttle) ended(failure *Error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.forget()
	t.calls++
	// Too many streams at a time say nothing of other calls.
	if failure == nil || failure.Code != codes.ResourceExhausted ||
		failure.Reason != labglossv1.ErrorReason_ERROR_REASON_OVERLOADED &&
			failure.Reason != labglossv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		t.taken++
	}
}

func (t *throttle) forget() {
	now := time.Now()
	kept := math.Pow(0.5, now.Sub(t.at).Seconds()/halfLife.Seconds())
	t.calls, t.taken, t.at = t.calls*kept, t.taken*kept, now
}
