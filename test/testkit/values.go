package testkit

// ValuesAt returns the values at a path of decoded JSON. A list adds nothing to the path, as in a placeholder of SecOps.
func ValuesAt(v any, path []string) []any {
	switch v := v.(type) {
	case []any:
		var all []any
		for _, item := range v {
			all = append(all, ValuesAt(item, path)...)
		}
		return all
	case map[string]any:
		if len(path) > 0 && v[path[0]] != nil {
			return ValuesAt(v[path[0]], path[1:])
		}
		return nil
	}
	if len(path) > 0 {
		return nil
	}
	return []any{v}
}
