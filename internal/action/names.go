package action

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SameName reports whether two names are equal ignoring case, spaces, tabs, "_" and "-".
func SameName(a, b string) bool { return fold(a) == fold(b) }

// NearestName returns the known name that is closest to name, compared as by SameName; "" if none
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

// fold returns a name in lower case without spaces, tabs, "_" and "-", for comparisons.
func fold(name string) string { return separators.Replace(strings.ToLower(name)) }

var separators = strings.NewReplacer(" ", "", "_", "", "-", "", "\t", "")

// sameName reports whether two names are equal, ignoring case.
func sameName(a, b string) bool { return a != "" && foldName(a) == foldName(b) }

// foldName returns a name in lower case. A character outside ASCII never becomes an ASCII
// character: the Kelvin sign (U+212A) is not k.
func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		if lower := unicode.ToLower(r); r < utf8.RuneSelf || lower >= utf8.RuneSelf {
			return lower
		}
		return r
	}, s)
}

// nearest returns the value of the key that is closest to the folded name; "" if none is close. A
// key that is a prefix of the name, or has the name as a prefix, is close.
func nearest(name string, known map[string]string) string {
	best, distance := "", 0
	if len(name) > maxName {
		return best
	}
	for _, k := range slices.Sorted(maps.Keys(known)) {
		d := levenshtein(name, k)
		if len(name) >= 3 && (strings.HasPrefix(k, name) || strings.HasPrefix(name, k)) {
			d = min(d, 2)
		}
		if d <= max(2, len(k)/3) && (best == "" || d < distance) {
			best, distance = known[k], d
		}
	}
	return best
}

func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			above := row[j]
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above+1, row[j-1]+1, diagonal+cost)
			diagonal = above
		}
	}
	return row[len(b)]
}

// maxName bounds names that are compared, in bytes. Names of actions and parameters are shorter.
const maxName = 200

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
