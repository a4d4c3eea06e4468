package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Verify(m) }

// home writes a configuration whose chain node does not exist and returns its
// path. admin is the table of the operator's listener.
func home(t *testing.T, public, admin string) string {
	t.Helper()
	dir := t.TempDir()
	key := hex.EncodeToString(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "warm.key"), []byte(key), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "admin.token"), []byte("secret\n"), 0o600))
	path := filepath.Join(dir, "dapi.toml")
	text := fmt.Sprintf("chain_id = \"ninefold-local-1\"\nhome = \"state\"\n[host]\naddress = %q\n[warm_key]\nfile = \"warm.key\"\n"+
		"[chain]\nrpc = [\"http://127.0.0.1:1\"]\ntimeout = \"1s\"\n[public]\nlisten = %q\n[admin]\n%s\n"+
		"[[nodes]]\nid = \"n\"\naddress = \"127.0.0.1:1\"\nmodels = [\"m\"]\n", chain.FormatAddress([20]byte{1}), public, admin)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const onSocket = `socket = "admin.sock"`

// dapi runs a command line and returns the exit code and what was printed.
func dapi(ctx context.Context, args ...string) (int, string) {
	var out, errs bytes.Buffer
	code := run(ctx, args, &out, &errs)
	return code, out.String() + errs.String()
}

func TestConfigCheckSaysWhatIsWrong(t *testing.T) {
	path := home(t, "127.0.0.1:0", onSocket)
	code, text := dapi(t.Context(), "config", "check", "--config", path)
	require.Zero(t, code, text)
	require.Contains(t, text, "configuration is fine: host nine1")

	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(raw, []byte("\n[pubilc]\nlisten = \"x\"\n")...), 0o600))
	code, text = dapi(t.Context(), "config", "check", "--config", path)
	require.Equal(t, 1, code)
	require.Contains(t, text, `did you mean "public"`)
	for _, words := range [][]string{{"config", "bogus"}, {"nodes", "bogus"}} {
		code, text = dapi(t.Context(), words...)
		require.Equal(t, 1, code)
		require.Contains(t, text, `unknown command "bogus"`)
	}
	code, text = dapi(t.Context(), "start", "--config", path+".lost")
	require.Equal(t, 1, code)
	require.Contains(t, text, "no such file")
}

func TestANumberOfDevicesWithoutTheirKindIsRefused(t *testing.T) {
	path := home(t, "127.0.0.1:0", onSocket)
	for _, words := range [][]string{
		{"nodes", "add", "--id", "a", "--address", "h:1", "--model", "m", "--count", "8"},
		{"nodes", "update", "a", "--address", "h:1", "--model", "m", "--count", "8"},
		{"nodes", "add", "--id", "a", "--address", "h:1", "--model", "m", "--hardware", ""},
	} {
		code, text := dapi(t.Context(), append(words, "--config", path)...)
		require.Equal(t, 1, code)
		require.Contains(t, text, "--count says how many devices --hardware names, which is missing or empty")
	}
}

// lines hands on what a running broker logs.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	select {
	case l <- string(p):
	default: // nobody waits for a line any more
	}
	return len(p), nil
}

// started runs a broker until the test ends, and returns when it listens.
func started(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log, done := make(lines, 100), make(chan int, 1)
	go func() { done <- run(ctx, []string{"start", "--config", path}, log, log) }()
	for line := range log {
		if strings.Contains(line, "broker runs") {
			break
		}
		select {
		case code := <-done:
			t.Fatalf("it ended with %d: %s", code, line)
		default:
		}
	}
	t.Cleanup(func() {
		cancel()
		require.Zero(t, <-done, "an interrupted broker ends well")
	})
}

func TestARunningBrokerAnswersItsOperator(t *testing.T) {
	for name, admin := range map[string]string{
		"on a socket": onSocket,
		"on loopback": fmt.Sprintf("listen = %q\ntoken_file = \"admin.token\"", freePort(t)),
	} {
		t.Run(name, func(t *testing.T) {
			path := home(t, "127.0.0.1:0", admin)
			code, text := dapi(t.Context(), "status", "--config", path)
			require.Equal(t, 1, code)
			require.Contains(t, text, "is the broker running?")

			started(t, path)
			code, text = dapi(t.Context(), "status", "--config", path)
			require.Zero(t, code, text)
			require.Contains(t, text, "the chain was not reached yet")
			code, text = dapi(t.Context(), "status", "--json", "--config", path)
			require.Zero(t, code, text)
			require.Contains(t, text, `"chain_id": "ninefold-local-1"`)
			code, text = dapi(t.Context(), "nodes", "disable", "lost", "--config", path)
			require.Equal(t, 1, code)
			require.Contains(t, text, "no node of this id: lost")
			code, text = dapi(t.Context(), "nodes", "add", "--id", "a b", "--address", "h:1", "--model", "m", "--config", path)
			require.Equal(t, 1, code)
			require.Contains(t, text, "node.id must be")
			code, text = dapi(t.Context(), "nodes", "update", "a b", "--address", "h:1", "--model", "m", "--config", path)
			require.Equal(t, 1, code)
			require.Contains(t, text, "node.id must be")
			code, text = dapi(t.Context(), "nodes", "add", "--id", "b", "--address", "h:1", "--model", "m", "--config", path)
			require.Equal(t, 1, code)
			require.Contains(t, text, "no chain endpoint answers")
			require.Contains(t, reloadWith(t, path, "[log]\nlevel = \"debug\"\n"), "act after a restart, and nothing was changed: log")
			require.Contains(t, reloadWith(t, path, "[lgo]\n"), `did you mean "log"?`)
			code, text = dapi(t.Context(), "start", "--config", path)
			require.Equal(t, 1, code)
			require.Contains(t, text, "in use by another process")
		})
	}
}

// reloadWith reloads a file with more text in it, and returns what is said.
func reloadWith(t *testing.T, path, text string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(bytes.Clone(raw), text...), 0o600))
	code, said := dapi(t.Context(), "reload", "--config", path)
	require.Equal(t, 1, code)
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	return said
}

func freePort(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestAPortInUseIsSaidPlainly(t *testing.T) {
	var lc net.ListenConfig
	taken, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	code, text := dapi(t.Context(), "start", "--config", home(t, taken.Addr().String(), onSocket))
	require.Equal(t, 1, code)
	require.Contains(t, text, "public.listen")
	require.Contains(t, text, "address already in use")
}

func TestTheDoctorNamesWhatIsWrongAndTheRemedy(t *testing.T) {
	code, text := dapi(t.Context(), "doctor", "--config", home(t, "127.0.0.1:0", onSocket))
	require.Equal(t, 1, code)
	for _, want := range []string{
		"ok    warm key", "WRONG chain.rpc[0] http://127.0.0.1:1", "start the chain node",
		"WRONG node n at 127.0.0.1:1", "WRONG grant of /inference.v1.MsgSubmitPocBatch",
	} {
		require.Contains(t, text, want)
	}
}

func TestAClockThatIsWrongIsNamed(t *testing.T) {
	for _, fine := range []time.Duration{0, 6 * time.Second, staleBlock, -clockTolerance} {
		require.NoError(t, checkClock(fine), fine)
	}
	require.ErrorContains(t, checkClock(-time.Hour), "1h0m0s behind the newest block")
	require.ErrorContains(t, checkClock(staleBlock+time.Second), "46s old")
}
