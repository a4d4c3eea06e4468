// Package mlnode is the client of one compute server: typed calls over its
// gRPC services, with a deadline each and a number on every command.
package mlnode

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/mlnode/mlnodev1"
	"ninefold.dev/decentralized-api/internal/plan"
)

// Limits of the calls.
const (
	statusTimeout   = 5 * time.Second
	stopTimeout     = time.Minute
	roundTimeout    = 15 * time.Minute // BIG weights on a slow machine
	loadTimeout     = 2 * time.Hour    // a download may be part of it
	generateTimeout = 24 * time.Hour
	validateTimeout = 5 * time.Minute

	maxMessage = 4 << 20
)

// ErrProtocol means that a server answered something that no correct one does.
var ErrProtocol = errors.New("mlnode breaks the protocol")

// Client talks to one server. It is safe for concurrent use.
type Client struct {
	conn    *grpc.ClientConn
	poc     mlnodev1.PocServiceClient
	node    mlnodev1.NodeServiceClient
	command atomic.Uint64 // largest command number that was used or seen
}

// Dial prepares a connection; it is made when it is first used and remade when
// it breaks.
func Dial(spec config.Node) (*Client, error) {
	transport, err := transportOf(spec)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", spec.ID, err)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if spec.TokenFile != "" {
		token, err := os.ReadFile(spec.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", spec.ID, err)
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(strings.TrimSpace(string(token)))))
	}
	return dial(spec.Address, options...)
}

func dial(address string, options ...grpc.DialOption) (*Client, error) {
	options = append(options, grpc.WithDefaultCallOptions(
		grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
	conn, err := grpc.NewClient(address, options...)
	if err != nil {
		return nil, fmt.Errorf("mlnode %s: %w", address, err)
	}
	return &Client{
		conn: conn, poc: mlnodev1.NewPocServiceClient(conn), node: mlnodev1.NewNodeServiceClient(conn),
	}, nil
}

// transportOf returns TLS where an authority is named, mutual where a
// certificate is. Without one the server listens on loopback alone.
func transportOf(spec config.Node) (credentials.TransportCredentials, error) {
	if spec.CAFile == "" {
		return insecure.NewCredentials(), nil
	}
	authority, err := os.ReadFile(spec.CAFile)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS13}
	if !c.RootCAs.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("ca_file %s holds no certificate", spec.CAFile)
	}
	if spec.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(spec.CertFile, spec.KeyFile)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(c), nil
}

// bearer puts the server's token on every call.
type bearer string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials. A server
// without TLS binds loopback only.
func (bearer) RequireTransportSecurity() bool { return false }

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// nextCommand numbers a command above every one that the server has seen.
func (c *Client) nextCommand() uint64 { return c.command.Add(1) }

func (c *Client) sawCommand(number uint64) {
	for {
		last := c.command.Load()
		if number <= last || c.command.CompareAndSwap(last, number) {
			return
		}
	}
}

// Status is what a server says about itself.
type Status struct {
	Node   plan.Node // Serving, Args, Stopped, Challenge, NodeIndex, NodeCount, Generating
	Phase  string
	Engine string

	Generated, Acknowledged, Verified uint64 // valid nonces of the open round
	Rate                              float64
	Problems                          []string
}

// Status asks both services.
func (c *Client) Status(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	node, err := c.node.GetStatus(ctx, &mlnodev1.GetStatusRequest{})
	if err != nil {
		return Status{}, fmt.Errorf("status: %w", err)
	}
	poc, err := c.poc.GetStatus(ctx, &mlnodev1.PocServiceGetStatusRequest{})
	if err != nil {
		return Status{}, fmt.Errorf("status: %w", err)
	}
	c.sawCommand(node.Generation)
	return statusOf(node, poc), nil
}

func statusOf(node *mlnodev1.GetStatusResponse, poc *mlnodev1.PocServiceGetStatusResponse) Status {
	s := Status{
		Phase:     strings.TrimPrefix(node.State.String(), "NODE_STATE_"),
		Generated: poc.GeneratedNonces, Acknowledged: poc.AcknowledgedNonces, Verified: poc.VerifiedNonces,
		Rate: poc.NoncesPerSecond,
	}
	s.Node.Reachable = true
	s.Node.Stopped = node.State == mlnodev1.NodeState_NODE_STATE_STOPPED && poc.Round == nil
	if node.State == mlnodev1.NodeState_NODE_STATE_INFERENCE {
		s.Node.Serving, s.Node.Args = node.ModelId, node.ModelArgs
	}
	if poc.Round != nil {
		s.Node.Challenge = poc.Round.BlockHash
		s.Node.NodeIndex, s.Node.NodeCount = poc.Round.NodeIndex, poc.Round.NodeCount
	}
	s.Node.Generating = poc.Phase == mlnodev1.PocPhase_POC_PHASE_GENERATE
	problems := []string{node.LastError, poc.LastError}
	for _, group := range poc.Groups {
		s.Engine = group.Engine
		problems = append(problems, group.Error)
	}
	for _, problem := range problems {
		if problem != "" {
			s.Problems = append(s.Problems, problem)
		}
	}
	return s
}
