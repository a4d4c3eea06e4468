package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
)

var (
	argumentInUse = regexp.MustCompile(`\[([^\]]+)\]`)
	// numberedFlag is how AutoCLI speaks of a positional argument.
	numberedFlag = regexp.MustCompile(`for "--(\d+)" flag`)
	// noNumber is how Go says that text is no number.
	noNumber = regexp.MustCompile(`strconv\.\w+: parsing ".*": invalid syntax`)
)

// nameArguments makes the commands below say which positional argument is missing
// or wrong, by the names in their usage. Derived commands count them, and speak of
// the first as "--0".
func nameArguments(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		nameArguments(below)
	}
	names := argumentNames(cmd.Use)
	switch {
	case cmd.HasSubCommands() && !cmd.Runnable():
		cmd.RunE = client.ValidateCmd // a word that is no command is refused, not passed over
	case !cmd.HasSubCommands() && cmd.Args == nil && !strings.Contains(cmd.Use, " "):
		cmd.Args = cobra.NoArgs
	}
	if cmd.HasSubCommands() || cmd.RunE == nil {
		return
	}
	if count := cmd.Args; count != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := count(cmd, args)
			if err == nil {
				return nil
			}
			return fmt.Errorf("%w; usage: %s %s", err, cmd.Parent().CommandPath(), cmd.Use)
		}
	}
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return named(run(cmd, args), names)
	}
}

// named puts names in place of the numbers of an error of AutoCLI.
func named(err error, names []string) error {
	if err == nil || !numberedFlag.MatchString(err.Error()) {
		return err
	}
	text := noNumber.ReplaceAllString(err.Error(), "not a whole number")
	return argumentError{err, numberedFlag.ReplaceAllStringFunc(text, func(flag string) string {
		i, bad := strconv.Atoi(numberedFlag.FindStringSubmatch(flag)[1])
		if bad != nil || i >= len(names) {
			return flag
		}
		return fmt.Sprintf("for [%s]", names[i])
	})}
}

// argumentError is an error told in other words.
type argumentError struct {
	error
	text string
}

func (e argumentError) Error() string { return e.text }
func (e argumentError) Unwrap() error { return e.error }

func argumentNames(use string) []string {
	var names []string
	for _, found := range argumentInUse.FindAllStringSubmatch(use, -1) {
		if found[1] != "flags" {
			names = append(names, found[1])
		}
	}
	return names
}
