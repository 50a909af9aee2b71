package labgloss

import (
	"context"
	"math/rand"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// The numbers are those of the service config in clients/README.md.
const (
	maxAttempts    = 4
	initialBackoff = 20 * time.Millisecond
	maxBackoff     = 500 * time.Millisecond
	maxTokens      = 10
	tokenRatio     = 0.1
)

// What all calls of a client share: retries end while most calls fail, so that they cannot make an outage worse.
type retryBudget struct {
	lock   sync.Mutex
	tokens float64
}

// Makes a call, and makes it again while the service is unavailable. An interpretation has no side effect and the same
// panel gives the same report, so that UNAVAILABLE may always be retried; nothing else is. A service that is starting is
// waited for within one attempt.
func (b *retryBudget) attempt(ctx context.Context, made func(context.Context) error) *Error {
	for attempt := 1; ; attempt++ {
		err := made(ctx)
		if err == nil {
			b.add(tokenRatio)
			return nil
		}
		failure := errorOf(err)
		if failure.Code != codes.Unavailable || b.add(-1) <= maxTokens/2 || attempt == maxAttempts {
			return failure
		}
		select {
		case <-ctx.Done():
			return failure
		case <-time.After(pause(attempt)):
		}
	}
}

func (b *retryBudget) add(tokens float64) float64 {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.tokens += tokens
	if b.tokens > maxTokens {
		b.tokens = maxTokens
	}
	if b.tokens < 0 {
		b.tokens = 0
	}
	return b.tokens
}

func pause(attempt int) time.Duration {
	longest := initialBackoff << (attempt - 1)
	if longest > maxBackoff {
		longest = maxBackoff
	}
	return time.Duration(rand.Int63n(int64(longest)))
}
