-- +goose Up

-- What the store was made for: a store of another chain or host is refused.
CREATE TABLE binding (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- The last block that was handled.
CREATE TABLE cursor (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    height INTEGER NOT NULL
) STRICT;

-- Nodes that the operator added while the broker ran, and switches of all nodes.
CREATE TABLE nodes (
    id      TEXT PRIMARY KEY,
    spec    TEXT,                       -- JSON; NULL for a node of the configuration file
    enabled INTEGER NOT NULL DEFAULT 1
) STRICT;

-- What has to reach the chain. key makes an intent the same intent.
CREATE TABLE outbox (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    key       TEXT NOT NULL UNIQUE,
    epoch     INTEGER NOT NULL,
    priority  INTEGER NOT NULL,         -- lower goes first
    message   BLOB NOT NULL,            -- google.protobuf.Any
    deadline  INTEGER NOT NULL,         -- last height that may include it
    state     TEXT NOT NULL CHECK (state IN ('pending', 'signed', 'committed', 'rejected', 'expired', 'superseded')),
    codespace TEXT NOT NULL DEFAULT '',
    code      INTEGER NOT NULL DEFAULT 0,
    log       TEXT NOT NULL DEFAULT '',
    height    INTEGER NOT NULL DEFAULT 0, -- that included it
    created   INTEGER NOT NULL,           -- Unix milliseconds
    ended     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_open ON outbox (priority, id) WHERE state IN ('pending', 'signed');

-- The signed bytes of an intent, written before they leave the process.
CREATE TABLE attempts (
    hash      BLOB PRIMARY KEY,
    outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    sequence  INTEGER NOT NULL,
    tx        BLOB NOT NULL,
    sent      INTEGER NOT NULL DEFAULT 0, -- height at which it was last broadcast
    passed    INTEGER NOT NULL DEFAULT 0  -- height at which its sequence was first seen used up
) STRICT;
CREATE INDEX attempts_of ON attempts (outbox_id);

-- How far a node has come in a round.
CREATE TABLE poc_nodes (
    epoch      INTEGER NOT NULL,
    node_id    TEXT NOT NULL,
    node_index INTEGER NOT NULL,
    node_count INTEGER NOT NULL,
    lane_next  BLOB NOT NULL,           -- be64 for each lane, acknowledged
    received   INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, node_id)
) STRICT, WITHOUT ROWID;

-- Rounds in which nothing more is taken, from nodes that are new to it either.
CREATE TABLE poc_closed (
    epoch INTEGER PRIMARY KEY
) STRICT;

-- Proofs that were received and are in no batch yet.
CREATE TABLE poc_chunks (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch     INTEGER NOT NULL,
    node_id   TEXT NOT NULL,
    positions BLOB NOT NULL,            -- be64 each, ascending
    lane_next BLOB NOT NULL
) STRICT;
CREATE INDEX poc_chunks_of ON poc_chunks (epoch, node_id, seq);

-- Batches that were cut, with everything needed to open them.
CREATE TABLE poc_batches (
    epoch     INTEGER NOT NULL,
    node_id   TEXT NOT NULL,
    batch_id  INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    root      BLOB NOT NULL,
    lane_next BLOB NOT NULL,
    positions BLOB NOT NULL,
    height    INTEGER NOT NULL,         -- at which it was cut
    outbox_id INTEGER REFERENCES outbox (id), -- the last intent that carries it
    PRIMARY KEY (epoch, node_id, batch_id)
) STRICT;

-- Verdicts that were reached. A verdict stands: other content is refused.
CREATE TABLE poc_verdicts (
    epoch       INTEGER NOT NULL,
    participant TEXT NOT NULL,
    verdict     BLOB NOT NULL,          -- inference.v1.Verdict
    outbox_id   INTEGER REFERENCES outbox (id), -- the last intent that carries it
    tries       INTEGER NOT NULL DEFAULT 0,     -- intents that carried it
    PRIMARY KEY (epoch, participant)
) STRICT;

-- +goose Down
DROP TABLE poc_verdicts;
DROP TABLE poc_batches;
DROP TABLE poc_chunks;
DROP TABLE poc_closed;
DROP TABLE poc_nodes;
DROP TABLE attempts;
DROP TABLE outbox;
DROP TABLE nodes;
DROP TABLE cursor;
DROP TABLE binding;
