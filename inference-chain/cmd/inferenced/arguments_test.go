package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"
)

func TestPositionalArgumentsAreCalledByTheirNames(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"a missing argument":        {[]string{"query", "inference", "weight", "1"}, "accepts 2 arg(s), received 1; usage: inferenced query inference weight [epoch] [address]"},
		"a word for a number":       {[]string{"query", "inference", "weight", "x", "nine1"}, `invalid argument "x" for [epoch]: not a whole number`},
		"a word for an address":     {[]string{"query", "inference", "weight", "1", "bogus"}, `invalid argument "bogus" for [address]: `},
		"an amount without denom":   {[]string{"tx", "inference", "deposit", "5"}, `invalid argument "5" for [amount]: `},
		"a word that is no command": {[]string{"keys", "bogus"}, `unknown command "bogus"`},
		"a word for nothing":        {[]string{"keys", "list", "junk"}, `unknown command "junk"`},
		"of another module":         {[]string{"query", "bank", "balance", "x", "unine"}, `for [address]`},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := newRoot()
			require.NoError(t, err)
			var out bytes.Buffer
			root.SetOut(&out)
			root.SetErr(&out)
			root.SetArgs(append(tc.args, "--home", t.TempDir()))
			root.PersistentFlags().String("home", "", "")
			err = root.ExecuteContext(svrcmd.CreateExecuteContext(context.Background()))
			require.ErrorContains(t, err, tc.want)
		})
	}
}
