// Package compress makes models smaller: it cuts linear layers to factors of low rank, feed-forward
// networks to fewer features and matrices to chains of cores, so that the outputs change least on
// the inputs that occur, and shares a budget among the layers.
package compress
