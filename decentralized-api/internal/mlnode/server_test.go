package mlnode

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"ninefold.dev/decentralized-api/internal/mlnode/mlnodev1"
)

// server is a compute server that plays a script.
type server struct {
	mlnodev1.UnimplementedNodeServiceServer

	mu       sync.Mutex
	commands []uint64
	tokens   []string

	batches []*mlnodev1.GenerateResponse // sent one after the other
	hold    bool                         // whether the stream stays open after them
	start   *mlnodev1.GenerateStart
	acks    []uint64
	ended   chan struct{} // closed when our half of the stream ended

	steps      []*mlnodev1.StartRoundResponse
	loading    []*mlnodev1.LoadModelResponse
	round      *mlnodev1.Round
	spoil      func(*mlnodev1.ValidateResponse)
	nodeStatus *mlnodev1.GetStatusResponse
	pocStatus  *mlnodev1.PocServiceGetStatusResponse
	endRound   []bool
}

// connect serves s in memory and returns a client of it.
func connect(t *testing.T, s *server, options ...grpc.DialOption) *Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	g := grpc.NewServer()
	mlnodev1.RegisterPocServiceServer(g, pocServer{server: s})
	mlnodev1.RegisterNodeServiceServer(g, s)
	served := make(chan struct{})
	go func() { defer close(served); _ = g.Serve(listener) }()
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	c, err := dial("passthrough:///node", options...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		g.Stop()
		<-served
	})
	return c
}

func (s *server) command(number uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.commands); n > 0 && number <= s.commands[n-1] {
		return status.Errorf(codes.FailedPrecondition, "command %d after %d", number, s.commands[n-1])
	}
	s.commands = append(s.commands, number)
	return nil
}

func (s *server) Generate(stream mlnodev1.PocService_GenerateServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	s.start = first.GetStart()
	if s.ended != nil {
		defer close(s.ended)
	}
	if err := s.command(s.start.Generation); err != nil {
		return err
	}
	acked := make(chan struct{})
	go func() {
		defer close(acked)
		for {
			request, err := stream.Recv()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.acks = append(s.acks, request.GetAck().Sequence)
			s.mu.Unlock()
		}
	}()
	for _, batch := range s.batches {
		if err := stream.Send(batch); err != nil {
			return err
		}
	}
	if s.hold {
		<-acked
	}
	return nil
}

func (s *server) StartRound(r *mlnodev1.StartRoundRequest, stream mlnodev1.PocService_StartRoundServer) error {
	if err := s.command(r.Generation); err != nil {
		return err
	}
	s.round = r.Round
	for _, step := range s.steps {
		if err := stream.Send(step); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) LoadModel(r *mlnodev1.LoadModelRequest, stream mlnodev1.NodeService_LoadModelServer) error {
	if err := s.command(r.Generation); err != nil {
		return err
	}
	for _, step := range s.loading {
		if err := stream.Send(step); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) UnloadModel(_ context.Context, r *mlnodev1.UnloadModelRequest) (*mlnodev1.UnloadModelResponse, error) {
	return &mlnodev1.UnloadModelResponse{}, s.command(r.Generation)
}

func (s *server) Stop(_ context.Context, r *mlnodev1.StopRequest) (*mlnodev1.StopResponse, error) {
	s.endRound = append(s.endRound, r.EndRound)
	return &mlnodev1.StopResponse{}, s.command(r.Generation)
}

func (s *server) Validate(stream mlnodev1.PocService_ValidateServer) error {
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := &mlnodev1.ValidateResponse{RequestId: r.RequestId, PublicKey: r.PublicKey, Nonces: r.Nonces}
		for _, nonce := range r.Nonces {
			digest := make([]byte, digestSize)
			digest[0] = byte(nonce)
			answer.Valid = append(answer.Valid, nonce%2 == 0)
			answer.Digests = append(answer.Digests, digest)
		}
		if s.spoil != nil {
			s.spoil(answer)
		}
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

func (s *server) GetStatus(ctx context.Context, _ *mlnodev1.GetStatusRequest) (*mlnodev1.GetStatusResponse, error) {
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		s.tokens = append(s.tokens, md.Get("authorization")...)
	}
	return s.nodeStatus, nil
}

// pocServer gives the second GetStatus its own receiver: both services have a
// method of this name.
type pocServer struct {
	mlnodev1.UnsafePocServiceServer
	*server
}

func (s pocServer) GetStatus(context.Context, *mlnodev1.PocServiceGetStatusRequest) (*mlnodev1.PocServiceGetStatusResponse, error) {
	return s.pocStatus, nil
}
