// Command inferenced is a node of the chain and its command line.
package main

import (
	"errors"
	"fmt"
	"os"

	svrcmd "github.com/cosmos/cosmos-sdk/server/cmd"

	"ninefold.dev/inference-chain/app"
)

// envPrefix starts the environment variables that stand for flags.
const envPrefix = "INFERENCED"

func main() { os.Exit(run()) }

// run returns the exit status. The SDK's interfaces leave an application that
// cannot be built no way to say so but a panic; it is printed as an error.
func run() (status int) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if failed, ok := r.(buildError); ok {
			status = fail(failed)
			return
		}
		panic(r) // not ours to hide
	}()
	root, err := newRoot()
	if err != nil {
		return fail(err)
	}
	if err := svrcmd.Execute(root, envPrefix, app.DefaultHome()); err != nil {
		return fail(err)
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "Error:", err)
	var code interface{ ExitCode() int }
	if errors.As(err, &code) {
		return code.ExitCode()
	}
	return 1
}
