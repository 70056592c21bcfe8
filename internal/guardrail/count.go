package guardrail

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Use is the targets that a run is about to change.
type Use struct {
	ID     string // unique
	Caller string // in lower case; "" if it is not known
	Action string // slug
	Users  []string
}

// HourLimit bounds the different users that are changed in the running hour.
type HourLimit struct {
	Most   int
	Counts func(caller, action string) bool // which changes count
}

// HourExceeded is a limit that a run would exceed.
type HourExceeded struct {
	Most    int
	Counted int       // users that other runs changed in the running hour
	Until   time.Time // when the hour ends
}

// Store stores the objects of a Counter. Objects are created and listed, and never changed.
type Store interface {
	// Create stores an object. A name belongs to one run.
	Create(ctx context.Context, name string, metadata map[string]string) error
	// List returns all objects whose names begin with prefix. An object whose Create has returned is
	// in every list afterwards.
	List(ctx context.Context, prefix string) ([]Object, error)
}

// Object is an object of a Store.
type Object struct {
	Name     string
	Order    int64 // a later object has a higher one
	Metadata map[string]string
}

// Counter counts the different users that are changed in the running clock hour (UTC), over all
// runs that share its Store. Its errors are those of the Store.
//
// A run claims its users in one object, or in several if they are many, and then lists the claims.
// It goes on only if its users fit together with all claims in that list: of two runs at the same
// time, the one whose claim is stored later sees the other. A run that does not fit is refused, and
// another object marks its claim. So that runs at the same time do not all refuse each other, a run
// that fits together with the earlier claims waits until the later ones are marked. The limit does
// not depend on that order, because Cloud Storage does not define an order of different objects:
// https://cloud.google.com/storage/docs/generations-preconditions
type Counter struct {
	store Store
	now   func() time.Time
}

// NewCounter returns a Counter.
func NewCounter(store Store, now func() time.Time) *Counter { return &Counter{store, now} }

const (
	usersPerObject = 500 // metadata of an object is limited to 8 KiB
	listsPerClaim  = 20  // at most: the time of a list is the time for the others to mark their claims
	refusedSuffix  = ".refused"
	markTimeout    = 10 * time.Second // for the mark of a refused claim
)

// The names of the metadata of a claim.
const (
	metaCaller = "caller"
	metaAction = "action"
	metaUsers  = "users"
	metaParts  = "parts"
)

// Check reports the first limit that a use would exceed, nil if there is none. It counts nothing.
func (c *Counter) Check(ctx context.Context, use Use, limits []HourLimit) (*HourExceeded, error) {
	return c.check(ctx, c.hour(), hashed(use), limits)
}

// Claim counts the users of a run, or reports the limit that they would exceed.
func (c *Counter) Claim(ctx context.Context, use Use, limits []HourLimit) (*HourExceeded, error) {
	use = hashed(use)
	hour := c.hour()
	exceeded, err := c.check(ctx, hour, use, limits)
	if err != nil || exceeded != nil || len(use.Users) == 0 {
		return exceeded, err
	}
	exceeded, err = c.claim(ctx, hour, use, limits)
	if exceeded == nil && err == nil {
		return nil, nil
	}
	// Without the mark, the users would be counted until the hour ends, although nothing is changed.
	mark, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTimeout)
	defer cancel()
	return exceeded, cmp.Or(err, c.store.Create(mark, prefixOf(hour)+use.ID+refusedSuffix, nil))
}

// claim stores the claim of a run, and reports the limit that it would exceed.
func (c *Counter) claim(ctx context.Context, hour time.Time, use Use, limits []HourLimit) (*HourExceeded, error) {
	prefix := prefixOf(hour) + use.ID
	chunks := slices.Collect(slices.Chunk(use.Users, usersPerObject))
	for i, users := range chunks {
		err := c.store.Create(ctx, fmt.Sprintf("%s.%d", prefix, i+1), map[string]string{
			metaCaller: use.Caller, metaAction: use.Action, metaUsers: strings.Join(users, ","),
			metaParts: strconv.Itoa(len(chunks)),
		})
		if err != nil {
			return nil, err
		}
	}
	var exceeded *HourExceeded
	for range listsPerClaim {
		claims, err := c.claims(ctx, hour)
		if err != nil {
			return nil, err
		}
		own := slices.IndexFunc(claims, func(other claim) bool { return other.ID == use.ID })
		if own < 0 {
			return nil, errors.New("the claim of this run is not in the list")
		}
		exceeded = exceeds(slices.Concat(claims[:own], claims[own+1:]), use, limits, hour)
		if exceeded == nil {
			return nil, nil
		}
		if exceeds(claims[:own], use, limits, hour) != nil {
			break
		}
	}
	return exceeded, nil
}

// hour returns the beginning of the running hour.
func (c *Counter) hour() time.Time { return c.now().UTC().Truncate(time.Hour) }

func prefixOf(hour time.Time) string { return hour.Format("2006-01-02T15") + "/" }

// check reports the limit that a use would exceed after all claims so far.
func (c *Counter) check(
	ctx context.Context, hour time.Time, use Use, limits []HourLimit,
) (*HourExceeded, error) {
	claims, err := c.claims(ctx, hour)
	if err != nil {
		return nil, err
	}
	return exceeds(claims, use, limits, hour), nil
}

// exceeds returns the first limit that a use exceeds after these claims, nil if there is none. Users
// who are counted already need no room. They are refused too while more users are claimed than the
// limit allows, because the claim that counts them may be about to be refused.
func exceeds(claims []claim, use Use, limits []HourLimit, hour time.Time) *HourExceeded {
	if len(use.Users) == 0 {
		return nil
	}
	for _, limit := range limits {
		users := map[string]bool{}
		for _, other := range claims {
			if limit.Counts(other.Caller, other.Action) {
				for _, user := range other.Users {
					users[user] = true
				}
			}
		}
		counted := len(users)
		for _, user := range use.Users {
			users[user] = true
		}
		if len(users) > limit.Most {
			return &HourExceeded{Most: limit.Most, Counted: counted, Until: hour.Add(time.Hour)}
		}
	}
	return nil
}

// claim is the use of a run that has been stored.
type claim struct {
	Use
	parts, read int // objects of the claim, and those in the list
	complete    int64
	refused     bool
}

// claims returns the complete claims of an hour that are not refused, in the order in which they
// were completed.
func (c *Counter) claims(ctx context.Context, hour time.Time) ([]claim, error) {
	prefix := prefixOf(hour)
	objects, err := c.store.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	byID := map[string]*claim{}
	for _, o := range objects {
		id, suffix, _ := strings.Cut(strings.TrimPrefix(o.Name, prefix), ".")
		k := byID[id]
		if k == nil {
			k = &claim{Use: Use{ID: id}}
			byID[id] = k
		}
		if "."+suffix == refusedSuffix {
			k.refused = true
			continue
		}
		parts, err := strconv.Atoi(o.Metadata[metaParts])
		if err != nil {
			return nil, fmt.Errorf("the object %s is not a claim", o.Name)
		}
		k.Caller, k.Action, k.parts = o.Metadata[metaCaller], o.Metadata[metaAction], parts
		k.read++
		k.Users = append(k.Users, strings.Split(o.Metadata[metaUsers], ",")...)
		k.complete = max(k.complete, o.Order)
	}
	var claims []claim
	for _, k := range byID {
		if k.read > 0 && k.read == k.parts && !k.refused {
			claims = append(claims, *k)
		}
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.complete, b.complete), cmp.Compare(a.ID, b.ID))
	})
	return claims, nil
}

// hashed returns the use with the users as they are stored: short, and without names.
func hashed(use Use) Use {
	users := make([]string, len(use.Users))
	for i, user := range use.Users {
		users[i] = hash(user)
	}
	slices.Sort(users)
	use.Users = slices.Compact(users)
	return use
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}
