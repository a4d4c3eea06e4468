package httpapi

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// limits gives everyone of many an allowance of its own. It remembers those
// seen last: who is forgotten begins with a full allowance, so that crowding
// it out takes nothing from anybody.
type limits[K comparable] struct {
	rate  rate.Limit
	burst int
	seen  *lru.Cache[K, *rate.Limiter]
}

func newLimits[K comparable](perSecond rate.Limit, burst, remembered int) *limits[K] {
	return &limits[K]{rate: perSecond, burst: burst, seen: newRecent[K, *rate.Limiter](remembered)}
}

// allow takes one from the allowance of who.
func (l *limits[K]) allow(who K) bool {
	limiter, known := l.seen.Get(who)
	if !known {
		limiter = rate.NewLimiter(l.rate, l.burst)
		if first, raced, _ := l.seen.PeekOrAdd(who, limiter); raced {
			limiter = first
		}
	}
	return limiter.Allow()
}

// Granted says whether an account may act for a host.
type Granted func(ctx context.Context, host, account string) (bool, error)

// mandate is an account that says it acts for a host.
type mandate struct{ host, account string }

// mandates remembers for a while what the chain said about them. What it
// refused is kept apart: strangers make up as many accounts as they like, and
// must not crowd out those that it confirmed.
type mandates struct {
	ask                Granted
	confirmed, refused *lru.Cache[mandate, time.Time] // until when it is believed
}

func newMandates(ask Granted) *mandates {
	return &mandates{
		ask:       ask,
		confirmed: newRecent[mandate, time.Time](mandatesRemembered),
		refused:   newRecent[mandate, time.Time](mandatesRemembered),
	}
}

// hold says whether an account may act for a host. An error is not remembered.
func (m *mandates) hold(ctx context.Context, who mandate) (bool, error) {
	if who.host == who.account {
		return true, nil // the chain is not needed for it
	}
	now := time.Now()
	if until, known := m.confirmed.Get(who); known && now.Before(until) {
		return true, nil
	}
	if until, known := m.refused.Get(who); known && now.Before(until) {
		return false, nil
	}
	may, err := m.ask(ctx, who.host, who.account)
	switch {
	case err != nil:
		return false, err
	case may:
		m.confirmed.Add(who, now.Add(confirmedFor))
	default:
		m.refused.Add(who, now.Add(refusedFor))
	}
	return may, nil
}

// newRecent keeps the entries used last.
func newRecent[K comparable, V any](entries int) *lru.Cache[K, V] {
	cache, _ := lru.New[K, V](entries) // fails below one entry alone
	return cache
}
