package emulator

// QueryParameters returns the query parameters of the routes.
func QueryParameters() map[string][]string { return queryParameters }
