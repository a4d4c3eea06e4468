package app

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/gogoproto/proto"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"cosmossdk.io/collections"
	"cosmossdk.io/log/v2"

	sdk "github.com/cosmos/cosmos-sdk/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
	validators "ninefold.dev/inference-chain/x/validators/types"
)

// layoutFile pins how the modules store their state in their present versions.
const layoutFile = "testdata/state_layout.txt"

// TestStoredStateChangesOnlyWithItsVersion fails when a collection or a field of what
// it holds changes, so that nobody forgets ConsensusVersion: a home of the older
// layout is refused by that number alone.
func TestStoredStateChangesOnlyWithItsVersion(t *testing.T) {
	a := newApp(t)
	versions := a.manager.GetVersionMap()
	var text strings.Builder
	for _, m := range []struct {
		name   string
		schema collections.Schema
	}{
		{inference.ModuleName, a.Inference.Schema},
		{validators.ModuleName, a.Validators.Schema},
	} {
		fmt.Fprintf(&text, "module %s version %d\n%s", m.name, versions[m.name], layoutOf(t, m.schema))
	}
	if os.Getenv("ACCEPT") != "" {
		requireRaised(t, text.String())
		require.NoError(t, os.WriteFile(layoutFile, []byte(text.String()), 0o600))
	}
	pinned, err := os.ReadFile(layoutFile)
	require.NoError(t, err)
	require.Equal(t, string(pinned), text.String(), "raise ConsensusVersion of the module whose rows changed, then `ACCEPT=1 go test ./inference-chain/app -run %s`", t.Name())
}

// requireRaised refuses another layout under the number of the one that is pinned.
func requireRaised(t *testing.T, next string) {
	t.Helper()
	pinned, err := os.ReadFile(layoutFile)
	require.NoError(t, err)
	before, after := modulesOf(string(pinned)), modulesOf(next)
	for header, layout := range after {
		if old, same := before[header]; same {
			require.Equal(t, old, layout, "%s has another layout: raise its ConsensusVersion first", header)
		}
	}
}

// modulesOf returns layouts by the line that names module and version.
func modulesOf(text string) map[string]string {
	found := map[string]string{}
	for _, part := range strings.Split(text, "module ")[1:] {
		header, layout, _ := strings.Cut(part, "\n")
		found[header] = layout
	}
	return found
}

// layoutOf lists collections, and below them every field of their messages.
func layoutOf(t *testing.T, schema collections.Schema) string {
	t.Helper()
	var lines []string
	messages := map[string]bool{}
	for _, c := range schema.ListCollections() {
		value := c.ValueCodec().ValueType()
		lines = append(lines, fmt.Sprintf("  %x %s %T\n", c.GetPrefix(), c.GetName(), c))
		name := protoreflect.FullName(strings.TrimPrefix(value, "github.com/cosmos/gogoproto/"))
		if found, err := proto.HybridResolver.FindDescriptorByName(name); err == nil {
			addMessage(messages, found.(protoreflect.MessageDescriptor))
		}
	}
	require.NotEmpty(t, messages, "no collection's message was found")
	slices.Sort(lines)
	for text := range messages {
		lines = append(lines, text)
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func addMessage(into map[string]bool, message protoreflect.MessageDescriptor) {
	if strings.HasPrefix(string(message.FullName()), "google.protobuf.") {
		return
	}
	fields := message.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		line := fmt.Sprintf("    %s %d %s %s", message.FullName(), f.Number(), f.Name(), f.Kind())
		if f.Cardinality() == protoreflect.Repeated {
			line += " repeated"
		}
		switch f.Kind() {
		case protoreflect.MessageKind:
			line += " " + string(f.Message().FullName())
		case protoreflect.EnumKind:
			line += " " + enumText(f.Enum())
		}
		if into[line+"\n"] {
			continue
		}
		into[line+"\n"] = true
		if f.Kind() == protoreflect.MessageKind {
			addMessage(into, f.Message())
		}
	}
}

func enumText(enum protoreflect.EnumDescriptor) string {
	text := string(enum.FullName())
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		text += fmt.Sprintf(" %s=%d", value.Name(), value.Number())
	}
	return text
}

// TestAHomeOfAnotherVersionIsRefused opens state that an older and that a newer
// program wrote.
func TestAHomeOfAnotherVersionIsRefused(t *testing.T) {
	for name, version := range map[string]uint64{"older": 1, "newer": 1_000} {
		t.Run(name, func(t *testing.T) {
			db, home := dbm.NewMemDB(), t.TempDir()
			written, err := New(log.NewNopLogger(), db, homeIn(home), baseOptions()...)
			require.NoError(t, err)
			n := newNetworkOn(t, written, inference.TestnetParams(), 100, 30, 30, 30)
			wrong := written.manager.GetVersionMap()
			require.NotEqual(t, version, wrong[inference.ModuleName])
			wrong[inference.ModuleName] = version
			// Straight into the store, as if a block had written it.
			store := sdk.NewContext(written.CommitMultiStore(), written.lastHeader(), false, log.NewNopLogger())
			require.NoError(t, written.Upgrade.SetModuleVersionMap(store, wrong))
			n.block()

			_, err = New(log.NewNopLogger(), db, homeIn(home), baseOptions()...)
			require.ErrorIs(t, err, ErrOtherVersion)
			require.ErrorContains(t, err, fmt.Sprintf("inference %d (this program: %d)", version, written.manager.GetVersionMap()[inference.ModuleName]))
		})
	}
}
