package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/inference-chain/x/inference/types"
)

// checkTime bounds one of the doctor's looks.
const checkTime = 10 * time.Second

const (
	// clockTolerance is how far clocks of well-kept machines lie apart.
	clockTolerance = 5 * time.Second
	// staleBlock is the age of a newest block that is not credible.
	staleBlock = 45 * time.Second
)

// errUnwell is what the doctor ends with when something is wrong; what it is
// was printed.
var errUnwell = errors.New("not everything is well")

func doctorCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Say what is wrong with this broker's surroundings", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			d := &doctor{out: out}
			d.see(cmd.Context(), c)
			if d.unwell {
				return errUnwell
			}
			return nil
		},
	}
}

type doctor struct {
	out    io.Writer
	unwell bool
}

// say prints the outcome of one look; remedy is for when it failed.
func (d *doctor) say(what string, err error, remedy string) bool {
	if err == nil {
		fmt.Fprintf(d.out, "ok    %s\n", what)
		return true
	}
	d.unwell = true
	fmt.Fprintf(d.out, "WRONG %s: %v\n      %s\n", what, err, remedy)
	return false
}

func (d *doctor) see(ctx context.Context, c config.Config) {
	d.say("configuration", nil, "")
	key, err := chain.OpenKey(c.WarmKey)
	d.say("warm key", err, "write 64 hex digits into warm_key.file, or name a key of the keyring")
	for i, address := range c.Chain.RPC {
		d.seeEndpoint(ctx, c, i, address)
	}
	for _, node := range c.Nodes {
		d.seeNode(ctx, node)
	}
	if key != nil {
		d.seeGrants(ctx, c, key)
	}
}

func (d *doctor) seeEndpoint(ctx context.Context, c config.Config, i int, address string) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	what := fmt.Sprintf("chain.rpc[%d] %s", i, address)
	endpoint, err := chain.NewEndpoint(address)
	if err != nil {
		d.say(what, err, "give a URL like http://127.0.0.1:26657")
		return
	}
	status, err := endpoint.Status(ctx)
	switch {
	case err != nil:
	case status.ChainID != c.ChainID:
		err = fmt.Errorf("it belongs to chain %q, not %q", status.ChainID, c.ChainID)
	case !status.Indexed:
		err = errors.New("it does not index transactions")
	case status.CatchingUp:
		err = fmt.Errorf("it is catching up, at height %d", status.Height)
	}
	if d.say(what, err, "start the chain node; its tx_index.indexer must be kv") {
		d.say("clock of this machine", checkClock(time.Since(status.Time)),
			"set the clock by NTP: a validator with a wrong one votes for wrong block times, and logs mislead")
	}
}

// checkClock compares the clock with the age of the newest block. A block may
// be old, but not from the future.
func checkClock(age time.Duration) error {
	if age < -clockTolerance {
		return fmt.Errorf("it is %s behind the newest block", (-age).Round(time.Second))
	}
	if age > staleBlock {
		return fmt.Errorf("the newest block is %s old: the clock is ahead, or the chain stands still", age.Round(time.Second))
	}
	return nil
}

func (d *doctor) seeNode(ctx context.Context, spec config.Node) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	client, err := mlnode.Dial(spec)
	if err == nil {
		_, err = client.Status(ctx)
		err = errors.Join(err, client.Close())
	}
	d.say("node "+spec.ID+" at "+spec.Address, err, "start the mlnode there and compare address, token and certificates")
}

// seeGrants asks whether the warm key may send everything it will have to.
func (d *doctor) seeGrants(ctx context.Context, c config.Config, key chain.Key) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var endpoints []chain.Endpoint
	for _, address := range c.Chain.RPC {
		if endpoint, err := chain.NewEndpoint(address); err == nil {
			endpoints = append(endpoints, endpoint)
		}
	}
	client := chain.NewClient(chain.NewPool(c.ChainID, endpoints, c.Chain.Timeout, logger(config.Log{Level: "error"}, io.Discard)),
		c.Host.Address, chain.Address(key))
	for _, message := range types.FreeMessages() {
		may, err := client.MaySend(ctx, message)
		if err == nil && !may {
			err = errors.New("the host is not registered, or has not granted it")
		}
		d.say("grant of "+message+" to "+chain.Address(key), err,
			"register the host and write the grants with inferenced, from the host's own key")
	}
}
