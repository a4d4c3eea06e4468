package daemon

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
)

// settings is a configuration whose chain node does not exist.
func settings(t *testing.T, more string) config.Config {
	t.Helper()
	dir := t.TempDir()
	key := hex.EncodeToString(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "warm.key"), []byte(key), 0o600))
	c, err := config.Parse([]byte("chain_id = \"ninefold-local-1\"\nhome = \"state\"\n[host]\naddress = \""+
		chain.FormatAddress([20]byte{1})+"\"\n[warm_key]\nfile = \"warm.key\"\n[chain]\nrpc = [\"http://127.0.0.1:1\"]\n"+
		"[public]\nlisten = \"127.0.0.1:0\"\n[admin]\nsocket = \"admin.sock\"\n"+more), dir)
	require.NoError(t, err)
	return c
}

// addresses hands on what a broker says that it listens on.
type addresses chan map[string]string

func (a addresses) Enabled(context.Context, slog.Level) bool { return true }
func (a addresses) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a addresses) WithGroup(string) slog.Handler            { return a }

func (a addresses) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "broker runs" {
		found := map[string]string{}
		r.Attrs(func(attr slog.Attr) bool { found[attr.Key] = attr.Value.String(); return true })
		a <- found
	}
	return nil
}

// served runs a broker until the test ends, and returns where it listens.
func served(t *testing.T, c config.Config) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said, done := make(addresses, 1), make(chan error, 1)
	again := func() (config.Config, error) { return c, nil }
	go func() { done <- Serve(ctx, c, again, slog.New(said)) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	select {
	case found := <-said:
		return found
	case err := <-done:
		done <- nil
		require.FailNow(t, "it ended", "%v", err)
		return nil
	}
}

// TestOnlyASocketMakesRoomForTheAdminSocket lets other things lie where the socket is
// to be: a path that was mistaken for another's must cost nothing.
func TestOnlyASocketMakesRoomForTheAdminSocket(t *testing.T) {
	for name, tc := range map[string]struct {
		lay  func(path string) error
		want string
	}{
		"a key":             {func(path string) error { return os.WriteFile(path, []byte("key"), 0o600) }, "is a file, not a socket"},
		"an empty folder":   {func(path string) error { return os.Mkdir(path, 0o700) }, "is a folder, not a socket"},
		"a link to a key":   {func(path string) error { return os.Symlink("warm.key", path) }, "is a symbolic link, not a socket"},
		"a link to nothing": {func(path string) error { return os.Symlink("nothing", path) }, "is a symbolic link, not a socket"},
	} {
		t.Run(name, func(t *testing.T) {
			c := settings(t, "")
			require.NoError(t, tc.lay(c.Admin.Socket))
			before, err := os.Lstat(c.Admin.Socket)
			require.NoError(t, err)
			err = Serve(t.Context(), c, nil, slog.New(slog.DiscardHandler))
			require.ErrorIs(t, err, ErrListen)
			require.ErrorContains(t, err, "admin.socket: "+c.Admin.Socket+" "+tc.want)
			after, err := os.Lstat(c.Admin.Socket)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after), "it was left as it is")
		})
	}
	t.Run("a socket that a killed broker left", func(t *testing.T) {
		c := settings(t, "")
		left, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.Admin.Socket, Net: "unix"})
		require.NoError(t, err)
		left.SetUnlinkOnClose(false)
		require.NoError(t, left.Close())
		require.FileExists(t, c.Admin.Socket)
		served(t, c)
		info, err := os.Lstat(c.Admin.Socket)
		require.NoError(t, err)
		require.Equal(t, os.ModeSocket|0o600, info.Mode())
	})
}
