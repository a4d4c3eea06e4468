-- How often a verdict is sent follows from how its last message ended.

-- +goose Up
ALTER TABLE poc_verdicts DROP COLUMN tries;

-- +goose Down
ALTER TABLE poc_verdicts ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
