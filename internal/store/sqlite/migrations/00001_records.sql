-- +goose Up

-- Headers of runs. The header itself is JSON; the other columns are what lists sort by.
CREATE TABLE runs (
    id         TEXT PRIMARY KEY,
    created_ns INTEGER NOT NULL,
    header     TEXT NOT NULL
) STRICT;

-- Finished trials, never changed.
CREATE TABLE trials (
    run    TEXT NOT NULL REFERENCES runs (id),
    seq    INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;

-- The series around each trial, one row per channel, in the order of the sampler.
CREATE TABLE samples (
    run     TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    channel TEXT NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (run, seq, place),
    FOREIGN KEY (run, seq) REFERENCES trials (run, seq)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER trials_are_final BEFORE UPDATE ON trials
BEGIN
    SELECT RAISE(ABORT, 'trials are never changed');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE samples;
DROP TABLE trials;
DROP TABLE runs;
