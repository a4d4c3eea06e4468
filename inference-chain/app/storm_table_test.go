package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cosmos/gogoproto/proto"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	errorsmod "cosmossdk.io/errors"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
	validators "ninefold.dev/inference-chain/x/validators/types"
)

// ownModules is where the Go packages of our modules lie.
const ownModules = "ninefold.dev/inference-chain/x/"

// refusal names an error as the result of a transaction does: codes are those of a
// codespace.
type refusal struct {
	codespace string
	code      uint32
}

func refusalOf(err *errorsmod.Error) refusal { return refusal{err.Codespace(), err.ABCICode()} }

// unmet are the errors that no message meets and no block of the storm either, each
// with the test of its module that meets it.
var unmet = map[refusal]struct{ why, test string }{
	refusalOf(inference.ErrInvalidGenesis): {
		"only who imports meets it", "TestAnExportThatIsWrongIsRefusedByItsField",
	},
	refusalOf(validators.ErrInvalidGenesis): {
		"only who imports meets it", "TestGenesisIsChecked",
	},
	refusalOf(validators.ErrEmptySet): {
		"a hand-over or a block's end meets it once everybody is in jail", "TestWhatTheSetRefusesHasItsError",
	},
	refusalOf(validators.ErrPeriod): {
		"x/inference numbers the hand-overs, and leaves none out", "TestWhatTheSetRefusesHasItsError",
	},
	refusalOf(validators.ErrUnknownValidator): {
		"x/slashing finds the host before it lets its key out of jail", "TestWhatTheSetRefusesHasItsError",
	},
}

// sentinel is an error that one of our modules registers.
type sentinel struct {
	name string // of its variable
	err  *errorsmod.Error
}

// sentinels are the errors in every errors.go of our modules, in their order.
func sentinels(t testing.TB) []sentinel {
	t.Helper()
	paths, err := filepath.Glob("../x/*/types/errors.go")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var found []sentinel
	for _, path := range paths {
		module := filepath.Base(filepath.Dir(filepath.Dir(path)))
		ast.Inspect(parsed(t, path), func(n ast.Node) bool {
			if spec, is := n.(*ast.ValueSpec); is {
				found = append(found, registered(t, module, spec))
			}
			return true
		})
	}
	return found
}

// registered is what a line like ErrField = errors.Register(ModuleName, 5, "text")
// registers, which must be what runs under this code.
func registered(t testing.TB, module string, spec *ast.ValueSpec) sentinel {
	t.Helper()
	name := spec.Names[0].Name
	require.Len(t, spec.Values, 1, "%s of x/%s", name, module)
	call, is := spec.Values[0].(*ast.CallExpr)
	require.True(t, is, "%s of x/%s registers nothing", name, module)
	require.Len(t, call.Args, 3, "%s of x/%s", name, module)
	code, err := strconv.ParseUint(literal(t, call.Args[1]), 10, 32)
	require.NoError(t, err)
	says, err := strconv.Unquote(literal(t, call.Args[2]))
	require.NoError(t, err)
	var known *errorsmod.Error
	require.ErrorAs(t, errorsmod.ABCIError(module, uint32(code), ""), &known)
	require.Equal(t, says, known.Error(), "%s is not error %d of codespace %s", name, code, module)
	return sentinel{name, known}
}

func literal(t testing.TB, e ast.Expr) string {
	t.Helper()
	written, is := e.(*ast.BasicLit)
	require.True(t, is, "%v is no literal", e)
	return written.Value
}

// messageType is a message that our modules answer.
type messageType struct {
	url    string
	name   string
	module string // whose tests deliver it
}

// inactive are the messages that this version of the chain accepts from nobody:
// those of serving.
func inactive() []string {
	return []string{
		sdk.MsgTypeURL(&inference.MsgDeposit{}),
		sdk.MsgTypeURL(&inference.MsgWithdraw{}),
		sdk.MsgTypeURL(&inference.MsgSettleUsage{}),
	}
}

// messageTypes are the messages of every Msg service of our modules, and the one of
// x/slashing, which x/validators carries out.
func messageTypes() []messageType {
	found := []messageType{{sdk.MsgTypeURL(&slashingtypes.MsgUnjail{}), "MsgUnjail", validators.ModuleName}}
	proto.HybridResolver.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		options, is := file.Options().(*descriptorpb.FileOptions)
		if !is {
			return true
		}
		path, own := strings.CutPrefix(options.GetGoPackage(), ownModules)
		service := file.Services().ByName("Msg")
		if !own || service == nil {
			return true
		}
		module, _, _ := strings.Cut(path, "/")
		for i := range service.Methods().Len() {
			input := service.Methods().Get(i).Input()
			found = append(found, messageType{"/" + string(input.FullName()), string(input.Name()), module})
		}
		return true
	})
	return found
}

func parsed(t testing.TB, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	return file
}

// testFunctions are the functions of a module's tests, by name.
func testFunctions(t testing.TB, module string) map[string]*ast.FuncDecl {
	t.Helper()
	found := map[string]*ast.FuncDecl{}
	err := filepath.WalkDir(filepath.Join("../x", module), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, declared := range parsed(t, path).Decls {
			if function, is := declared.(*ast.FuncDecl); is && function.Recv == nil {
				found[function.Name.Name] = function
			}
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

// mentions tells whether a function uses a name of its module's types.
func mentions(function *ast.FuncDecl, name string) bool {
	found := false
	ast.Inspect(function, func(n ast.Node) bool {
		if used, is := n.(*ast.SelectorExpr); is && used.Sel.Name == name {
			from, is := used.X.(*ast.Ident)
			found = found || is && from.Name == "types"
		}
		return !found
	})
	return found
}
