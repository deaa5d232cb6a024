// Package eval measures how good a model's answers are: perplexity and divergence from an
// original on text, scores on tasks, and the similarity of answers to references.
//
// Perplexity and divergence follow the protocol of llama.cpp's perplexity tool, so that
// figures compare with it on the same file. Figures carry their number of values, an
// interval and doubts; comparisons with an original are paired item by item.
//
// Models with random weights have a perplexity and a divergence, which tests of the machinery
// use, but no accuracy: tasks and references refuse them.
package eval
