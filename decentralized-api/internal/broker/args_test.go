package broker

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMergeModelArgs(t *testing.T) {
	for name, tc := range map[string]struct{ epoch, local, want string }{
		"nothing at all":                               {"", "", ""},
		"only the epoch's":                             {"--a 1", "", "--a 1"},
		"only local ones":                              {"", "--a 1 --b", "--a 1 --b"},
		"the epoch's come first":                       {"--a 1", "--b 2", "--a 1 --b 2"},
		"the epoch's value wins":                       {"--a 1", "--a 2 --b 3", "--a 1 --b 3"},
		"the epoch's value wins over an equals sign":   {"--a 1", "--a=2", "--a 1"},
		"an equals sign wins over a local value":       {"--a=1", "--a 2 --b", "--a=1 --b"},
		"a flag of both stands once":                   {"--flag", "--flag --x 1", "--flag --x 1"},
		"a flag before an option keeps no value":       {"--a 1", "--flag --a 2", "--a 1 --flag"},
		"a negated flag is the same argument":          {"--prefix-caching", "--no-prefix-caching", "--prefix-caching"},
		"a dash and an underscore are the same":        {"--max-model-len 512", "--max_model_len 9999", "--max-model-len 512"},
		"repeated local options all stay":              {"--a 1", "--lora x --lora y", "--a 1 --lora x --lora y"},
		"repeated local options all go":                {"--lora z", "--lora x --b --lora y", "--lora z --b"},
		"repeated options of the epoch all stay":       {"--lora x --lora y", "--lora z", "--lora x --lora y"},
		"several values belong to their option":        {"--b 1", "--names x y --b 2 3 --c", "--b 1 --names x y --c"},
		"a negative number is a value":                 {"--a -1", "--b -0.5 --a -.2", "--a -1 --b -0.5"},
		"a short option is an option":                  {"-q fp8", "-q int4 -n 2", "-q fp8 -n 2"},
		"a value that contains an equals sign is kept": {"", `--override a=b`, `--override a=b`},
	} {
		t.Run(name, func(t *testing.T) {
			epoch, local := strings.Fields(tc.epoch), strings.Fields(tc.local)
			before := slices.Clone(epoch)
			require.Equal(t, tc.want, strings.Join(MergeModelArgs(epoch, local), " "))
			require.Equal(t, before, epoch, "the epoch's arguments must not be written to")
		})
	}
}

func TestMergedArgsBeginWithTheEpochsAndMergingAgainChangesNothing(t *testing.T) {
	token := rapid.SampledFrom([]string{"--a", "--b", "--c=1", "--no-a", "--d_e", "--d-e", "1", "x", "-2", "-s"})
	rapid.Check(t, func(r *rapid.T) {
		epoch := append([]string{"--first"}, rapid.SliceOfN(token, 0, 8).Draw(r, "epoch")...)
		local := append([]string{"--local"}, rapid.SliceOfN(token, 0, 8).Draw(r, "local")...)
		merged := MergeModelArgs(epoch, local)
		require.Equal(r, epoch, merged[:len(epoch)])
		require.Equal(r, merged, MergeModelArgs(merged, local))
		for _, o := range options(merged[len(epoch):]) {
			for _, e := range options(epoch) {
				require.NotEqual(r, e.name, o.name)
			}
		}
	})
}
