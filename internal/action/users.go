package action

import (
	"context"
	"regexp"
	"strings"

	"example.com/okta-secops/internal/apierr"
	"example.com/okta-secops/internal/okta"
)

// UserWork is what an action does with each user.
type UserWork struct {
	Words
	// Plan decides from the user's state as read.
	Plan func(ctx context.Context, u okta.User) (Plan, error)
	// Whole: the results hold the whole objects of the users. If not, what the product does not need of them is not kept.
	ReturnsUsers bool
	// Enrich gives what an entity that was reached is enriched with; nil: nothing.
	Enrich func(value any) map[string]string
}

// EachUser runs an action on users: those that the parameter names, then the entities in scope. Every
// name is resolved to a user's id before the first write, so that a user who is named twice is one
// target and the bound on targets holds. A target that fails never stops the others.
func (c *Execution) EachUser(ctx context.Context, users Users, w UserWork) (*Result, error) {
	if c.replay != nil {
		return c.replayUsers(ctx, w), nil
	}
	namings := make([]userMention, 0, len(users)+len(c.scope))
	for _, u := range users {
		namings = append(namings, userMention{text: u, from: Mention{u, fromParameter}})
	}
	for i := range c.scope {
		for _, text := range c.scope[i].names {
			input := text
			if len(c.scope[i].names) == 1 {
				input = c.scope[i].Identifier // as given
			}
			namings = append(namings, userMention{text: text, from: Mention{input, fromEntity}, entity: &c.scope[i]})
		}
	}
	names := distinctLookups(namings)
	if err := c.checkTargetCount(len(names), minDistinctUsers(names)); err != nil {
		return nil, err
	}
	room := c.newResultBudget(len(names))
	c.forEachParallel(len(names), func(i int) {
		n := names[i]
		n.err = c.catchPanic(func() (err error) {
			n.user, err = c.lookUp(ctx, n.text)
			if !w.ReturnsUsers || err != nil {
				n.user.Raw = nil
				return err
			}
			return room.take(i, len(n.user.Raw), func() { n.user.Raw, n.cut = nil, true })
		})
	})

	targets, found := c.merge(namings, names)
	if len(targets) == 0 {
		return nil, apierr.Invalid(noTarget(&c.Action, c.namesParam(), true, c.ignored))
	}
	if err := c.checkTargetCount(len(names), len(targets)); err != nil {
		return nil, err
	}
	c.runTargets(ctx, targets, func(t *Target) (Plan, error) { return w.Plan(ctx, found[t]) })
	result := c.newResult(targets, w.Words)
	c.enrich(result, namings, w.Enrich)
	return result, nil
}

// oktaID is the id of a user.
var oktaID = regexp.MustCompile(`^00u[0-9A-Za-z]{17}$`)

// minDistinctUsers counts the users that the names stand for at least, so that a list that is far too long
// is refused without asking Okta: two ids are two users, and so are two short logins, and two addresses but
// for someone named by login and by another e-mail address. A host may turn out to be no user.
func minDistinctUsers(names []*userLookup) int {
	var ids, addresses, short int
	for _, n := range names {
		switch {
		case n.hostOnly:
		case oktaID.MatchString(n.text):
			ids++
		case strings.Contains(n.text, "@"):
			addresses++
		default:
			short++
		}
	}
	return max(ids, addresses, short)
}

// userMention is one way in which the request names a user.
type userMention struct {
	text   string
	from   Mention
	entity *scopeEntity
	name   *userLookup
	target *Target // nil for a host that is no user
}

func (n userMention) isHost() bool { return n.entity != nil && n.entity.Type == HostEntity }

// userLookup is a text that names a user, looked up once however often it is given.
type userLookup struct {
	text     string
	hostOnly bool
	user     okta.User
	cut      bool // the whole object of the user is left out for its size
	err      error
}

// distinctLookups gives the names of the namings, each once, ignoring case, and links the namings to them.
func distinctLookups(namings []userMention) []*userLookup {
	var names []*userLookup
	byText := map[string]*userLookup{}
	for i := range namings {
		key := foldName(namings[i].text)
		n := byText[key]
		if n == nil {
			n = &userLookup{text: namings[i].text, hostOnly: true}
			byText[key] = n
			names = append(names, n)
		}
		n.hostOnly = n.hostOnly && namings[i].isHost()
		namings[i].name = n
	}
	return names
}

// merge makes one target of all namings of one user, in the order of the first naming.
func (c *Execution) merge(namings []userMention, names []*userLookup) ([]*Target, map[*Target]okta.User) {
	var targets []*Target
	found := map[*Target]okta.User{}
	byID, byName := map[string]*Target{}, map[*userLookup]*Target{}
	var hosts []ignoredEntity
	for i, n := range namings {
		err, user := n.name.err, n.name.user
		if n.isHost() {
			ours := err == nil && sameName(user.Login, n.text)
			if !ours && (err == nil || !isUndecided(err)) {
				hosts = append(hosts, newIgnoredEntity(n.text, HostEntity, "it is not the full login of a user"))
				continue
			}
		}
		t := byName[n.name]
		if err == nil {
			t = byID[user.ID]
		}
		if t != nil {
			t.AlsoNamed = append(t.AlsoNamed, n.from)
		} else {
			t = &Target{Mention: n.from, UserID: user.ID, Login: user.Login, omitted: n.name.cut}
			targets = append(targets, t)
			if err != nil {
				t.fail(err)
				byName[n.name] = t
			} else {
				byID[user.ID], found[t] = t, user
			}
		}
		namings[i].target = t
	}
	for _, w := range warnIgnored(hosts) {
		c.Warn("%s", w)
	}
	c.ignored = append(c.ignored, hosts...)
	return targets, found
}

// isUndecided tells whether a failed look-up leaves open what the name is.
func isUndecided(err error) bool {
	f := apierr.As(err)
	return f.Kind != apierr.NotFound && f.Code != "ambiguous"
}
