package broker

import (
	"slices"
	"strings"
)

// MergeModelArgs joins an epoch's serving arguments with those of a machine:
// the epoch's first, then the local ones whose option the epoch does not set.
// Where both set an option, all of its local occurrences are dropped.
//
// Options are --k v, --k=v, flags, and options with several values or several
// occurrences. --some_option is --some-option, and --no-x sets x, because the
// serving engines read them so. A token after an option that begins with no
// dash, or is a negative number, is its value.
func MergeModelArgs(epoch, local []string) []string {
	set := map[string]bool{}
	for _, o := range options(epoch) {
		set[o.name] = true
	}
	merged := slices.Clone(epoch)
	for _, o := range options(local) {
		if o.name == "" || !set[o.name] {
			merged = append(merged, o.tokens...)
		}
	}
	return merged
}

// option is one occurrence of an option with its values, as it was written.
// Tokens before the first option have no name.
type option struct {
	name   string
	tokens []string
}

func options(args []string) []option {
	var out []option
	for _, token := range args {
		if name := optionName(token); name != "" || len(out) == 0 {
			out = append(out, option{name: name})
		}
		last := &out[len(out)-1]
		last.tokens = append(last.tokens, token)
	}
	return out
}

// optionName returns the normal name of an option, or nothing for a value.
func optionName(token string) string {
	if len(token) < 2 || token[0] != '-' || strings.ContainsRune("0123456789.", rune(token[1])) {
		return ""
	}
	name, _, _ := strings.Cut(token, "=")
	name = strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-")
	return strings.TrimPrefix(name, "no-")
}
