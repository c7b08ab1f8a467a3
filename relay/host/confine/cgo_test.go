//go:build cgo

package confine_test

// canMakeCode marks what is allowed: a program that loads libraries makes code.
const canMakeCode = "+"
