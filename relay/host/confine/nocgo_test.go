//go:build !cgo

package confine_test

// canMakeCode marks what is allowed: nothing is loaded.
const canMakeCode = ""
