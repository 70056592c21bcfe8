package httpapi

import (
	"net/http"

	"example.com/okta-secops/internal/action"
)

// Mount serves every group of one process under its name: POST /users/disable-user, GET /users/ping and so
// on, as the local product does. Deployed, each group is a function of its own, at the root. What serves more than that,
// and the paths outside of every group, needs LimitArrival.
func Mount(groups []action.Group, open func(action.Group) Open) *http.ServeMux {
	mux := http.NewServeMux()
	for _, g := range groups {
		prefix := "/" + g.Name
		h := http.StripPrefix(prefix, Handler(g, groups, open(g)))
		mux.Handle(prefix, h)
		mux.Handle(prefix+"/", h)
	}
	return mux
}
