// Package world is a small world to ask questions about: short stories of people, places and
// things, and pictures of coloured shapes and numbers, made by a generator instead of being
// collected. Each example depends on its split, seed and index alone.
//
// A story is simulated before it is told, and its answer is read off the state of the world,
// not off the text. What a question can be answered with is drawn before the story, so that
// no answer is more frequent than it should be: a model that has not read the text is at
// chance.
//
// Splits are disjoint twice over: no set of names and no plot of one split occurs in another.
package world
