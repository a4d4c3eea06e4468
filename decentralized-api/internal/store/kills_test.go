package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/testkit/chance"
)

var killSeed = chance.Flag("kill-seed", "kills")

const (
	// isVictim is set in the environment of a process that is to be killed; its
	// store is the folder it runs in.
	isVictim   = "NINEFOLD_STORE_VICTIM"
	kills      = 50
	rowsAWrite = 4
)

// What a victim says before it goes on.
const (
	beforeARow    = "before a row"
	beforeACommit = "before a commit"
	committed     = "committed"
)

var steps = []string{beforeARow, beforeACommit, committed}

// writeUntilKilled is what a victim does: it writes, and waits for a byte at each
// step.
func writeUntilKilled() error {
	ctx, step := context.Background(), make([]byte, 1)
	s, err := Open(ctx, ".")
	if err != nil {
		return err
	}
	say := func(what string) error {
		fmt.Println(what)
		_, err := io.ReadFull(os.Stdin, step)
		return err
	}
	var rows int
	if err := s.Read().QueryRowContext(ctx, `SELECT count(*) FROM poc_chunks`).Scan(&rows); err != nil {
		return err
	}
	for epoch := rows / rowsAWrite; ; epoch++ {
		err := s.Write(ctx, func(tx *sql.Tx) error {
			for range rowsAWrite {
				if err := errors.Join(say(beforeARow), addChunk(ctx, tx, epoch)); err != nil {
					return err
				}
			}
			return say(beforeACommit)
		})
		if err := errors.Join(err, say(committed)); err != nil {
			return err
		}
	}
}

// victim is a process that writes, as far as it is let.
type victim struct {
	command *exec.Cmd
	said    *bufio.Scanner
	pace    io.WriteCloser // a byte lets it go on
	commits int            // that it told of
}

func newVictim(t *testing.T, dir string) *victim {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	v := &victim{command: exec.CommandContext(t.Context(), program)}
	v.command.Env, v.command.Dir = append(os.Environ(), isVictim+"=1"), dir
	v.pace, err = v.command.StdinPipe()
	require.NoError(t, err)
	out, err := v.command.StdoutPipe()
	require.NoError(t, err)
	v.said = bufio.NewScanner(out)
	require.NoError(t, v.command.Start())
	return v
}

// hears waits for the next step of the victim.
func (v *victim) hears(t *testing.T) string {
	t.Helper()
	require.True(t, v.said.Scan(), "the victim ended by itself: %v", v.said.Err())
	if v.said.Text() == committed {
		v.commits++
	}
	return v.said.Text()
}

func (v *victim) goOn(t *testing.T) {
	t.Helper()
	_, err := v.pace.Write([]byte{0})
	require.NoError(t, err)
}

// kill ends the process and counts what it still told of.
func (v *victim) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, v.command.Process.Kill())
	for v.said.Scan() {
		if v.said.Text() == committed {
			v.commits++
		}
	}
	require.Error(t, v.command.Wait(), "it was killed")
}

// TestAProcessKilledInAWriteLeavesWholeWritesAndAllItToldOf kills processes with
// SIGKILL: while they wait at a step of a write, or just after they were let go
// on, which is within what SQLite does then.
func TestAProcessKilledInAWriteLeavesWholeWritesAndAllItToldOf(t *testing.T) {
	random := killSeed.Random(t)
	dir, fallen := t.TempDir(), map[string]int{}
	stored := 0
	for number := range kills {
		v := newVictim(t, dir)
		at := v.hears(t)
		// Some steps on, at one of three, each as often.
		for passed := random.IntN(2 * (rowsAWrite + 2)); passed > 0 || at != steps[number%len(steps)]; passed-- {
			v.goOn(t)
			at = v.hears(t)
		}
		if random.IntN(2) == 0 {
			v.goOn(t)
			at = beyond(at)
		}
		v.kill(t)
		fallen[at]++
		stored = requireWhole(t, dir, stored+v.commits)
	}
	for _, at := range steps {
		for _, where := range []string{at, beyond(at)} {
			t.Logf("%3d kills %s", fallen[where], where)
			require.NotZero(t, fallen[where], where)
		}
	}
}

// beyond is the moment in which a process goes on from a step.
func beyond(step string) string { return step + ", let go on" }

// requireWhole opens the store as the next process does, and returns how many
// writes are in it: those that were told of, and at most one that had no time to be.
func requireWhole(t *testing.T, dir string, told int) int {
	t.Helper()
	s := openStore(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	rows := chunks(t, s)
	require.Zero(t, rows%rowsAWrite, "no write is there in part")
	require.Contains(t, []int{told, told + 1}, rows/rowsAWrite)
	var most int
	err := s.Read().QueryRowContext(context.Background(),
		`SELECT max(n) FROM (SELECT count(*) AS n FROM poc_chunks GROUP BY epoch)`).Scan(&most)
	if rows > 0 {
		require.NoError(t, err)
		require.Equal(t, rowsAWrite, most, "no write is there twice")
	}
	return rows / rowsAWrite
}
