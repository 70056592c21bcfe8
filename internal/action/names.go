package action

// SameName reports whether two names are equal ignoring case, spaces, tabs, "_" and "-".
func SameName(a, b string) bool { return fold(a) == fold(b) }

// NearestName returns the known name that is closest to name, compared as SameName does; "" if none
// is close.
func NearestName(name string, known []string) string {
	folded := map[string]string{}
	for _, k := range known {
		if _, taken := folded[fold(k)]; !taken {
			folded[fold(k)] = k
		}
	}
	return nearest(fold(name), folded)
}
