package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports everything in a package whose result may differ between two
// executions of one block.
var Analyzer = &analysis.Analyzer{
	Name: "statecheck",
	Doc:  "refuse floating point, clocks, chance, goroutines and map order in the state machine",
	Run:  run,
}

// forbiddenImports maps a package to what to use instead.
var forbiddenImports = map[string]string{
	"math/rand":    "draw from a block hash with core/draw",
	"math/rand/v2": "draw from a block hash with core/draw",
	"crypto/rand":  "draw from a block hash with core/draw",
	"math/cmplx":   "use integers",
	"unsafe":       "layouts differ between machines",
	"os":           "the state machine has no environment",
	"net":          "the state machine has no network",
	"net/http":     "the state machine has no network",
}

// forbiddenCalls maps a function to what to use instead.
var forbiddenCalls = map[string]string{
	"time.Now":       "use the block's time",
	"time.Since":     "use the block's time",
	"time.Until":     "use the block's time",
	"time.Sleep":     "a block never waits",
	"time.After":     "a block never waits",
	"time.AfterFunc": "a block never waits",
	"time.Tick":      "a block never waits",
	"time.NewTimer":  "a block never waits",
	"time.NewTicker": "a block never waits",
	"maps.Keys":      "sort it: slices.Sorted(maps.Keys(m))",
	"maps.Values":    "range over sorted keys",
	"maps.All":       "range over sorted keys",
}

// coreMay lists, beside the standard library, what packages under core import.
var coreMay = []string{"cosmossdk.io/math", "ninefold.dev/inference-chain/core/"}

func run(pass *analysis.Pass) (any, error) {
	for _, file := range pass.Files {
		name := pass.Fset.Position(file.Package).Filename
		if strings.HasSuffix(name, "_test.go") || ast.IsGenerated(file) {
			continue
		}
		checkImports(pass, file)
		checkBody(pass, file)
	}
	return nil, nil
}

func checkImports(pass *analysis.Pass, file *ast.File) {
	inCore := strings.Contains(pass.Pkg.Path()+"/", "/core/")
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if instead, bad := forbiddenImports[path]; bad {
			pass.Reportf(spec.Pos(), "import of %s: %s", path, instead)
		}
		if inCore && !mayEnterCore(path) {
			pass.Reportf(spec.Pos(), "import of %s: core knows the standard library and cosmossdk.io/math alone", path)
		}
	}
}

func mayEnterCore(path string) bool {
	for _, allowed := range coreMay {
		if path == allowed || strings.HasPrefix(path, allowed) {
			return true
		}
	}
	// A module's path begins with a domain; a standard package has no dot there.
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func checkBody(pass *analysis.Pass, file *ast.File) {
	sorted := sortedOperands(pass, file)
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.GoStmt:
			pass.Reportf(n.Pos(), "goroutine: the order of its effects is not the same everywhere")
		case *ast.SelectStmt:
			pass.Reportf(n.Pos(), "select: which case runs is not the same everywhere")
		case *ast.RangeStmt:
			if _, isMap := underlying(pass, n.X).(*types.Map); isMap {
				pass.Reportf(n.Pos(), "range over a map: use slices.Sorted(maps.Keys(m))")
			}
		case *ast.CallExpr:
			checkCall(pass, n, sorted)
		case *ast.BasicLit:
			if n.Kind == token.FLOAT || n.Kind == token.IMAG {
				pass.Reportf(n.Pos(), "floating point literal %s: use integers", n.Value)
			}
		case *ast.Ident:
			checkFloat(pass, n)
		}
		return true
	})
}

// sortedOperands collects the calls whose order is made harmless at once, as
// maps.Keys(m) in slices.Sorted(maps.Keys(m)).
func sortedOperands(pass *analysis.Pass, file *ast.File) map[ast.Expr]bool {
	found := map[ast.Expr]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if ok && len(call.Args) > 0 && strings.HasPrefix(calledName(pass, call), "slices.Sorted") {
			found[call.Args[0]] = true
		}
		return true
	})
	return found
}

func checkCall(pass *analysis.Pass, call *ast.CallExpr, sorted map[ast.Expr]bool) {
	name := calledName(pass, call)
	if instead, bad := forbiddenCalls[name]; bad && !sorted[call] {
		pass.Reportf(call.Pos(), "call of %s: %s", name, instead)
	}
}

// checkFloat reports a use of a name whose type is a floating point number.
// Fields and results of foreign packages count too: math.Sqrt, dec.Float64.
func checkFloat(pass *analysis.Pass, ident *ast.Ident) {
	object := pass.TypesInfo.ObjectOf(ident)
	if object == nil || object.Type() == nil {
		return
	}
	t := object.Type()
	if signature, isFunc := t.(*types.Signature); isFunc && signature.Results().Len() > 0 {
		t = signature.Results().At(0).Type()
	}
	basic, ok := t.Underlying().(*types.Basic)
	isFloat := ok && basic.Info()&(types.IsFloat|types.IsComplex) != 0
	if isFloat || strings.TrimPrefix(t.String(), "*") == "math/big.Float" {
		pass.Reportf(ident.Pos(), "floating point in %s: use integers", ident.Name)
	}
}

// calledName returns "package.Function" of a call of a package's function.
func calledName(pass *analysis.Pass, call *ast.CallExpr) string {
	selector, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	function, ok := pass.TypesInfo.ObjectOf(selector.Sel).(*types.Func)
	if !ok || function.Pkg() == nil || function.Signature().Recv() != nil {
		return ""
	}
	return function.Pkg().Path() + "." + function.Name()
}

func underlying(pass *analysis.Pass, expr ast.Expr) types.Type {
	if t := pass.TypesInfo.TypeOf(expr); t != nil {
		return t.Underlying()
	}
	return nil
}
