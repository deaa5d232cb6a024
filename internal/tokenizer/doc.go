// Package tokenizer turns text into token ids and back.
//
// Three families are supported, named as in GGUF metadata (tokenizer.ggml.model):
//
//   - "gpt2": byte-level byte-pair encoding. Text is cut into pieces by one of
//     the pre-tokenizers in [PreTokenizers], then adjacent symbols of a piece
//     are merged in the order of the vocabulary's merge list.
//   - "llama": SentencePiece-style merging by token score, with one token per
//     byte for characters outside the vocabulary.
//   - "bert": WordPiece. Text is normalized and cut into words, and each word
//     into the longest tokens from its beginning on.
//
// Ids equal llama.cpp's on the same vocabulary, for well-formed and for broken
// UTF-8; the fixtures under testdata hold its ids. Four deliberate differences
// stand where it has no answer or loses text:
//
//   - A four-byte sequence that encodes a value above U+10FFFF ends in an
//     uncaught error there; here each of its bytes reads as U+FFFD.
//   - Its detokenizer may remove spaces before punctuation; [Tokenizer.Decode]
//     never does, so that text survives the round trip.
//   - A normal token with characters outside the byte alphabet decodes to these
//     characters, where llama.cpp writes a note about an unknown byte.
//   - Tokens of equal length that overlap in the text are tried in order of id
//     here; its order is unspecified.
//
// A [Tokenizer] does not change after [New] and may be used by several
// goroutines at once; a [Stream] belongs to one.
package tokenizer
