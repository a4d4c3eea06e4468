package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/httpapi"
)

// operatorTimeout bounds a call to the running broker.
const operatorTimeout = 30 * time.Second

// operator calls the running broker's admin listener.
type operator struct {
	client *http.Client
	base   string
	token  string
}

func newOperator(a config.Admin) (*operator, error) {
	if a.Socket != "" {
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", a.Socket)
		}}
		return &operator{client: &http.Client{Transport: transport, Timeout: operatorTimeout}, base: "http://admin"}, nil
	}
	token, err := os.ReadFile(a.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("admin.token_file: %w", err)
	}
	return &operator{
		client: &http.Client{Timeout: operatorTimeout}, base: "http://" + a.Listen, token: strings.TrimSpace(string(token)),
	}, nil
}

// call sends body, unless it is nil, and reads the answer into result.
func (o *operator) call(ctx context.Context, method, path string, body, result any) error {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, o.base+path, reader)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	response, err := o.client.Do(request)
	if err != nil {
		return fmt.Errorf("is the broker running? %w", err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		var failure httpapi.Failure
		if json.Unmarshal(raw, &failure) == nil && failure.Error.Message != "" {
			return fmt.Errorf("%s", failure.Error.Message)
		}
		return fmt.Errorf("%s: %.200s", response.Status, raw)
	}
	return json.Unmarshal(raw, result)
}

func operatorOf(cmd *cobra.Command) (*operator, error) {
	c, err := load(cmd)
	if err != nil {
		return nil, err
	}
	return newOperator(c.Admin)
}

func statusCommand(out io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show what the running broker does", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := operatorOf(cmd)
			if err != nil {
				return err
			}
			var status httpapi.Status
			if err := o.call(cmd.Context(), http.MethodGet, "/admin/v1/status", nil, &status); err != nil {
				return err
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return encode(out, status)
			}
			return printStatus(out, status)
		},
	}
	cmd.Flags().Bool("json", false, "print everything as JSON")
	return cmd
}

func encode(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func printStatus(out io.Writer, s httpapi.Status) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "host\t%s on %s, signed for by %s\n", s.Host, s.ChainID, s.Signer)
	if s.Clock != nil {
		fmt.Fprintf(w, "epoch\t%d in effect, %d opened\n", s.Clock.Epoch, s.Clock.Opened)
		fmt.Fprintf(w, "stage\t%s at %d, %d blocks left\n", s.Clock.Stage, s.Clock.Height, s.Clock.BlocksLeft)
	}
	fmt.Fprintf(w, "weight\t%d in epoch %d: %s\n", s.Weight.Expected, s.Weight.Epoch, s.Weight.Reason)
	for kind, states := range s.Outbox {
		fmt.Fprintf(w, "outbox\t%s: %v\n", kind, states)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return printNodes(out, s.Nodes)
}

func printNodes(out io.Writer, nodes []httpapi.Node) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NODE\tENABLED\tREACHABLE\tSTATE\tDOING\tSERVING\tACKNOWLEDGED\tVERIFIED\tPROBLEM")
	for _, n := range nodes {
		problem := n.Problem
		if n.Refused != "" {
			problem = n.Refused
		}
		fmt.Fprintf(w, "%s\t%t\t%t\t%s\t%s\t%s\t%d\t%d\t%s\n", n.ID, n.Enabled, n.Reachable, n.State, n.Doing,
			n.Serving, n.Report.Acknowledged, n.Report.Verified, problem)
	}
	return w.Flush()
}

func nodesCommand(out io.Writer) *cobra.Command {
	parent := group("nodes", "Look at and change the nodes of the running broker")
	change := func(use, short, method, path string) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return changeNodes(cmd, out, method, fmt.Sprintf(path, url.PathEscape(args[0])), nil)
			},
		}
	}
	parent.AddCommand(
		&cobra.Command{
			Use: "list", Short: "Show the nodes", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return changeNodes(cmd, out, http.MethodGet, "/admin/v1/nodes", nil)
			},
		},
		addCommand(out),
		updateCommand(out),
		change("remove ID", "Remove a node that was added here", http.MethodDelete, "/admin/v1/nodes/%s"),
		change("enable ID", "Let a node join the fleet with the next epoch", http.MethodPost, "/admin/v1/nodes/%s/enable"),
		change("disable ID", "Let a node leave the fleet with the next epoch", http.MethodPost, "/admin/v1/nodes/%s/disable"),
	)
	return parent
}

func addCommand(out io.Writer) *cobra.Command {
	var node nodeFlags
	cmd := &cobra.Command{
		Use: "add", Short: "Add a node; it joins the fleet with the next epoch", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			spec, err := node.spec(cmd)
			if err != nil {
				return err
			}
			return changeNodes(cmd, out, http.MethodPost, "/admin/v1/nodes", []config.Node{spec})
		},
	}
	cmd.Flags().StringVar(&node.ID, "id", "", "id within the host")
	node.bind(cmd)
	return cmd
}

func updateCommand(out io.Writer) *cobra.Command {
	var node nodeFlags
	cmd := &cobra.Command{
		Use: "update ID", Short: "Replace a node that was added here by what the flags say", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			node.ID = args[0]
			spec, err := node.spec(cmd)
			if err != nil {
				return err
			}
			return changeNodes(cmd, out, http.MethodPut, "/admin/v1/nodes/"+url.PathEscape(args[0]), spec)
		},
	}
	node.bind(cmd)
	return cmd
}

// nodeFlags are a node told by flags.
type nodeFlags struct {
	config.Node
	kind  string
	count uint32
}

func (n *nodeFlags) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&n.Address, "address", "", "gRPC host:port")
	f.StringVar(&n.TokenFile, "token-file", "", "absolute path of the file with the node's token")
	f.StringSliceVar(&n.Models, "model", nil, "governance id it can serve, by preference; repeatable")
	f.StringArrayVar(&n.Args, "arg", nil, "serving argument of this machine; repeatable")
	f.StringVar(&n.kind, "hardware", "", `kind of its devices, e.g. "NVIDIA H200"`)
	f.Uint32Var(&n.count, "count", 1, "how many of them")
}

func (n *nodeFlags) spec(cmd *cobra.Command) (config.Node, error) {
	spec := n.Node
	switch {
	case n.kind != "":
		spec.Hardware = []config.Hardware{{Type: n.kind, Count: n.count}}
	case cmd.Flags().Changed("count"), cmd.Flags().Changed("hardware"):
		return config.Node{}, errors.New("--count says how many devices --hardware names, which is missing or empty")
	}
	return spec, nil
}

func reloadCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "Let the running broker take over the nodes of its configuration file", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return changeNodes(cmd, out, http.MethodPost, "/admin/v1/reload", nil)
		},
	}
}

func changeNodes(cmd *cobra.Command, out io.Writer, method, path string, body any) error {
	o, err := operatorOf(cmd)
	if err != nil {
		return err
	}
	var nodes []httpapi.Node
	if err := o.call(cmd.Context(), method, path, body, &nodes); err != nil {
		return err
	}
	return printNodes(out, nodes)
}
