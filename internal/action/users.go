package action

import (
	"context"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// UserWork is an action's work on each user.
type UserWork struct {
	Words
	// Plan decides the change from the user's state as read.
	Plan func(ctx context.Context, u okta.User) (Plan, error)
	// ReturnsUsers keeps Okta's whole user objects in memory, because the results hold them.
	ReturnsUsers bool
	// Enrich returns the enrichment of an entity that was reached, from the target's result; nil:
	// none.
	Enrich func(value any) map[string]string
}

// EachUser runs an action on users: those of the parameter, then those of the entities in scope.
// All names are resolved to user IDs before the first write, so that a user who is named twice is
// one target and MAX_TARGETS counts users. A target that fails does not stop the others. It returns
// an error for no target, and for too many.
func (x *Execution) EachUser(ctx context.Context, users Users, w UserWork) (*Result, error) {
	if x.replay != nil {
		return x.replayUsers(ctx, w), nil
	}
	mentions := x.userMentions(users)
	lookups := distinctLookups(mentions)
	if err := x.checkTargetCount(len(lookups), minDistinctUsers(lookups)); err != nil {
		return nil, err
	}
	x.lookUpAll(ctx, lookups, w.ReturnsUsers)
	targets := x.merge(mentions)
	if len(targets) == 0 && x.Continues { // a batch of hosts that are not users
		return x.newResult(nil, w.Words), nil
	}
	if len(targets) == 0 {
		return nil, apierr.Invalid(noTarget(&x.Action, x.targetParam(), true, x.ignoredEntities))
	}
	if err := x.checkTargetCount(len(lookups), len(targets)); err != nil {
		return nil, err
	}
	if problems := x.unknownIfState(targets); len(problems) > 0 {
		return nil, apierr.Invalid(problems...)
	}
	plan := func(t *Target) (Plan, error) { return w.Plan(ctx, *t.user) }
	if err := x.runTargets(ctx, targets, plan); err != nil {
		return nil, err
	}
	result := x.newResult(targets, w.Words)
	x.enrich(result, mentions, w.Enrich)
	return result, nil
}

// userMention is one occurrence of a user's name in the request.
type userMention struct {
	Mention
	text   string // the user's name: the input, or one of the names that an entity lists
	entity *scopeEntity
	lookup *userLookup
	target *Target // nil for a host that is not a user's login
}

func (m userMention) isHost() bool { return m.entity != nil && m.entity.Type == HostEntity }

// userMentions returns the occurrences of users' names in the request, in order.
func (x *Execution) userMentions(users Users) []userMention {
	mentions := make([]userMention, 0, len(users)+len(x.scope))
	for _, u := range users {
		mentions = append(mentions, userMention{Mention: Mention{u, fromParameter}, text: u})
	}
	for i := range x.scope {
		e := &x.scope[i]
		for _, text := range e.names {
			input := text
			if len(e.names) == 1 {
				input = e.Identifier // as given
			}
			mentions = append(mentions, userMention{Mention: Mention{input, fromEntity}, text: text, entity: e})
		}
	}
	return mentions
}

// userLookup is one distinct name and the user that Okta has for it.
type userLookup struct {
	text     string
	hostOnly bool
	user     okta.User
	profile  map[string][]string // attributes that guardrails compare
	omitted  bool                // Okta's user object is dropped: it exceeds the size limit
	err      error
}

// distinctLookups returns one lookup for all mentions with the same name, ignoring case, and links
// the mentions to their lookups.
func distinctLookups(mentions []userMention) []*userLookup {
	var lookups []*userLookup
	byText := map[string]*userLookup{}
	for i := range mentions {
		key := foldName(mentions[i].text)
		l := byText[key]
		if l == nil {
			l = &userLookup{text: mentions[i].text, hostOnly: true}
			byText[key] = l
			lookups = append(lookups, l)
		}
		l.hostOnly = l.hostOnly && mentions[i].isHost()
		mentions[i].lookup = l
	}
	return lookups
}

// minDistinctUsers returns a lower bound of the number of users, so that a list that is far too
// long is refused without a request to Okta. Two IDs are two users, and so are two short logins,
// and two addresses, except when a user is named by login and by e-mail address. A host may not be
// a user.
func minDistinctUsers(lookups []*userLookup) int {
	var ids, addresses, short int
	for _, l := range lookups {
		switch {
		case l.hostOnly:
		case okta.IsUserID(l.text):
			ids++
		case strings.Contains(l.text, "@"):
			addresses++
		default:
			short++
		}
	}
	return max(ids, addresses, short)
}

// lookUpAll looks up every name in parallel. Okta's user objects are kept only if keepObjects is
// true.
func (x *Execution) lookUpAll(ctx context.Context, lookups []*userLookup, keepObjects bool) {
	budget := x.newResultBudget(len(lookups))
	x.forEachParallel(len(lookups), func(i int) {
		l := lookups[i]
		l.err = x.catchPanic(func() (err error) {
			l.user, err = x.lookUp(ctx, l.text)
			l.profile = x.profileOf(l.user)
			if !keepObjects || err != nil {
				l.user.Raw = nil
				return err
			}
			return budget.reserve(i, len(l.user.Raw), func() { l.user.Raw, l.omitted = nil, true })
		})
	})
}

// merge returns one target for all mentions of one user, in the order of the first mention. A host
// that is not a user's full login is ignored with a warning.
func (x *Execution) merge(mentions []userMention) []*Target {
	var targets []*Target
	byID, failed := map[string]*Target{}, map[*userLookup]*Target{}
	var hosts []ignoredEntity
	for i, m := range mentions {
		if m.isIgnoredHost() {
			hosts = append(hosts, newIgnoredEntity(m.text, HostEntity, "it is not the full login of a user"))
			continue
		}
		err, user := m.lookup.err, &m.lookup.user
		t := failed[m.lookup]
		if err == nil {
			t = byID[user.ID]
		}
		switch {
		case t != nil:
			t.AlsoNamed = append(t.AlsoNamed, m.Mention)
		default:
			t = &Target{
				Mention: m.Mention, UserID: user.ID, Login: user.Login, omitted: m.lookup.omitted, profile: m.lookup.profile,
			}
			targets = append(targets, t)
			if err != nil {
				t.fail(err)
				failed[m.lookup] = t
			} else {
				byID[user.ID], t.user = t, user
			}
		}
		mentions[i].target = t
	}
	for _, w := range ignoredWarnings(hosts) {
		x.Warn("%s", w)
	}
	x.ignoredEntities = append(x.ignoredEntities, hosts...)
	return targets
}

// isIgnoredHost reports whether the mention is a host that is certainly not a user's full login.
func (m userMention) isIgnoredHost() bool {
	if !m.isHost() {
		return false
	}
	if m.lookup.err != nil {
		return isUnknownUser(m.lookup.err)
	}
	return !sameName(m.lookup.user.Login, m.text)
}

// isUnknownUser reports whether a lookup failed because the name is not that of one user. After any
// other error the name may be a user's login.
func isUnknownUser(err error) bool {
	e := apierr.As(err)
	return e.Kind == apierr.NotFound || e.Code == "ambiguous"
}
