package poc

import (
	"context"
	"database/sql"
	"fmt"

	errorsmod "cosmossdk.io/errors"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/inference-chain/x/inference/types"
)

// KindVerdict is the kind of intents that cast verdicts.
const KindVerdict = "poc_validation"

// Verdicts keeps what was found about other hosts and brings it to the chain.
type Verdicts struct {
	store *store.Store
}

// NewVerdicts makes the keeper over a store.
func NewVerdicts(s *store.Store) *Verdicts { return &Verdicts{store: s} }

// Reached returns the hosts for which a verdict stands in an epoch.
func (v *Verdicts) Reached(ctx context.Context, epoch uint64) (map[string]bool, error) {
	rows, err := v.store.Read().QueryContext(ctx, `SELECT participant FROM poc_verdicts WHERE epoch = ?`, epoch)
	if err != nil {
		return nil, fmt.Errorf("verdicts: %w", err)
	}
	defer rows.Close()
	reached := map[string]bool{}
	for rows.Next() {
		var host string
		if err := rows.Scan(&host); err != nil {
			return nil, fmt.Errorf("verdicts: %w", err)
		}
		reached[host] = true
	}
	return reached, rows.Err()
}

// Put writes a verdict. The first one on a host stands.
func (v *Verdicts) Put(ctx context.Context, epoch uint64, verdict types.Verdict) error {
	raw, err := verdict.Marshal()
	if err != nil {
		return fmt.Errorf("verdicts: %w", err)
	}
	return v.store.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO poc_verdicts (epoch, participant, verdict) VALUES (?, ?, ?)
			ON CONFLICT DO NOTHING`, epoch, verdict.Participant, raw)
		if err != nil {
			return fmt.Errorf("verdicts: %w", err)
		}
		return nil
	})
}

// Submit writes the intents for all verdicts that none carries yet, and for
// those whose message was refused, and returns how many it wrote.
//
// A message is refused as a whole. Where the refusal is of its content it is
// sent again in halves, down to the verdicts that are meant. Everything else, a
// grant that lapsed or a node that is behind, may have passed by the next block,
// and what it befell goes together: a block takes one message of an account.
func (v *Verdicts) Submit(ctx context.Context, host string, epoch uint64, deadline int64) (int, error) {
	intents := 0
	err := v.store.Write(ctx, func(tx *sql.Tx) error {
		together, refused, err := looseVerdicts(ctx, tx, epoch)
		if err != nil {
			return err
		}
		messages := chunks(together, types.MaxVerdictsPerMessage)
		for _, r := range refused {
			messages = append(messages, r.again()...)
		}
		for _, verdicts := range messages {
			if err := enqueueVerdicts(ctx, tx, host, epoch, deadline, verdicts); err != nil {
				return err
			}
		}
		intents = len(messages)
		return nil
	})
	return intents, err
}

func chunks(verdicts []types.Verdict, size int) [][]types.Verdict {
	var parts [][]types.Verdict
	for len(verdicts) > 0 {
		n := min(size, len(verdicts))
		parts, verdicts = append(parts, verdicts[:n]), verdicts[n:]
	}
	return parts
}

// refusal is a message that was refused for its content.
type refusal struct {
	intent   int64
	inBlock  bool
	verdicts []types.Verdict
}

// again returns the messages that follow a refusal. A single verdict that was refused
// in a block is refused for good; at the door it is a node that refuses it.
func (r refusal) again() [][]types.Verdict {
	n := len(r.verdicts)
	if n == 1 && r.inBlock {
		return nil
	}
	return chunks(r.verdicts, (n+1)/2)
}

// ofContent says whether a refusal is of what the message says, or how much.
func ofContent(codespace string, code uint32) bool {
	of := func(err *errorsmod.Error) bool { return codespace == err.Codespace() && code == err.ABCICode() }
	return codespace == types.ModuleName || of(sdkerrors.ErrOutOfGas) || of(sdkerrors.ErrTxTooLarge)
}

// looseVerdicts returns the verdicts of an epoch that no intent carries which is open or
// was accepted, apart from those that were refused for their message's content.
func looseVerdicts(ctx context.Context, tx *sql.Tx, epoch uint64) (together []types.Verdict, refused []refusal, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT v.verdict, coalesce(o.id, 0), coalesce(o.codespace, ''), coalesce(o.code, 0), coalesce(o.height, 0)
		FROM poc_verdicts v LEFT JOIN outbox o ON o.id = v.outbox_id
		WHERE v.epoch = ? AND (v.outbox_id IS NULL OR o.state = 'rejected')
		ORDER BY o.id, v.participant`, epoch)
	if err != nil {
		return nil, nil, fmt.Errorf("verdicts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var raw []byte
		var intent, height int64
		var codespace string
		var code uint32
		if err := rows.Scan(&raw, &intent, &codespace, &code, &height); err != nil {
			return nil, nil, fmt.Errorf("verdicts: %w", err)
		}
		var verdict types.Verdict
		if err := verdict.Unmarshal(raw); err != nil {
			return nil, nil, fmt.Errorf("verdicts: %w", err)
		}
		if !ofContent(codespace, code) {
			together = append(together, verdict)
			continue
		}
		if n := len(refused); n == 0 || refused[n-1].intent != intent {
			refused = append(refused, refusal{intent: intent, inBlock: height > 0})
		}
		last := &refused[len(refused)-1]
		last.verdicts = append(last.verdicts, verdict)
	}
	return together, refused, rows.Err()
}

func enqueueVerdicts(ctx context.Context, tx *sql.Tx, host string, epoch uint64, deadline int64, verdicts []types.Verdict) error {
	key, err := nextKey(ctx, tx, KindVerdict, epoch)
	if err != nil {
		return err
	}
	id, err := outbox.Enqueue(ctx, tx, outbox.Intent{
		Kind: KindVerdict, Key: key, Epoch: epoch, Priority: priorityVerdict, Deadline: deadline,
		Message: &types.MsgSubmitPocValidation{Creator: host, EpochIndex: epoch, Verdicts: verdicts},
	})
	if err != nil {
		return err
	}
	for _, verdict := range verdicts {
		_, err := tx.ExecContext(ctx, `UPDATE poc_verdicts SET outbox_id = ? WHERE epoch = ? AND participant = ?`,
			id, epoch, verdict.Participant)
		if err != nil {
			return fmt.Errorf("verdicts: %w", err)
		}
	}
	return nil
}
