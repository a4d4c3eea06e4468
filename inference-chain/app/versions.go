package app

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrOtherVersion means that a home holds state which another version of this
// program wrote, and which no scheduled upgrade turns into this one's.
var ErrOtherVersion = errors.New("the state is of another version of this program")

// checkVersions compares the versions in which the modules' state is stored with
// those that this program reads. A module would otherwise read rows of another
// layout, and part from the network or halt at some later block.
func (app *App) checkVersions(known []Upgrade) error {
	height := app.LastBlockHeight()
	if height == 0 {
		return nil
	}
	ctx := app.NewContextLegacy(true, app.lastHeader())
	stored, err := app.Upgrade.GetModuleVersionMap(ctx)
	if err != nil {
		return fmt.Errorf("versions of the state at height %d: %w", height, err)
	}
	var differing []string
	wanted := app.manager.GetVersionMap()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if at, ok := stored[name]; !ok || at != wanted[name] {
			differing = append(differing, fmt.Sprintf("%s %d (this program: %d)", name, at, wanted[name]))
		}
	}
	if len(differing) == 0 {
		return nil
	}
	if u, at, err := app.pendingUpgrade(known); err != nil || (u != nil && at == height+1) {
		return err
	}
	return fmt.Errorf("%w: at height %d it is %s; run the program that wrote it, until the height of an upgrade that governance has scheduled", ErrOtherVersion, height, strings.Join(differing, ", "))
}
