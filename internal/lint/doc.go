// Package lint holds the rules of this repository that the compiler does not know: import
// direction, file and function size, documentation that names real paths. They run as
// ordinary tests; exceptions stand here as visible lists.
package lint
