//go:build !small

package built

// Small reports whether parts are left out.
const Small = false

// Buffers is how large a receive buffer may be, in MiB.
const Buffers = 64
