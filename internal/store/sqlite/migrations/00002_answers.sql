-- +goose Up

-- Tasks that were answered, never changed.
CREATE TABLE answers (
    run    TEXT NOT NULL REFERENCES runs (id),
    seq    INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER answers_are_final BEFORE UPDATE ON answers
BEGIN
    SELECT RAISE(ABORT, 'answers are never changed');
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE answers;
